"""What every state store promises, whatever it keeps its bytes in."""

import asyncio
import os

import pytest

from features.entity_keys import Entity, StateForm, key
from features.record_header import COMPACT_LAYOUT, PLAIN_LAYOUT, Header, build, record_version
from features.store.redis_scripts import MAX_RECORDS_A_SCRIPT
from features.store.redis_store import RedisStateStore
from features.store.state_store import FencedError, JournalWrite, StateLostError, StateStore, Write
from tests.contract.memory_store import MemoryStateStore

HOUR_MS = 3_600_000


def record(
    store: StateStore, version: int, body: bytes = b"", last_event_ms: int = 1_700_000_000_000
) -> bytes:
    layout = PLAIN_LAYOUT if store.form is StateForm.PLAIN else COMPACT_LAYOUT
    return build(Header(layout, entity=0, version=version, last_event_ms=last_event_ms)) + body


def name(store: StateStore, number: int) -> bytes:
    """Keys over all buckets: the multiplier spreads them like a pseudonym's hash."""
    return key("fw", Entity.SUBSCRIBER, number * 0x9E3779B97F4A7C15 % 2**64, store.form)


def first(store: StateStore, number: int, body: bytes = b"a") -> Write:
    return Write(name(store, number), 0, record(store, 1, body), HOUR_MS)


async def test_a_record_is_read_as_it_was_written(store: StateStore) -> None:
    body = os.urandom(600) + b"\r\n\0$-1\r\n"
    assert await store.commit([first(store, 1, body)]) == []
    assert await store.load([name(store, 2), name(store, 1)]) == [None, record(store, 1, body)]


async def test_records_keep_their_order_over_buckets_nodes_and_batches(store: StateStore) -> None:
    count = 2 * MAX_RECORDS_A_SCRIPT + 7
    writes = [first(store, i, b"%d" % i) for i in range(1, count)]
    assert await store.commit(writes) == []
    backwards = [write.key for write in reversed(writes)]
    assert await store.load(backwards) == [write.value for write in reversed(writes)]


async def test_a_write_lands_only_on_the_version_that_it_expects(store: StateStore) -> None:
    await store.commit([first(store, 1), first(store, 2)])
    later = record(store, 2, b"later")
    assert await store.commit([Write(name(store, 1), 1, later, HOUR_MS)]) == []

    stale = Write(name(store, 1), 1, record(store, 2, b"stale"), HOUR_MS)
    fine = Write(name(store, 2), 1, record(store, 2, b"fine"), HOUR_MS)
    (conflict,) = await store.commit([stale, fine])
    assert (conflict.index, conflict.key, conflict.record) == (0, name(store, 1), later)
    assert await store.load([name(store, 1), name(store, 2)]) == [later, fine.value]


async def test_a_record_that_exists_is_never_taken_for_a_new_one(store: StateStore) -> None:
    await store.commit([first(store, 1, b"theirs")])
    (conflict,) = await store.commit([first(store, 1, b"ours")])
    assert conflict.record == record(store, 1, b"theirs")


async def test_a_record_that_has_gone_is_a_conflict_and_is_not_written(store: StateStore) -> None:
    (conflict,) = await store.commit([Write(name(store, 1), 3, record(store, 4), HOUR_MS)])
    assert conflict.record is None
    assert await store.load([name(store, 1)]) == [None]


async def test_a_repeated_write_is_no_conflict_with_itself(store: StateStore) -> None:
    writes = [first(store, 1, b"x"), first(store, 2, b"y")]
    assert await store.commit(writes) == []
    assert await store.commit(writes) == []


async def test_of_writers_that_race_exactly_one_wins_each_version(store: StateStore) -> None:
    await store.commit([first(store, 1, b"0")])
    won = [0] * 8

    async def writer(me: int) -> None:
        for _ in range(12):
            while True:
                (current,) = await store.load([name(store, 1)])
                assert current is not None
                version = record_version(current)
                value = record(store, version + 1, b"%d:%d" % (me, won[me]))
                if not await store.commit([Write(name(store, 1), version, value, HOUR_MS)]):
                    won[me] += 1
                    break

    await asyncio.gather(*(writer(me) for me in range(8)))
    (last,) = await store.load([name(store, 1)])
    assert last is not None
    assert record_version(last) == 1 + sum(won) == 97


