"""A table is divided as its user says: by dates, by shares, or by lot where it has no times."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.tabular.table_dataset import TableOptions, dataset_of_table, table_options
from models.training.dataset_split import Split, known_when_the_day_began, split
from models.training.train_artifact import train
from models.training.training_dataset import DAY_MS, make_dataset
from tests.models.tabular.test_table_dataset import OPTIONS, table


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    return table()


def _parts(frame: pl.DataFrame, options: TableOptions) -> Split:
    framed = dataset_of_table(frame, options)
    return split(framed.dataset, table_options(0, framed, options).split)


def _day(moment: str) -> int:
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() * 1000)


def test_seven_days_of_training_seven_of_delay_seven_of_test(frame: pl.DataFrame) -> None:
    options = replace(
        OPTIONS,
        split_by="time",
        train_from="2025-02-01",
        test_from="2025-02-15",
        test_until="2025-02-22",
    )
    framed = dataset_of_table(frame, options)
    parts = split(framed.dataset, framed.split)
    train_rows, later, test = (parts.parts[name] for name in ("train", "calibrate", "test"))
    assert _day("2025-02-01") <= train_rows.time_ms.min() <= train_rows.time_ms.max()
    assert train_rows.time_ms.max() < later.time_ms.min()
    assert later.time_ms.max() < _day("2025-02-08")  # a label delay before the test
    assert _day("2025-02-15") <= test.time_ms.min() <= test.time_ms.max() < _day("2025-02-22")
    fitted = len(train_rows) + len(later)
    times = framed.dataset.time_ms
    assert fitted == ((times >= _day("2025-02-01")) & (times < _day("2025-02-08"))).sum()
    assert framed.schema.label_delay_ms == 7 * DAY_MS  # not a tenth of the period
    assert parts.label["train"].sum() == train_rows.label.sum()  # all known when the test begins


def test_groups_stay_apart_with_dates_too(frame: pl.DataFrame) -> None:
    parts = _parts(frame, replace(OPTIONS, test_from="2025-02-15"))
    groups = [set(part.group.tolist()) for part in parts.parts.values()]
    assert sum(map(len, groups)) == len(set.union(*groups))


def test_bounds_of_times_without_a_date_are_numbers_in_their_unit(frame: pl.DataFrame) -> None:
    start = frame["when"][0]
    hours = frame.with_columns(when=(pl.col("when") - start).dt.total_hours())
    options = replace(OPTIONS, time_unit="hours", test_from="1000", split_by="time")
    test = _parts(hours, options).parts["test"]
    assert test.time_ms.min() == 1000 * 3_600_000


def test_shares_divide_the_period(frame: pl.DataFrame) -> None:
    parts = _parts(frame, replace(OPTIONS, shares=(0.4, 0.2, 0.4), split_by="time"))
    span = parts.until_ms["test"] + parts.embargo_days * DAY_MS - parts.from_ms["train"]
    assert (parts.from_ms["test"] - parts.from_ms["train"]) / span == pytest.approx(0.6, abs=1e-3)


def test_later_labels_have_no_say_in_the_codes_of_texts(frame: pl.DataFrame) -> None:
    """With a test that lies early in the table, too."""
    fraud = frame["fraud"].to_numpy()
    early = (frame["when"] < datetime(2025, 1, 20)).to_numpy()  # noqa: DTZ001
    shop = np.where(early == (fraud == 1), "bad early", "bad late")
    options = replace(OPTIONS, test_from="2025-01-27", test_until="2025-02-05")
    schema = dataset_of_table(frame.with_columns(shop=pl.Series(shop)), options).schema
    [one] = [column for column in schema.columns if column.column == "shop"]
    assert one.codes["bad early"] > one.codes["bad late"]


def test_cards_whose_fraud_is_known_leave_the_test(frame: pl.DataFrame) -> None:
    options = replace(OPTIONS, split_by="time", test_from="2025-02-15", label_delay_days=3.0)
    every, some = _parts(frame, options), _parts(frame, replace(options, leave_known=True))
    kept = set(some.parts["test"].subject.tolist())
    dataset = dataset_of_table(frame, options).dataset
    frauds = dataset.take((dataset.label == 1) & (dataset.time_ms >= every.from_ms["train"]))
    for row in range(len(every.parts["test"])):
        test = every.parts["test"]
        day = int(test.time_ms[row]) // DAY_MS
        mine = frauds.group == test.group[row]
        known = ((frauds.time_ms[mine] + 3 * DAY_MS) // DAY_MS < day).any()
        assert (int(test.subject[row]) in kept) == (not known)
    assert 0 < len(kept) < len(every.parts["test"])


def test_a_fraud_of_today_is_not_known_today() -> None:
    rows = make_dataset(
        np.zeros((3, 1), np.float32), ["x"], time_ms=np.array([0, 5, DAY_MS]), label=np.array([1, 0, 0]),
        label_time_ms=np.array([3, 5, DAY_MS]), group=np.array([7, 7, 7]),
    )  # fmt: skip
    assert known_when_the_day_began(rows, 0).tolist() == [False, False, True]
    assert not known_when_the_day_began(rows, 1).any()  # frauds before the training are not counted


def test_a_table_without_times_is_divided_by_lot_and_says_so(
    frame: pl.DataFrame, tmp_path: Path
) -> None:
    options = TableOptions(label="fraud", group="card")
    framed = dataset_of_table(frame.drop("when", "row_number"), options)
    [warning] = [one for one in framed.findings if one.level == "warning"]
    assert (warning.about, "no histories" in warning.message) == ("times", True)
    assert set(framed.dataset.features) == {"amount", "country"}
    parts = split(framed.dataset, framed.split)
    groups = [set(part.group.tolist()) for part in parts.parts.values()]
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert sum(map(len, groups)) == frame["card"].n_unique()
    rates = [part.label.mean() for part in parts.parts.values()]
    assert max(rates) < 1.5 * min(rates)
    bad = [
        len(set(p.group[p.label == 1].tolist())) / len(g)
        for p, g in zip(parts.parts.values(), groups, strict=True)
    ]
    assert max(bad) - min(bad) < 0.02  # each part has its share of groups with fraud
    trained = train(framed.dataset, table_options(0, framed, options), tmp_path)
    assert trained.metrics["findings"][0]["about"] == "times"
    page = (trained.path / "report.html").read_text()
    assert "no times" in page
    assert "1970" not in page
    card = (trained.path / "model_card.md").read_text()
    assert "dealt to the parts by lot" in card


def test_times_without_a_date_have_no_hour_and_no_weekday(frame: pl.DataFrame) -> None:
    start = frame["when"][0]
    seconds = frame.with_columns(when=(pl.col("when") - start).dt.total_seconds())
    framed = dataset_of_table(seconds, OPTIONS)
    assert not {"hour_of_day", "day_of_week"} & set(framed.dataset.features)
    assert any("has no date" in one.message for one in framed.findings)
    days = dataset_of_table(frame.with_columns(when=pl.col("when").dt.date()), OPTIONS)
    assert "hour_of_day" not in days.dataset.features
    assert "day_of_week" in days.dataset.features
