"""Chunks that are planned and run in one step come to the same bits as each of them alone."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalog import CATALOG
from features.engine import CorruptRecordError, Engine
from features.entity_keys import Entity
from features.event_columns import EventColumns, concat
from features.joint_writes import writes_of
from features.plan import Plan
from features.run_result import RunResult
from tests.features.builders import town

ENGINE = Engine(CATALOG)
ARRAYS = ("entity", "slots", "groups", "group_record", "group_source", "group_partition")
TOWN = town(700, subscribers=12, days=20, seed=3, partitions=4, others=6)
HISTORY = TOWN.take(slice(300, None))
"""Few people and few others, so that chunks of one batch share records."""


def chunks_of(columns: EventColumns, cuts: list[int]) -> list[EventColumns]:
    """Each partition's rows in order, cut at places between 0 and 100 per cent of them."""
    found = []
    for partition, cut in enumerate(cuts):
        rows = np.flatnonzero(columns.partition == partition)
        found.append(columns.take(rows[: len(rows) * cut // 100]))
    return found


def stored_after(columns: EventColumns) -> dict[bytes, bytes]:
    """What a store holds after some events."""
    plan = ENGINE.plan(columns)
    return {write.key: write.value for write in ENGINE.run(plan).writes()}


STORED = stored_after(TOWN.take(slice(0, 300)))


def assert_same_plan(found: Plan, wanted: Plan) -> None:
    assert found.keys == wanted.keys
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)


def assert_same_result(found: RunResult, wanted: RunResult) -> None:
    for name in ("vectors", "effects", "reads", "fresh", "has_annex"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)
    assert found.writes() == wanted.writes()


@given(st.lists(st.integers(0, 100), min_size=1, max_size=4))
def test_each_chunk_has_the_plan_and_the_result_that_it_has_alone(cuts: list[int]) -> None:
    chunks = chunks_of(HISTORY, cuts)
    bounds = np.cumsum([0, *map(len, chunks)]).tolist()
    joint = ENGINE.plan_jointly(concat(chunks), bounds)
    records = [[STORED.get(key) for key in part.keys] for part in joint.parts]
    results = ENGINE.run_jointly(joint, records)
    for chunk, part, known, result in zip(chunks, joint.parts, records, results, strict=True):
        alone = ENGINE.plan(chunk)
        assert_same_plan(part, alone)
        assert_same_result(result, ENGINE.run(alone, known))


@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=4),
    st.sets(st.integers(0, 3)),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 99), st.binary(max_size=9)), max_size=4),
)
def test_the_writes_of_some_chunks_packed_together_are_those_of_each_alone(
    cuts: list[int], left_out: set[int], annexes: list[tuple[int, int, bytes]]
) -> None:
    """Annexes are set after the run, and a chunk whose partition was lost is not written."""
    chunks = chunks_of(HISTORY, cuts)
    joint = ENGINE.plan_jointly(concat(chunks), np.cumsum([0, *map(len, chunks)]).tolist())
    records = [[STORED.get(key) for key in part.keys] for part in joint.parts]
    results = ENGINE.run_jointly(joint, records)
    alone = [
        ENGINE.run(ENGINE.plan(each), known) for each, known in zip(chunks, records, strict=True)
    ]
    for number, row, data in annexes:
        if (
            number < len(chunks)
            and row < len(chunks[number])
            and joint.parts[number].slots[row, 0] >= 0
        ):
            results[number].set_annex(row, data)
            alone[number].set_annex(row, data)
    kept = [number for number in range(len(chunks)) if number not in left_out]
    assert writes_of([results[number] for number in kept]) == [
        alone[number].writes() for number in kept
    ]


def test_a_chunk_can_be_applied_again_to_what_another_wrote() -> None:
    """A lost race is resolved from the plan and the result of a chunk that was computed with others."""
    chunks = chunks_of(HISTORY, [100, 100, 100, 100])
    joint = ENGINE.plan_jointly(concat(chunks), np.cumsum([0, *map(len, chunks)]).tolist())
    results = ENGINE.run_jointly(joint, [[None] * len(part.keys) for part in joint.parts])
    first = {write.key: write.value for write in results[0].writes()}
    for chunk, part, result in zip(chunks[1:], joint.parts[1:], results[1:], strict=True):
        shared = {
            key: first[key]
            for key, entity in zip(part.keys, part.entity.tolist(), strict=True)
            if key in first and entity
        }
        assert shared, "the chunks share records"
        alone = ENGINE.plan(chunk)
        wanted = ENGINE.reapply(alone, ENGINE.run(alone), shared)
        assert ENGINE.reapply(part, result, shared) == wanted


def test_a_damaged_record_is_named() -> None:
    chunks = chunks_of(HISTORY, [50, 50])
    joint = ENGINE.plan_jointly(concat(chunks), np.cumsum([0, *map(len, chunks)]).tolist())
    records = [[STORED.get(key) for key in part.keys] for part in joint.parts]
    place = next(i for i, record in enumerate(records[1]) if record is not None)
    record = records[1][place]
    assert record is not None
    records[1][place] = record[:-3]
    with pytest.raises(CorruptRecordError) as raised:
        ENGINE.run_jointly(joint, records)
    assert raised.value.key == joint.parts[1].keys[place]


@given(st.randoms(use_true_random=False), st.integers(1, 100))
def test_shared_records_are_written_again_as_the_run_writes_them_in_any_choice_and_order(
    random: Random, share: int
) -> None:
    plan = ENGINE.plan(HISTORY.take(slice(0, 200)))
    result = ENGINE.run(plan, [STORED.get(key) for key in plan.keys])
    owned = {k for k, e in zip(plan.keys, plan.entity, strict=True) if e == Entity.SUBSCRIBER}
    shared = [write for write in result.writes() if write.key not in owned]
    chosen = random.sample(shared, max(1, len(shared) * share // 100))
    assert ENGINE.reapply(plan, result, {w.key: STORED.get(w.key) for w in chosen}) == chosen
