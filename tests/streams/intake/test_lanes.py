"""Lanes keep a partition's order, bound what waits, and let go of partitions cleanly."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from features.store.chunk_journal import Journal, SourceRange
from streams.intake import batch_assembly as module
from streams.intake.lane import AbandonedError
from streams.intake.lanes import Lanes
from streams.intake.open_partition import OpenPartition
from streams.intake.partition_buffer import Chunk, PartitionBuffer
from streams.intake.record_decoder import DecodedRecords

STEPS = ("compute", "write", "complete")


@dataclass
class Computed:
    """A batch on its way."""

    batch: Sequence[tuple[OpenPartition, Chunk]]
    recovers: bool

    @property
    def numbers(self) -> set[int]:
        return {partition.number for partition, _ in self.batch}


class Recorder:
    """A processor that notes what it was given and can be held or made to fail at one of its steps."""

    def __init__(self, step: str = "compute") -> None:
        self.step = step
        self.written: set[int] = set()
        self.seen: list[tuple[int, int]] = []
        self.closed: list[int] = []
        self.batches: list[list[int]] = []
        self.in_hand: set[int] = set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.epoch = 0

    async def open(self, partition: int, committed: Sequence[int | None]) -> OpenPartition:
        self.epoch += 1
        return OpenPartition(
            number=partition,
            epoch=self.epoch,
            buffer=PartitionBuffer(partition, (0, 0, 0), align_seconds=0.0),
            journal=None,
        )

    async def compute(self, batch: Sequence[tuple[OpenPartition, Chunk]]) -> Computed:
        computed = Computed(batch, any(p.journal is not None for p, _ in batch))
        self.batches.append(sorted(computed.numbers))
        assert not computed.numbers & self.in_hand, "a partition is computed twice at once"
        self.in_hand |= computed.numbers
        await self._pass("compute")
        return computed

    async def write(self, batch: Computed) -> None:
        assert not batch.numbers & self.written, "a journal is replaced that is still needed"
        await self._pass("write")
        self.in_hand -= batch.numbers
        self.written |= batch.numbers

    async def complete(self, batch: Computed) -> None:
        await self._pass("complete")
        self.written -= batch.numbers
        for partition, chunk in batch.batch:
            self.seen.extend((partition.number, int(offset)) for offset in chunk.offsets)

    async def _pass(self, step: str) -> None:
        await asyncio.sleep(0)
        if step != self.step:
            return
        await self.gate.wait()
        if self.error is not None:
            raise self.error

    async def close(self, partition: OpenPartition) -> None:
        self.closed.append(partition.number)


def records_of(first: int, count: int, acked: list[int], source: int = 0) -> DecodedRecords:
    times = np.arange(first, first + count, dtype=np.int64)
    return DecodedRecords(
        source=source,
        next_offset=first + count,
        events=[object()] * count,  # type: ignore[list-item]
        offsets=times,
        appended_ms=times,
        merge_ms=times,
        dead_letters=[],
        acknowledge=lambda: acked.append(first),
    )


def lanes_of(recorder: Recorder, failures: list[BaseException], buffered: int = 100) -> Lanes:
    return Lanes(
        recorder,
        count=2,
        batch_events=7,
        buffered_events=buffered,
        behind=lambda _source, _partition: False,
        on_failure=failures.append,
    )


async def until(condition: object, *, seconds: float = 5.0) -> None:
    """Let the loop turn until a condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0)


async def test_order_is_kept_within_each_partition() -> None:
    """However chunks are cut over lanes and batches, offsets of a partition come in order."""
    recorder, acked = Recorder(), list[int]()
    lanes = lanes_of(recorder, [])
    lanes.start()
    for first in range(0, 60, 5):
        for number in (0, 1, 2, 3):
            await lanes.put(await lanes.partition(number), records_of(first, 5, acked))
    await until(lambda: len(recorder.seen) == 240)
    for number in range(4):
        assert [o for n, o in recorder.seen if n == number] == list(range(60))
    await until(lambda: len(acked) == 48)
    await lanes.stop()


