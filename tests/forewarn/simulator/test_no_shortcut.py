"""No shortcut: no single feature separates fraud from honesty, and identifiers say nothing.

PaySim's published data let anyone find nearly all fraud from the letter before an account and from
a balance that always fell to zero. These tests hold the town to the opposite: on the real catalog
and on the raw columns the best single feature is weak, although all together are strong.
"""

from itertools import combinations

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from features.engine import Engine
from features.event_columns import EventColumns
from features.kinds import EventKind
from features.offline.frame_columns import call_columns, in_order, outcome_columns, transfer_columns
from features.offline.topic_frames import StoredRecord, frame_of
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.simulator import Scenario, Town, simulate
from forewarn.simulator.outcome_reports import outcome_records
from forewarn.simulator.town_files import canonical, partition_by_person

AUC_BOUND = 0.92
LIFT_BOUND = 12.0
"""How many times the base rate the precision at half the recall may be, for a single feature."""

JUDGED = (
    EventKind.CALL_STARTED,
    EventKind.CALL_ENDED,
    EventKind.OUT_ATTEMPTED,
    EventKind.IN_COMPLETED,
)


@pytest.fixture(scope="module")
def town() -> Town:
    """One event in a hundred is fraud: more than in life, so that there is enough to measure."""
    return simulate(Scenario(seed=17, subscribers=2_000, days=14, prevalence=0.01))


def separation(values: NDArray[np.floating], fraud: NDArray[np.bool_]) -> tuple[float, float]:
    """AUC of one feature in its better direction, and its lift at half the recall.

    The lift is that of the best single threshold that catches at least half: precision over base.
    """
    score = np.nan_to_num(values.astype(np.float64), nan=-1e12)
    auc = roc_auc_score(fraud, score)
    score = score if auc >= 0.5 else -score
    order = np.argsort(-score, kind="stable")
    caught = np.cumsum(fraud[order])
    ranked = score[order]
    whole = np.append(ranked[1:] != ranked[:-1], True)  # a threshold cannot split equal values
    precision = caught / np.arange(1, caught.size + 1)
    best = precision[whole & (caught >= fraud.sum() / 2)].max()
    return max(auc, 1 - auc), best / fraud.mean()


def worst(table: dict[str, NDArray[np.floating]], fraud: NDArray[np.bool_]) -> list[str]:
    """Which features break a bound, and by how much; empty if none does."""
    found = []
    for name, values in table.items():
        auc, lift = separation(values, fraud)
        if auc > AUC_BOUND or lift > LIFT_BOUND:
            found.append(f"{name}: AUC {auc:.3f}, lift {lift:.1f}")
    return found


def is_fraud(town: Town, frame: pl.DataFrame) -> NDArray[np.bool_]:
    fraud = town.labels.filter("is_fraud")["event_id"]
    return frame["event_id"].is_in(fraud.implode()).to_numpy()


@pytest.fixture(scope="module")
def vectors(town: Town) -> tuple[EventColumns, NDArray[np.float32], NDArray[np.bool_]]:
    """Columns, catalog vectors and truth of every call and transfer, as the backfill makes them."""
    pseudonymiser = Pseudonymiser(b"a key that only tests use")
    place = partition_by_person(town, 1)
    parts, truth = [], []
    for topic, frame, make in (
        ("calls", town.calls, call_columns),
        ("transfers", town.transfers, transfer_columns),
    ):
        nowhere = np.zeros(frame.height, dtype=place.dtype)
        rows = canonical(frame, topic, nowhere, np.arange(frame.height))
        parts.append(make(rows, pseudonymiser))
        truth.append(is_fraud(town, frame))
    telling = [
        StoredRecord(0, i, when, value)
        for i, (_, _, value, when) in enumerate(outcome_records(town))
    ]
    parts.append(outcome_columns(frame_of("outcomes", telling), pseudonymiser))
    columns = in_order(parts)
    engine = Engine()
    made = engine.run(engine.plan(columns)).vectors
    fraud = np.zeros(len(columns), dtype=bool)
    for source, of_topic in enumerate(truth):
        mine = columns.source == source
        fraud[mine] = of_topic[columns.offset[mine]]
    return columns, made, fraud