async def test_a_journal_is_kept_per_partition_and_overwritten(store: StateStore) -> None:
    epochs = await store.take_over([0, 1, 300])
    assert await store.journals([0, 1, 300]) == {0: None, 1: None, 300: None}
    await store.commit([], journals=[JournalWrite(p, epochs[p], b"one %d" % p) for p in epochs])
    await store.commit([], journals=[JournalWrite(1, epochs[1], b"two")])
    assert await store.journals([300, 0, 1]) == {300: b"one 300", 0: b"one 0", 1: b"two"}


async def test_each_take_over_gives_a_higher_epoch(store: StateStore) -> None:
    before = await store.take_over([3, 5])
    after = await store.take_over([5])
    assert after[5] > before[5]
    assert (await store.take_over([3]))[3] > before[3]


async def test_a_stale_owner_writes_neither_journal_nor_records(store: StateStore) -> None:
    old = await store.take_over([2, 4])
    await store.commit([], journals=[JournalWrite(2, old[2], b"old")])
    await store.take_over([2])

    with pytest.raises(FencedError) as refused:
        await store.commit([first(store, 1)], journals=[JournalWrite(2, old[2], b"stale")])
    assert refused.value.partitions == (2,)
    assert not refused.value.retryable
    assert await store.journals([2]) == {2: b"old"}
    assert await store.load([name(store, 1)]) == [None]

    with pytest.raises(FencedError):
        await store.commit([first(store, 1)], epochs={2: old[2]})
    assert await store.load([name(store, 1)]) == [None]


async def test_one_stale_partition_of_a_batch_keeps_all_records_back(store: StateStore) -> None:
    epochs = await store.take_over([6, 7])
    await store.take_over([7])
    journals = [JournalWrite(p, epochs[p], b"batch") for p in (6, 7)]
    with pytest.raises(FencedError) as refused:
        await store.commit([first(store, 1)], journals=journals)
    assert refused.value.partitions == (7,)
    assert await store.load([name(store, 1)]) == [None]


async def test_a_current_owner_writes_under_its_epoch(store: StateStore) -> None:
    epochs = await store.take_over([8])
    assert await store.commit([first(store, 1)], epochs=epochs) == []
    assert await store.load([name(store, 1)]) == [record(store, 1, b"a")]


async def test_empty_requests_succeed(store: StateStore) -> None:
    assert await store.load([]) == []
    assert await store.commit([]) == []
    assert await store.take_over([]) == {}
    assert await store.journals([]) == {}
    await store.ping()


async def test_opening_again_finds_the_same_store(store: StateStore) -> None:
    identity = await store.open(create=False)
    await store.commit([first(store, 1)])
    assert await store.open(create=True) == identity
    assert await store.load([name(store, 1)]) == [record(store, 1, b"a")]


async def test_a_rebuild_begins_empty_and_keeps_others_out_until_it_ends(store: StateStore) -> None:
    await store.commit([first(store, 1), first(store, 2)])
    before = await store.open(create=True)
    await store.begin_rebuild()
    assert await store.load([name(store, 1), name(store, 2)]) == [None, None]
    await store.commit([first(store, 1, b"rebuilt")])
    other = another(store)
    with pytest.raises(StateLostError, match="rebuild"):
        await other.open(create=True)
    await store.end_rebuild()
    assert await other.open(create=False) != before
    assert await other.load([name(store, 1), name(store, 2)]) == [
        record(store, 1, b"rebuilt"),
        None,
    ]


def another(store: StateStore) -> StateStore:
    """A second worker's view of the same store."""
    if isinstance(store, MemoryStateStore):
        return store
    assert isinstance(store, RedisStateStore)
    return RedisStateStore(store._connection, prefix="fw", tags=store._tags, retries=store._retries)