@pytest.mark.parametrize("gather_seconds", [600.0, 0.0])
async def test_what_was_fetched_together_goes_into_one_batch(gather_seconds: float) -> None:
    """Its first chunk waits for the others, but not for good: they may be held up elsewhere."""
    recorder, arriving = Recorder(), True
    lanes = Lanes(
        recorder,
        count=1,
        batch_events=100,
        buffered_events=100,
        behind=lambda _source, _partition: False,
        on_failure=lambda _: None,
        arriving=lambda: arriving,
        gather_seconds=gather_seconds,
    )
    lanes.start()
    await lanes.put(await lanes.partition(0), records_of(0, 3, []))
    if gather_seconds:
        for _ in range(20):
            await asyncio.sleep(0)
    else:
        await until(lambda: recorder.batches)
    arriving = False
    await lanes.put(await lanes.partition(1), records_of(0, 3, []))
    await until(lambda: len(recorder.seen) == 6)
    assert recorder.batches == ([[0, 1]] if gather_seconds else [[0], [1]])
    await lanes.stop()


async def test_a_full_partition_makes_its_feeder_wait() -> None:
    """Back-pressure: nothing is buffered beyond the bound while a batch is held up."""
    recorder = Recorder()
    recorder.gate.clear()
    lanes = lanes_of(recorder, [], buffered=10)
    lanes.start()
    partition = await lanes.partition(0)

    async def feed() -> None:
        for first in range(0, 100, 5):
            await lanes.put(partition, records_of(first, 5, []))

    feeder = asyncio.create_task(feed())
    await until(lambda: partition.buffer.events >= 10)
    for _ in range(50):
        await asyncio.sleep(0)
    assert partition.buffer.events < 20
    assert not feeder.done()
    recorder.gate.set()
    await feeder
    await until(lambda: len(recorder.seen) == 100)
    await lanes.stop()


async def test_closing_finishes_the_batch_in_hand_and_drops_what_waits() -> None:
    """A revoked partition is closed after its batch; its waiting runs are for the next owner."""
    recorder, acked = Recorder(), list[int]()
    recorder.gate.clear()
    lanes = lanes_of(recorder, [])
    lanes.start()
    partition = await lanes.partition(0)
    await lanes.put(partition, records_of(0, 7, acked))
    await until(lambda: recorder.in_hand == {0})
    await lanes.put(partition, records_of(7, 7, acked))
    closing = asyncio.create_task(lanes.close([0]))
    for _ in range(20):
        await asyncio.sleep(0)
    assert recorder.closed == []
    recorder.gate.set()
    await closing
    assert recorder.closed == [0]
    assert [offset for _, offset in recorder.seen] == list(range(7))
    assert acked == [0]
    again = await lanes.partition(0)
    assert again.epoch > partition.epoch
    await lanes.stop()


@pytest.mark.parametrize("step", STEPS)
async def test_an_abandoned_batch_is_not_acknowledged(step: str) -> None:
    """When all its partitions are revoked while it waits, its offsets must not be committed."""
    recorder, acked, failures = Recorder(step), list[int](), list[BaseException]()
    recorder.error = AbandonedError("revoked")
    lanes = lanes_of(recorder, failures)
    lanes.start()
    await lanes.put(await lanes.partition(0), records_of(0, 3, acked))
    await until(lambda: not lanes.open_partitions[0].buffer.events)
    await lanes.close([0])
    assert acked == []
    assert failures == []
    await lanes.stop()


@pytest.mark.parametrize("step", STEPS)
async def test_a_failure_is_reported_and_nothing_is_acknowledged(step: str) -> None:
    """An error that no retry removes brings the worker down instead of losing the batch."""
    recorder, acked, failures = Recorder(step), list[int](), list[BaseException]()
    recorder.error = error = RuntimeError("a bug")
    lanes = lanes_of(recorder, failures)
    lanes.start()
    await lanes.put(await lanes.partition(1), records_of(0, 3, acked))
    await until(lambda: failures == [error])
    assert acked == []
    await lanes.stop()


async def test_the_next_batch_is_computed_while_outputs_wait_and_written_after_them() -> None:
    """The wait for Kafka costs the next batch nothing, and the journal of this one stays until it is over."""
    recorder, acked = Recorder("complete"), list[int]()
    recorder.gate.clear()
    lanes = lanes_of(recorder, [])
    lanes.start()
    partition = await lanes.partition(0)
    await lanes.put(partition, records_of(0, 7, acked))
    await until(lambda: recorder.written == {0})
    await lanes.put(partition, records_of(7, 7, acked))
    await until(lambda: recorder.batches == [[0], [0]])
    for _ in range(20):
        await asyncio.sleep(0)
    assert recorder.in_hand == {0}, "it is computed and not written"
    assert acked == []
    closing = asyncio.create_task(lanes.close([0]))
    for _ in range(20):
        await asyncio.sleep(0)
    assert recorder.closed == [], "both batches are finished first"
    recorder.gate.set()
    await closing
    assert [offset for _, offset in recorder.seen] == list(range(14))
    assert acked == [0, 7]
    await lanes.stop()


