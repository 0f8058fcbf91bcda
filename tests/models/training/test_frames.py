"""Any table can be trained on; what it says about a row is what was known before it."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from forewarn.errors import ConfigurationError
from models.training.dataset import DAY_MS
from models.training.entities import Events, entity_features
from models.training.frames import FrameOptions, dataset_of_frame, frame_options, times_ms
from models.training.split import split
from models.training.train import train

OPTIONS = FrameOptions(label="fraud", time="when", group="card")


def table(seed: int = 0, n: int = 6_000) -> pl.DataFrame:
    """Sixty days of cards; a terminal that was broken into taints its payments for a week."""
    rng = np.random.default_rng(seed)
    seconds = np.sort(rng.integers(0, 60 * 86_400, n))
    terminal = rng.integers(0, 200, n)
    day = seconds // 86_400
    bad = {(t, d) for t in range(0, 200, 9) for d in range(t % 40, t % 40 + 14)}
    fraud = np.array([(int(t), int(d)) in bad for t, d in zip(terminal, day, strict=True)])
    amount = rng.lognormal(3, 0.6, n) * np.where(fraud & (rng.random(n) < 0.5), 4, 1)
    return pl.DataFrame(
        {
            "row_number": np.arange(n),
            "when": [datetime(2025, 1, 1) + timedelta(seconds=int(s)) for s in seconds],  # noqa: DTZ001
            "card": [f"card-{c}" for c in rng.integers(0, 400, n)],
            "terminal": [f"t{t}" for t in terminal],
            "amount": amount,
            "country": rng.choice(["CN", "DE", None], n),
            "fraud": fraud.astype(int),
        }
    )


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    return table()


def test_a_table_is_trained_on_and_reported_like_any_other(
    frame: pl.DataFrame, tmp_path: Path
) -> None:
    dataset = dataset_of_frame(frame, OPTIONS)
    trained = train(dataset, frame_options(0, dataset, OPTIONS), tmp_path)
    assert trained.metrics["roc_auc"] > 0.8  # terminals' known frauds give the rest away
    assert 0 <= trained.metrics["precision_at_k"]["value"] <= 1
    groups = [set(part.group.tolist()) for part in trained.run.split.parts.values()]
    assert not groups[0] & groups[2]
    assert (trained.path / "report.html").is_file()


def test_csv_and_parquet_give_the_same_rows(frame: pl.DataFrame, tmp_path: Path) -> None:
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_csv(tmp_path / "t.csv")
    one = dataset_of_frame(tmp_path / "t.parquet", OPTIONS)
    other = dataset_of_frame(tmp_path / "t.csv", OPTIONS)
    assert one.features == other.features
    assert np.allclose(one.vectors, other.vectors, equal_nan=True)


def test_row_numbers_clocks_and_labels_are_no_features(frame: pl.DataFrame) -> None:
    seconds = pl.col("when").dt.epoch("s").alias("unix_time")
    names = dataset_of_frame(frame.with_columns(seconds), OPTIONS).features
    assert not {"unix_time", "row_number", "fraud", "when", "card", "terminal"} & set(names)
    assert {"amount", "country", "card_count_7d", "terminal_fraud_share_30d"} <= set(names)


def test_categories_not_seen_in_the_first_half_are_missing(frame: pl.DataFrame) -> None:
    late = frame.with_columns(
        pl.when(pl.int_range(pl.len()) > 5_000)
        .then(pl.lit("XX"))
        .otherwise("country")
        .alias("country")
    )
    dataset = dataset_of_frame(late, OPTIONS)
    column = dataset.vectors[:, dataset.features.index("country")]
    assert np.isnan(column[5_001:]).all()
    assert not np.isnan(column[:5_000]).all()


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (pl.col("fraud"), FrameOptions(label="nope", time="when"), "nope"),
        (pl.lit(None).alias("fraud"), OPTIONS, "no label"),
        (pl.lit(2).alias("fraud"), OPTIONS, "0 and 1"),
        (pl.lit("soon").alias("when"), OPTIONS, "no readable time"),
        (pl.col("fraud"), FrameOptions(label="fraud", time="when", group="nope"), "nope"),
        (pl.col("fraud"), FrameOptions(label="fraud", time="country"), "no readable time"),
    ],
)
def test_bad_tables_are_refused_by_name(
    frame: pl.DataFrame, change: pl.Expr, options: FrameOptions, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        dataset_of_frame(frame.with_columns(change), options)


def test_two_days_of_data_do_not_wait_a_week_for_labels(frame: pl.DataFrame) -> None:
    start = frame["when"][0]
    short = frame.with_columns(when=start + (pl.col("when") - start) / 30)
    dataset = dataset_of_frame(short, OPTIONS)
    parts = split(dataset, frame_options(0, dataset, OPTIONS).split)
    assert all(label.sum() > 0 for label in parts.label.values())
    train = parts.parts["train"]
    assert np.array_equal(parts.label["train"], train.label)  # the embargo is as long as the delay


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"no parquet")
    with pytest.raises(ConfigurationError, match="cannot read"):
        dataset_of_frame(path, OPTIONS)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1_700_000_000_000, 1_700_000_000_001], [1_700_000_000_000, 1_700_000_000_001]),
        ([1_700_000_000, 1_700_000_001], [1_700_000_000_000, 1_700_000_001_000]),
        ([0.0, 2.0], [0, 2 * DAY_MS]),
        ([0, 90_000], [0, 90_000_000]),
        (["1970-01-01T00:00:01", "1970-01-02"], None),
    ],
)
def test_times_are_read_as_documented(values: list[object], expected: list[int] | None) -> None:
    column = pl.Series("t", values)
    if expected is None:
        column = pl.Series("t", ["1970-01-01T00:00:01", "1970-01-02T00:00:00"])
        expected = [1_000, DAY_MS]
    assert times_ms(column).tolist() == expected


def test_histories_are_those_of_a_naive_scan() -> None:
    """Strictly earlier events of the same entity; labels only once they had time to arrive."""
    rng = np.random.default_rng(0)
    n, delay = 300, 2 * DAY_MS
    time_ms = np.sort(rng.integers(0, 40 * DAY_MS, n)) // 3_600_000 * 3_600_000  # with ties
    entity = rng.integers(-1, 6, n)
    amount, label = rng.random(n) * 100, (rng.random(n) < 0.3).astype(np.int8)
    found = dict(entity_features(Events(time_ms, amount, label), entity, "e", label_delay_ms=delay))
    for i in range(n):
        mine = (entity == entity[i]) & (time_ms < time_ms[i])
        week = mine & (time_ms >= time_ms[i] - 7 * DAY_MS)
        known = mine & (time_ms < time_ms[i] - delay) & (time_ms >= time_ms[i] - delay - 7 * DAY_MS)
        if entity[i] < 0:
            assert all(np.isnan(column[i]) for column in found.values())
            continue
        assert found["e_count_7d"][i] == week.sum()
        assert found["e_known_7d"][i] == known.sum()
        if known.any():
            assert found["e_fraud_share_7d"][i] == pytest.approx(label[known].mean(), rel=1e-5)
        if week.any():
            assert found["e_amount_mean_7d"][i] == pytest.approx(amount[week].mean(), rel=1e-4)
        if mine.any():
            gap = (time_ms[i] - time_ms[mine].max()) / 1000
            assert found["e_seconds_since_previous"][i] == pytest.approx(gap, rel=1e-6)
