"""What the engine promises about runs, whatever the features are."""

import re

import numpy as np
import pytest

from features import kinds, record_header
from features.engine import CorruptRecordError, Engine
from features.entity_keys import Entity, StateForm, describe, key, parse_key
from features.event_columns import EventColumns
from features.kinds import EventKind as K
from features.run_result import KEEP_CONFIRMED_MS, KEEP_MS, MAX_ANNEX_BYTES
from tests.features.builders import town

ENGINE = Engine()


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a.view(np.uint32), b.view(np.uint32))


def run_in_chunks(
    columns: EventColumns, size: int, store: dict[bytes, bytes]
) -> tuple[np.ndarray, dict[bytes, bytes]]:
    vectors = []
    for at in range(0, len(columns), size):
        plan = ENGINE.plan(columns.take(slice(at, at + size)))
        result = ENGINE.run(plan, [store.get(key) for key in plan.keys])
        store.update((write.key, write.value) for write in result.writes())
        vectors.append(result.vectors)
    return np.concatenate(vectors), store


def test_phases_in_parallel_give_the_bits_of_the_sequential_walk() -> None:
    """Shared records, subscribers and second degree, each over four threads, come to the same."""
    columns = town(6000, subscribers=150, days=20, seed=1, partitions=4)
    plan = ENGINE.plan(columns)
    one, four = ENGINE.run(plan), ENGINE.run(plan, threads=4)
    assert same_bits(one.vectors, four.vectors)
    assert one.writes() == four.writes()


def test_chunks_with_storage_between_give_the_bits_of_one_run() -> None:
    """Packing and unpacking every record at every chunk loses nothing that can be read."""
    columns = town(6000, subscribers=60, days=45, seed=2)
    whole = ENGINE.run(ENGINE.plan(columns))
    vectors, store = run_in_chunks(columns, 101, {})
    assert same_bits(whole.vectors, vectors)
    assert store.keys() == {write.key for write in whole.writes()}


def test_busy_records_overflow_into_the_sketch_and_stay_exact_over_storage() -> None:
    """A number with hundreds of callees in a record keeps its estimate when it is stored."""
    columns = town(5000, subscribers=900, days=2, seed=3, others=2)
    whole = ENGINE.run(ENGINE.plan(columns))
    vectors, _ = run_in_chunks(columns, 250, {})
    assert same_bits(whole.vectors, vectors)
    callees = whole.vectors[:, ENGINE.catalog.slot("number_callees_30d")]
    called = (columns.kind <= K.CALL_ENDED) & (columns.flags & kinds.INBOUND > 0)
    for number in np.unique(columns.counterparty[called]):
        rows = np.flatnonzero(called & (columns.counterparty == number))
        true = len(np.unique(columns.subscriber[rows[:-1]]))
        assert true > 500
        assert abs(callees[rows[-1]] - true) < 0.15 * true  # three standard errors


def test_a_run_computed_again_from_the_same_records_writes_the_same_bytes() -> None:
    """What recovery from a journal rests on."""
    columns = town(2000, subscribers=80, days=3, seed=4)
    _, store = run_in_chunks(columns.take(slice(0, 1000)), 1000, {})
    plan = ENGINE.plan(columns.take(slice(1000, None)))
    records = [store.get(key) for key in plan.keys]
    first, second = ENGINE.run(plan, records), ENGINE.run(plan, records)
    assert same_bits(first.vectors, second.vectors)
    assert first.writes() == second.writes()


def test_a_lost_race_is_applied_to_the_newer_record() -> None:
    """Two partitions that met on one number: the loser's events land on the winner's record."""
    columns = town(400, subscribers=40, days=1, seed=5, partitions=2, others=3)
    mine, theirs = (columns.take(np.flatnonzero(columns.partition == p)) for p in (0, 1))
    plain = Engine(form=lambda: StateForm.PLAIN)  # whose header ends at a byte
    plan, other = plain.plan(mine), plain.plan(theirs)
    result, winner = plain.run(plan), plain.run(other)
    stored = {write.key: write.value for write in winner.writes()}
    shared = next(k for k in plan.keys if k in stored and parse_key(k)[0] is Entity.NUMBER)
    write = plain.reapply(plan, result, {shared: stored[shared]})[0]
    assert write.expected_version == 1
    parsed = record_header.parse(write.value)
    assert parsed.version == 2
    marks = {(m.source, m.partition): m for m in parsed.watermarks}
    assert {p for _, p in marks} == {0, 1}
    touching = mine.counterparty == np.uint64(parse_key(shared)[1])
    calls = touching & (mine.source == 0)
    assert marks[0, 0].offset == mine.offset[calls].max()
    assert marks[0, 0].version == 2
    # Applied once more, nothing is left to apply: only the version moves.
    again = plain.reapply(plan, result, {shared: write.value})[0]
    assert record_header.parse(again.value).watermarks == parsed.watermarks
    assert again.value[parsed.size :] == write.value[parsed.size :]