async def test_what_follows_a_repeated_chunk_waits_until_that_is_complete() -> None:
    """Its partition takes no other chunk while its journal is not done."""
    recorder, acked = Recorder("complete"), list[int]()
    recorder.gate.clear()
    lanes = lanes_of(recorder, [])
    lanes.start()
    partition = await lanes.partition(0)
    partition.journal = Journal(1, (SourceRange(0, 0, 3),), bytes(3), ())
    await lanes.put(partition, records_of(0, 3, acked))
    await lanes.put(partition, records_of(3, 3, acked))
    await until(lambda: recorder.written == {0})
    for _ in range(20):
        await asyncio.sleep(0)
    assert recorder.batches == [[0]]
    partition.journal = None
    recorder.gate.set()
    await until(lambda: acked == [0, 3])
    await lanes.stop()


async def test_a_partition_revoked_while_it_is_taken_over_is_left_alone() -> None:
    """A late take-over would fence the next owner, and no probe would show it."""
    recorder = Recorder()
    begun, finished = asyncio.Event(), list[int]()
    take_over = recorder.open

    async def slow(partition: int, committed: Sequence[int | None]) -> OpenPartition:
        begun.set()
        await asyncio.Event().wait()  # Redis is away
        finished.append(partition)
        return await take_over(partition, committed)

    recorder.open = slow  # type: ignore[method-assign]
    lanes = lanes_of(recorder, [])
    lanes.start()
    first, second = (asyncio.create_task(lanes.partition(number)) for number in (0, 0))
    await begun.wait()
    await lanes.close([0])
    for opening in (first, second):
        with pytest.raises(AbandonedError):
            await opening
    assert not finished
    assert not lanes.open_partitions
    recorder.open = take_over  # type: ignore[method-assign]
    assert (await lanes.partition(0)).epoch == 1
    await lanes.stop()


async def test_one_topic_cannot_keep_out_what_a_journalled_chunk_still_needs() -> None:
    """A chunk that is done again waits for both topics, whichever Kafka sends first."""
    recorder = Recorder()
    lanes = lanes_of(recorder, [], buffered=10)
    partition = await lanes.partition(0)
    ranges = (SourceRange(0, 0, 10), SourceRange(1, 0, 5), SourceRange(2, 0, 0))
    partition.journal = Journal(1, ranges, order=bytes([0] * 10 + [1] * 5))
    lanes.start()
    async with asyncio.timeout(5):
        for first in (0, 10, 20):
            await lanes.put(partition, records_of(first, 10, []))
        await lanes.put(partition, records_of(0, 5, [], source=1))
    await until(lambda: len(recorder.seen) >= 15)
    assert [offset for _, offset in recorder.seen[:15]] == [*range(10), *range(5)]
    await lanes.stop()


@pytest.mark.parametrize(("known", "dropped"), [(False, True), (None, False), (True, False)])
async def test_a_journal_that_kafka_will_not_send_again_gives_way(
    known: bool | None, dropped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its partition would stand still until a silent topic speaks again.

    While more may come, or nothing is known of a topic whose broker is away, it is waited for.
    """
    monkeypatch.setattr(module, "JOURNAL_WAIT_SECONDS", 0.0)
    recorder, dropped_journals, asked = Recorder(), list[bool](), list[int]()

    def behind(source: int, _partition: int) -> bool | None:
        asked.append(source)
        return known if source == 1 else False

    lanes = Lanes(
        recorder,
        count=1,
        batch_events=100,
        buffered_events=100,
        behind=behind,
        on_failure=lambda _: None,
        on_journal_dropped=lambda: dropped_journals.append(True),
    )
    partition = await lanes.partition(0)
    ranges = (SourceRange(0, 0, 10), SourceRange(1, 0, 5), SourceRange(2, 0, 0))
    partition.journal = Journal(1, ranges, order=bytes([0] * 10 + [1] * 5))
    lanes.start()
    await lanes.put(partition, records_of(0, 10, []))
    await until(lambda: asked.count(1) >= 2 or dropped_journals)
    assert bool(dropped_journals) == dropped
    assert lanes.recovering != dropped
    if dropped:
        await until(lambda: [offset for _, offset in recorder.seen] == list(range(10)))
    await lanes.stop()
