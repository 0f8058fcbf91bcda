"""The kernel and the oracle agree to the last bit, whatever happens in whatever order."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features import kinds
from features.engine import Engine
from features.event_columns import EventColumns, from_arrays
from features.kinds import EventKind as K
from tests.features.builders import town
from tests.oracle.oracle import Oracle, events_of

ENGINE = Engine()
START = 1_760_000_000_000

# Gaps that stay within a tile, cross one, cross several levels, and leave windows altogether.
GAPS = st.sampled_from(
    [
        *(0, 1, 900, 9_999, 10_000, 45_000, 60_000, 300_000, 599_999, 600_001),
        *(3_600_000, 4_000_000, 5 * 3_600_000, 15 * 3_600_000),
        *(86_400_000, 4 * 86_400_000, 31 * 86_400_000),
    ]
)
LATE = st.sampled_from([0, 0, 0, 0, 0, 5_000, 70_000, 700_000, 5_000_000, 90_000_000, 3 * 10**9])


@st.composite
def rows(draw: st.DrawFn) -> dict[str, int]:
    kind = draw(st.sampled_from([*K, K.CALL_STARTED, K.CALL_ENDED, K.OUT_ATTEMPTED]))
    call, outcome = kind <= K.CALL_ENDED, kind == K.OUTCOME
    account = K.OUT_ATTEMPTED <= kind <= K.IN_REVERSED or (outcome and draw(st.booleans()))
    flags = kinds.ACCOUNT if account else 0
    flags |= draw(st.sampled_from([0, 0, 0, 1, 2])) << kinds.REVISION_SHIFT
    if call:
        flags |= draw(st.sampled_from([0, kinds.INBOUND, kinds.INBOUND]))
        flags |= draw(st.sampled_from([0, kinds.FOREIGN, kinds.SHORT_CODE]))
        flags |= draw(st.sampled_from([0, 0, kinds.ANSWERED])) if kind == K.CALL_ENDED else 0
        flags |= draw(st.integers(0, 3)) << kinds.ATTESTATION_SHIFT
    elif kind == K.LINE_CHANGED:
        flags |= draw(st.sampled_from([0, kinds.FORWARDING]))
        flags |= draw(st.sampled_from([0, kinds.ACTIVE]))
    elif outcome:
        flags |= draw(st.sampled_from([0, kinds.CONFIRMED, kinds.CONFIRMED, kinds.CLEARED]))
        flags |= draw(st.sampled_from([0, 0, kinds.CONTINUATION]))
    else:
        flags |= draw(st.integers(0, 7)) << kinds.PURPOSE_SHIFT
        flags |= draw(st.integers(0, 5)) << kinds.CHANNEL_SHIFT
    return {
        "kind": int(kind),
        "gap": draw(GAPS),
        "late": draw(LATE),
        "subscriber": draw(st.integers(1, 3)),
        "counterparty": 0 if kind == K.LINE_CHANGED else draw(st.integers(1, 5)),
        "device": draw(st.sampled_from([0, 0, 8, 9])),
        "subject": draw(st.integers(1, 20)),
        "amount_minor": draw(st.sampled_from([0, 1, 9_900, 10_000, 3_000_000, 10**13])),
        "duration_ms": draw(st.sampled_from([0, 900, 9_999, 10_000, 599_000, 600_000, 86_400_000])),
        "flags": flags,
        "again": draw(st.sampled_from([0, 0, 0, 0, 0, 1])),
    }


def columns_of(drawn: list[dict[str, int]]) -> EventColumns:
    """Rows in order of arrival; ``again`` is a producer's duplicate under a new offset."""
    table: dict[str, list[int]] = {
        name: [] for name in drawn[0] if name not in {"gap", "late", "again"}
    }
    times, clock = [], START
    for row in drawn:
        clock += row["gap"]
        for _ in range(1 + row["again"]):
            times.append(clock - row["late"])
            for name, column in table.items():
                column.append(row[name])
    source = [0 if k <= 3 else 1 if k <= 11 else 2 for k in table["kind"]]
    return from_arrays(
        **table, time_ms=times, source=source, partition=[3] * len(times), offset=range(len(times))
    )


def assert_same(columns: EventColumns, vectors: np.ndarray) -> None:
    oracle = Oracle()
    for i, event in enumerate(events_of(columns)):
        expected = oracle.see(event)
        unknown = expected.keys() - set(ENGINE.catalog.names)
        assert not unknown, f"the oracle names features that are not declared: {unknown}"
        wanted = np.array(
            [expected.get(name, math.nan) for name in ENGINE.catalog.names], np.float64
        ).astype(np.float32)
        same = (wanted == vectors[i]) | (np.isnan(wanted) & np.isnan(vectors[i]))
        if not same.all():
            j = int(np.flatnonzero(~same)[0])
            pytest.fail(
                f"event {i} ({event}): {ENGINE.catalog.names[j]} is {vectors[i, j]} by the kernel, "
                f"{wanted[j]} by the oracle"
            )


@given(st.lists(rows(), min_size=1, max_size=60))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_kernel_equals_oracle_in_one_run(drawn: list[dict[str, int]]) -> None:
    """One run over late, duplicate, corrected and out-of-order events gives the oracle's bits."""
    columns = columns_of(drawn)
    assert_same(columns, ENGINE.run(ENGINE.plan(columns)).vectors)


@given(st.lists(rows(), min_size=1, max_size=60), st.integers(1, 7))
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_kernel_equals_oracle_in_chunks(drawn: list[dict[str, int]], size: int) -> None:
    """Cutting the run into chunks, with every record packed and unpacked between, changes nothing."""
    columns = columns_of(drawn)
    store: dict[bytes, bytes] = {}
    vectors = []
    for at in range(0, len(columns), size):
        plan = ENGINE.plan(columns.take(slice(at, at + size)))
        result = ENGINE.run(plan, [store.get(key) for key in plan.keys])
        store.update((write.key, write.value) for write in result.writes())
        vectors.append(result.vectors)
    assert_same(columns, np.concatenate(vectors))


@pytest.mark.parametrize(("others", "seed"), [(3, 31), (70, 32)])
def test_kernel_equals_oracle_where_tables_overflow(others: int, seed: int) -> None:
    """Numbers and accounts with many people, people with many numbers: sketches and evictions."""
    columns = town(1200, subscribers=45, days=12, seed=seed, others=others)
    vectors = []
    store: dict[bytes, bytes] = {}
    for at in range(0, len(columns), 400):
        plan = ENGINE.plan(columns.take(slice(at, at + 400)))
        result = ENGINE.run(plan, [store.get(key) for key in plan.keys])
        store.update((write.key, write.value) for write in result.writes())
        vectors.append(result.vectors)
    assert_same(columns, np.concatenate(vectors))
    payers = np.concatenate(vectors)[:, ENGINE.catalog.slot("account_payers_30d")]
    assert (np.nanmax(payers) > 12) == (others == 3)


@given(st.lists(rows(), min_size=2, max_size=30), st.data())
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_redelivered_stretch_changes_nothing(
    drawn: list[dict[str, int]], data: st.DataObject
) -> None:
    """Events delivered again, from any earlier offset on, leave every record as it was."""
    columns = columns_of(drawn)
    plan = ENGINE.plan(columns)
    store = {write.key: write.value for write in ENGINE.run(plan).writes()}
    begin = data.draw(st.integers(0, len(columns) - 1))
    again = ENGINE.plan(columns.take(slice(begin, None)))
    result = ENGINE.run(again, [store[key] for key in again.keys])
    assert not result.fresh.any()
    assert result.writes() == []