def test_reapplying_to_the_record_that_was_read_gives_the_write_of_the_run() -> None:
    """Applying without reading a vector is the same application, for every shared record."""
    columns = town(1500, subscribers=40, days=2, seed=6, others=12)
    _, store = run_in_chunks(columns.take(slice(0, 1000)), 1000, {})
    plan = ENGINE.plan(columns.take(slice(1000, None)))
    result = ENGINE.run(plan, [store.get(key) for key in plan.keys])
    writes = [w for w in result.writes() if parse_key(w.key)[0] is not Entity.SUBSCRIBER]
    assert len(writes) > 40
    for write in writes:
        assert ENGINE.reapply(plan, result, {write.key: store.get(write.key)}) == [write]


def test_a_subscribers_record_is_never_reapplied() -> None:
    """It has one writer; a conflict there means that the partition was lost."""
    columns = town(10, subscribers=2, days=1, seed=7)
    plan = ENGINE.plan(columns)
    result = ENGINE.run(plan)
    with pytest.raises(ValueError, match="one writer"):
        ENGINE.reapply(
            plan, result, {key("fw", Entity.SUBSCRIBER, int(columns.subscriber[0])): None}
        )


def test_reads_name_the_versions_loaded() -> None:
    """0 for what was not there, the stored version otherwise, in the order of ENTITIES."""
    columns = town(600, subscribers=20, days=1, seed=8)
    _, store = run_in_chunks(columns.take(slice(0, 400)), 200, {})
    plan = ENGINE.plan(columns.take(slice(400, None)))
    result = ENGINE.run(plan, [store.get(key) for key in plan.keys])
    for row in range(200):
        for which in range(3):
            slot = plan.slots[row, which]
            stored = None if slot < 0 else store.get(plan.keys[slot])
            assert result.reads[row, which] == record_header.record_version(stored)
    assert set(result.reads[:, 0]) == {2}


def test_annexes_travel_with_the_record() -> None:
    """The runtime's bytes come back as they were, until they are replaced or emptied."""
    columns = town(60, subscribers=3, days=1, seed=9)
    store: dict[bytes, bytes] = {}
    for at, note in ((0, b"open warning"), (20, None), (40, b"")):
        plan = ENGINE.plan(columns.take(slice(at, at + 20)))
        result = ENGINE.run(plan, [store.get(key) for key in plan.keys])
        row = int(np.flatnonzero(plan.slots[:, 0] >= 0)[0])
        person = plan.keys[plan.slots[row, 0]]
        if at == 0:
            assert not result.has_annex.any()
            target = person
        row = next(r for r in range(20) if plan.keys[plan.slots[r, 0]] == target)
        if at > 0:
            assert result.annex(row) == b"open warning"
            assert result.has_annex[row]
        if note is not None:
            result.set_annex(row, note)
            assert result.annex(row) == note
            assert result.has_annex[row] == bool(note)
        store.update((write.key, write.value) for write in result.writes())
    plan = ENGINE.plan(columns.take(slice(0, 20)))
    result = ENGINE.run(plan, [store.get(key) for key in plan.keys])
    assert not result.has_annex.any()
    with pytest.raises(ValueError, match="annex"):
        result.set_annex(0, b"x" * (MAX_ANNEX_BYTES + 1))


def test_confirmed_swindlers_are_kept_longer() -> None:
    """A number confirmed in a closed case outlives the windows."""
    columns = town(500, subscribers=20, days=1, seed=10)
    writes = ENGINE.run(ENGINE.plan(columns)).writes()
    keeps = {parse_key(w.key)[0]: set() for w in writes}
    for write in writes:
        keeps[parse_key(write.key)[0]].add(write.expire_ms)
        assert write.renew == (write.expire_ms == KEEP_CONFIRMED_MS)
    assert keeps[Entity.SUBSCRIBER] == {KEEP_MS}
    assert KEEP_CONFIRMED_MS in keeps[Entity.NUMBER] | keeps[Entity.ACCOUNT]


def test_a_corrupted_record_is_named_and_not_guessed_at() -> None:
    """A record that does not end where it should stops the run with its key."""
    columns = town(30, subscribers=2, days=1, seed=11)
    plan = ENGINE.plan(columns)
    records = [write.value for write in ENGINE.run(plan).writes()]
    records[0] = records[0] + b"\0"
    with pytest.raises(CorruptRecordError, match=re.escape(describe(plan.keys[0]))):
        ENGINE.run(plan, records)


def test_an_empty_chunk_is_a_chunk() -> None:
    """No event: no key, no vector, no write."""
    plan = ENGINE.plan(town(5, subscribers=1, days=1, seed=12).take(slice(0, 0)))
    result = ENGINE.run(plan, [])
    assert (plan.keys, result.vectors.shape[0], result.writes()) == ([], 0, [])
