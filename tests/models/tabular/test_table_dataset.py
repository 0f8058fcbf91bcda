"""Any table can be trained on; what it says about a row is what was known before it."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from forewarn.errors import ConfigurationError
from models.tabular.table_columns import money
from models.tabular.table_dataset import TableOptions, dataset_of_table, table_options
from models.training.dataset_split import split
from models.training.train_artifact import train

OPTIONS = TableOptions(label="fraud", time="when", group="card")


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
    framed = dataset_of_table(frame, OPTIONS)
    trained = train(framed.dataset, table_options(0, framed, OPTIONS), tmp_path)
    assert trained.metrics["roc_auc"] > 0.8  # terminals' known frauds give the rest away
    assert 0 <= trained.metrics["precision_at_k"]["value"] <= 1
    groups = [set(part.group.tolist()) for part in trained.run.split.parts.values()]
    assert not groups[0] & groups[2]
    assert (trained.path / "report.html").is_file()


def test_csv_and_parquet_give_the_same_rows(frame: pl.DataFrame, tmp_path: Path) -> None:
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_csv(tmp_path / "t.csv")
    one = dataset_of_table(tmp_path / "t.parquet", OPTIONS).dataset
    other = dataset_of_table(tmp_path / "t.csv", OPTIONS).dataset
    assert one.features == other.features
    assert np.allclose(one.vectors, other.vectors, equal_nan=True)


def test_row_numbers_clocks_and_labels_are_no_features(frame: pl.DataFrame) -> None:
    seconds = pl.col("when").dt.epoch("s").alias("unix_time")
    names = dataset_of_table(frame.with_columns(seconds), OPTIONS).dataset.features
    assert not {"unix_time", "row_number", "fraud", "when", "card", "terminal"} & set(names)
    assert {"amount", "country", "card_count_7d", "terminal_fraud_share_30d"} <= set(names)


def test_categories_not_seen_in_the_train_part_are_missing(frame: pl.DataFrame) -> None:
    late = frame.with_columns(
        pl.when(pl.int_range(pl.len()) > 5_000)
        .then(pl.lit("XX"))
        .otherwise("country")
        .alias("country")
    )
    dataset = dataset_of_table(late, OPTIONS).dataset
    column = dataset.vectors[:, dataset.features.index("country")]
    assert np.isnan(column[5_001:]).all()
    assert not np.isnan(column[:5_000]).all()


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (pl.col("fraud"), TableOptions(label="nope", time="when"), "no column 'nope' for --label"),
        (pl.col("fraud"), TableOptions(label=""), "--frame needs --label"),
        (pl.col("fraud"), replace(OPTIONS, shares=(0.5, 0.5, 0.5)), "sum of 1"),
        (pl.col("fraud"), replace(OPTIONS, test_from="soon"), "--test-from is 'soon'"),
        (pl.col("fraud"), replace(OPTIONS, test_from="2024-01-01"), "would have no time"),
        (pl.col("fraud"), TableOptions(label="fraud", test_from="2025-02-01"), "without --time"),
        (pl.col("fraud"), TableOptions(label="fraud", leave_known=True), "--leave-known needs"),
        (pl.lit(None).alias("fraud"), OPTIONS, "no label"),
        (pl.lit(2).alias("fraud"), OPTIONS, "0 and 1"),
        (pl.lit("soon").alias("when"), OPTIONS, "no readable time"),
        (pl.col("fraud"), TableOptions(label="fraud", time="when", group="nope"), "nope"),
        (pl.col("fraud"), TableOptions(label="fraud", time="country"), "no readable time"),
    ],
)
def test_bad_tables_are_refused_by_name(
    frame: pl.DataFrame, change: pl.Expr, options: TableOptions, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        dataset_of_table(frame.with_columns(change), options)


def test_two_days_of_data_do_not_wait_a_week_for_labels(frame: pl.DataFrame) -> None:
    start = frame["when"][0]
    short = frame.with_columns(when=start + (pl.col("when") - start) / 30)
    framed = dataset_of_table(short, OPTIONS)
    parts = split(framed.dataset, table_options(0, framed, OPTIONS).split)
    assert all(label.sum() > 0 for label in parts.label.values())
    train = parts.parts["train"]
    assert np.array_equal(parts.label["train"], train.label)  # the embargo is as long as the delay


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"no parquet")
    with pytest.raises(ConfigurationError, match="cannot read"):
        dataset_of_table(path, OPTIONS)


def test_a_row_without_a_group_is_a_group_of_its_own(frame: pl.DataFrame) -> None:
    """One giant card of all that is missing would be one fraud, and lie on one side of the split."""
    holes = pl.int_range(pl.len()) % 10 == 0
    some = frame.with_columns(card=pl.when(holes).then(None).otherwise("card"))
    framed = dataset_of_table(some, OPTIONS)
    dataset = framed.dataset
    missing = dataset.group > some["card"].drop_nulls().n_unique()
    assert missing.sum() == 600
    assert len(np.unique(dataset.group[missing])) == 600
    frauds = missing & (dataset.label == 1)
    assert len(np.unique(dataset.episode[frauds])) == frauds.sum() > 1
    assert np.array_equal(dataset.exposure_minor[frauds], dataset.amount_minor[frauds])
    [warning] = [one for one in framed.findings if one.level == "warning"]
    assert (warning.about, "600 rows" in warning.message) == ("card", True)


def test_every_dropped_column_is_reported(frame: pl.DataFrame) -> None:
    more = frame.with_columns(
        nothing=pl.lit(None, dtype=pl.Float64),
        remark=pl.concat_str(pl.lit("remark "), pl.col("row_number")),
        unix_time=pl.col("when").dt.epoch("s"),
        parts=pl.concat_list("amount", "amount"),
    )
    framed = dataset_of_table(more, replace(OPTIONS, drop=("country",)))
    reasons = {one.about: one.message for one in framed.findings}
    for name, reason in {
        "nothing": "no values", "remark": "6,000 different texts", "row_number": "number of the row",
        "unix_time": "only grows", "parts": "type", "country": "--drop", "terminal": "histories",
        "when": "2025-01-01 00:16",
    }.items():  # fmt: skip
        assert reason in reasons[name]
    kept = {"label": "fraud", "group": "card", "amount": "amount"}
    assert set(more.columns) == (set(reasons) - {"labels"}) | set(kept.values())


def test_amounts_of_money_are_read_and_anything_else_is_refused(frame: pl.DataFrame) -> None:
    text = pl.concat_str(pl.lit("$1,"), pl.col("amount").round(2).cast(pl.Int64) % 900 + 100)
    dollars = frame.with_columns(amount=text)
    assert dataset_of_table(dollars, OPTIONS).dataset.amount_minor.min() >= 110_000
    named = replace(OPTIONS, amount="amount")
    bad = dollars.with_columns(
        amount=pl.when(pl.int_range(pl.len()) == 7).then(pl.lit("much")).otherwise("amount")
    )
    with pytest.raises(ConfigurationError, match="amount is no column of amounts"):
        dataset_of_table(bad, named)
    plain = frame.with_columns(amount=pl.col("amount").cast(pl.String))
    found = dataset_of_table(plain, named).dataset
    assert np.array_equal(found.amount_minor, dataset_of_table(frame, OPTIONS).dataset.amount_minor)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["$1,234.50", "-£3", "($7.25)", None], [1234.5, -3.0, -7.25, None]),
        (["1,000", " 2 "], [1000.0, 2.0]),
        (["00123", "00456"], None),
        (["$1", "one"], None),
    ],
)
def test_texts_of_money(texts: list[str | None], expected: list[float | None] | None) -> None:
    found = money(pl.Series("m", texts))
    assert (found.to_list() if found is not None else None) == expected


def test_names_that_lightgbm_refuses_or_that_collide_are_replaced(
    frame: pl.DataFrame, tmp_path: Path
) -> None:
    odd = frame.with_columns(
        pl.col("amount").alias('a:"b" [x]'), (pl.col("amount") * 2).alias("a__b___x_"),
        (pl.col("amount") % 7).alias("hour_of_day"), (pl.col("amount") % 3).alias(""),
        (pl.col("amount") % 5).alias("金额"),
    )  # fmt: skip
    framed = dataset_of_table(odd, OPTIONS)
    names = framed.dataset.features
    assert len(set(names)) == len(names)
    assert {"a__b___x_", "a__b___x__2", "hour_of_day", "hour_of_day_2", "unnamed", "金额"} <= set(
        names
    )
    short = replace(table_options(0, framed, OPTIONS), parameters={"n_estimators": 5})
    train(framed.dataset, short, tmp_path)


def test_categories_are_in_order_of_their_share_of_fraud_in_the_train_part(
    frame: pl.DataFrame,
) -> None:
    rng = np.random.default_rng(0)
    fraud = frame["fraud"].to_numpy()
    shop = np.where(rng.random(len(frame)) < 0.2 + 0.6 * fraud, "m-bad", "a-good")
    shop[4_000:] = np.where(fraud[4_000:] == 1, "a-good", "m-bad")  # later labels have no say
    dataset = dataset_of_table(frame.with_columns(shop=pl.Series(shop)), OPTIONS).dataset
    rank = dataset.vectors[:, dataset.features.index("shop")]
    assert set(rank[shop == "a-good"]) == {0.0}
    assert set(rank[shop == "m-bad"]) == {1.0}


def test_dates_of_a_row_count_in_days_before_its_event(frame: pl.DataFrame) -> None:
    born = frame.with_columns(opened=pl.col("when").dt.offset_by("-400d").dt.truncate("1mo"))
    dataset = dataset_of_table(born, OPTIONS).dataset
    age = dataset.vectors[:, dataset.features.index("opened")]
    assert 399 < age.min() < age.max() < 432