@pytest.mark.parametrize("kind", JUDGED)
def test_no_feature_of_the_catalog_separates_fraud_alone(kind: EventKind, vectors: tuple) -> None:
    columns, made, fraud = vectors
    rows = columns.kind == kind
    assert fraud[rows].sum() >= 100
    table = {name: made[rows, i] for i, name in enumerate(Engine().catalog.names)}
    assert worst(table, fraud[rows]) == []


def test_all_features_together_do_find_fraud(vectors: tuple) -> None:
    """Without this, the bounds above could be met by noise."""
    columns, made, fraud = vectors
    scored = columns.source != 2
    half = np.median(columns.time_ms)
    train, test = scored & (columns.time_ms < half), scored & (columns.time_ms >= half)
    # Half of the honest events are enough to learn from.
    train &= fraud | (columns.offset % 2 == 0)
    options = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 1,
               "feature_fraction": 0.3, "num_leaves": 15, "deterministic": True}  # fmt: skip
    model = lgb.train(options, lgb.Dataset(made[train], fraud[train]), 40)
    score = np.asarray(model.predict(made[test]))
    assert roc_auc_score(fraud[test], score) > 0.95
    assert average_precision_score(fraud[test], score) > 25 * fraud[test].mean()


def test_no_raw_column_of_calls_separates_fraud_alone(town: Town) -> None:
    ended = town.calls.filter(pl.col("type") == "call_ended")
    inbound = pl.col("direction") == "inbound"
    other = pl.when(inbound).then("caller").otherwise("callee")
    table = ended.select(
        pl.col("duration_ms"),
        pl.col("answered").cast(pl.Int8),
        inbound.cast(pl.Int8).alias("inbound"),
        (pl.col("event_time_ms") // 3_600_000 % 24).alias("hour"),
        (pl.col("event_time_ms") // 86_400_000 % 7).alias("weekday"),
        (pl.col("attestation") == "none").cast(pl.Int8).alias("unsigned"),
        (~other.str.starts_with("+86")).cast(pl.Int8).alias("foreign"),
        pl.col("district").rank("dense").alias("district"),
    )
    assert worst({c: table[c].to_numpy() for c in table.columns}, is_fraud(town, ended)) == []


@pytest.mark.parametrize("direction", ["outgoing", "incoming"])
def test_no_raw_column_of_transfers_separates_fraud_alone(town: Town, direction: str) -> None:
    status = "attempted" if direction == "outgoing" else "completed"
    rows = town.transfers.filter((pl.col("direction") == direction) & (pl.col("status") == status))
    table = rows.select(
        "amount_minor",
        (pl.col("amount_minor") % 10_000 == 0).cast(pl.Int8).alias("round"),
        (pl.col("amount_minor") % 100 == 0).cast(pl.Int8).alias("whole"),
        (pl.col("amount_minor") % 100).alias("cents"),
        (pl.col("event_time_ms") // 3_600_000 % 24).alias("hour"),
        *((pl.col("purpose") == p).cast(pl.Int8).alias(p) for p in ("transfer", "loan", "refund")),
        *((pl.col("channel") == c).cast(pl.Int8).alias(c) for c in ("app", "web", "counter")),
        pl.col("district").rank("dense").alias("district"),
    )
    assert worst({c: table[c].to_numpy() for c in table.columns}, is_fraud(town, rows)) == []


PAIR_LIFT_BOUND = 20.0
PAIR_ROWS = 12
"""A pair of values with fewer frauds says nothing either way; none may be fraud's alone, though."""


def telling_pairs(table: pl.DataFrame, fraud: NDArray[np.bool_]) -> list[str]:
    """Pairs of values that mean fraud: by far more often than usual, or every time."""
    found = []
    base = fraud.mean()
    for one, other in combinations(table.columns, 2):
        counted = (
            table.select(one, other, fraud=pl.Series(fraud))
            .group_by(one, other)
            .agg(pl.len(), pl.col("fraud").sum())
        )
        lift = pl.col("fraud") / pl.col("len") / base
        sure = (pl.col("fraud") >= 3) & (pl.col("fraud") == pl.col("len"))
        telling = counted.filter(sure | ((pl.col("fraud") >= PAIR_ROWS) & (lift > PAIR_LIFT_BOUND)))
        found += [f"{one}={a}, {other}={b}: {n} of {of}" for a, b, of, n in telling.iter_rows()]
    return found


@pytest.mark.parametrize("direction", ["outgoing", "incoming"])
def test_no_pair_of_columns_of_transfers_means_fraud(town: Town, direction: str) -> None:
    status = "attempted" if direction == "outgoing" else "completed"
    rows = town.transfers.filter((pl.col("direction") == direction) & (pl.col("status") == status))
    table = rows.select(
        "channel", "purpose", "district",
        (pl.col("event_time_ms") // 10_800_000 % 8).alias("hours"),
        (pl.col("event_time_ms") // 86_400_000 % 7).alias("weekday"),
        pl.col("amount_minor").log10().floor().clip(2, 7).alias("magnitude"),
        (pl.col("amount_minor") % 100 == 0).alias("whole"),
        (pl.col("amount_minor") % 10_000 == 0).alias("round"),
    )  # fmt: skip
    assert telling_pairs(table, is_fraud(town, rows)) == []


def test_no_pair_of_columns_of_calls_means_fraud(town: Town) -> None:
    ended = town.calls.filter(pl.col("type") == "call_ended")
    other = pl.when(pl.col("direction") == "inbound").then("caller").otherwise("callee")
    table = ended.select(
        "direction", "answered", "attestation", "district",
        other.str.slice(0, 3).alias("country"),
        (pl.col("event_time_ms") // 10_800_000 % 8).alias("hours"),
        (pl.col("event_time_ms") // 86_400_000 % 7).alias("weekday"),
    )  # fmt: skip
    assert telling_pairs(table, is_fraud(town, ended)) == []


def test_a_pair_that_only_frauds_write_is_seen() -> None:
    """As transfers at cash machines once were."""
    fraud = np.arange(3_000) % 100 == 0
    table = pl.DataFrame({
        "channel": np.where(fraud & (np.arange(3_000) % 900 == 0), "atm", "app"),
        "purpose": np.full(3_000, "transfer"),
    })  # fmt: skip
    assert telling_pairs(table, fraud) == ["channel=atm, purpose=transfer: 4 of 4"]


def characters(texts: pl.Series, width: int) -> NDArray[np.uint8]:
    """The bytes of identifiers, right-aligned, with the length as the last column."""
    padded = np.array([text.rjust(width)[-width:].encode() for text in texts.to_list()])
    lengths = texts.str.len_chars().to_numpy().astype(np.uint8)
    return np.column_stack([padded.view(np.uint8).reshape(-1, width), lengths])


@pytest.mark.parametrize("column", ["caller", "payee_account", "event_id", "call_id", "device"])
def test_identifiers_carry_no_signal(town: Town, column: str) -> None:
    """A boosted model on the characters of an identifier is as good as a coin.

    It is judged on identifiers that it has not seen, since a known swindler's number is evidence.
    """
    if column == "payee_account":
        rows = town.transfers.filter(
            (pl.col("direction") == "outgoing") & (pl.col("status") == "attempted")
        )
    else:
        rows = town.calls.filter(
            (pl.col("type") == "call_started") & (pl.col("direction") == "inbound")
        )
    # A third of the honest rows is enough.
    fraud = is_fraud(town, rows)
    rows = rows.filter(pl.Series(fraud | (np.arange(rows.height) % 3 == 0)))
    fraud = is_fraud(town, rows)
    # Fold by identifier, so that no identifier is on both sides.
    fold = (rows[column].hash(seed=1) % 4).to_numpy()
    text = characters(rows[column], 17)
    score = np.zeros(rows.height)
    options = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 1,
               "num_leaves": 15, "min_data_in_leaf": 200, "deterministic": True}  # fmt: skip
    for part in range(4):
        train, test = fold != part, fold == part
        model = lgb.train(options, lgb.Dataset(text[train], fraud[train]), 25)
        score[test] = model.predict(text[test])
    assert fraud.sum() > 300
    aucs = [roc_auc_score(fraud[fold == part], score[fold == part]) for part in range(4)]
    assert np.mean(aucs) == pytest.approx(0.5, abs=0.06)
