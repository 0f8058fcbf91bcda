"""Lanes: who works on which partition, when, and what happens when a partition comes or goes.

A lane is a loop over batches: it takes a chunk from each of its partitions that has one, and works
on them together. A partition always belongs to the same lane, so the events of a subscriber are
applied in order; several lanes overlap one batch's waiting for Redis and Kafka with another's
computing.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import structlog

from features.store.chunk_journal import Journal
from forewarn.errors import ForewarnError
from streams.intake.partition_buffer import (
    SOURCE_COUNT,
    Chunk,
    JournalMismatchError,
    PartitionBuffer,
)
from streams.intake.record_decoder import DecodedRecords

log = structlog.get_logger(__name__)

GATHER_SECONDS = 0.005
"""Longest wait for the rest of what was fetched together: a batch costs as much as many events."""

Behind = Callable[[int, int], bool | None]
"""(source, partition) -> whether Kafka holds more than was fetched; None if it is not known."""

JOURNAL_WAIT_SECONDS = 10.0
"""How long a journalled chunk waits for records once Kafka is known to hold no more of them."""


@dataclass(slots=True)
class OpenPartition:
    """A partition that this worker owns by the store's epoch.

    Attributes:
        journal: a chunk that may be half done and is to be done again first.
        chunk: number of the last chunk.
        closing: it was revoked.
        in_hand: a chunk of it is begun and not finished.
        in_hand_ms: append time of that chunk's first event of each source, UTC ms; 0 for none.
        missed_since: when the journalled chunk was first found incomplete with nothing more to
            come, monotonic seconds; None while more may come.
        fenced: another worker has taken it over; nothing of it is worked on any more.
        newest_ms: the newest event time seen.
    """

    number: int
    epoch: int
    buffer: PartitionBuffer
    journal: Journal | None
    chunk: int = 0
    closing: bool = False
    in_hand: bool = False
    in_hand_ms: tuple[int, ...] = (0,) * SOURCE_COUNT
    missed_since: float | None = None
    fenced: bool = False
    newest_ms: int = 0


class Processor(Protocol):
    """What a lane needs done: opening a partition, and working on a batch."""

    async def open(self, partition: int, committed: Sequence[int | None]) -> OpenPartition:
        """Take the partition over and read its journal; Kafka sends from ``committed`` on."""

    async def process(self, batch: Sequence[tuple[OpenPartition, Chunk]]) -> None:
        """Do all of a batch; returns when its outputs are acknowledged."""

    async def close(self, partition: OpenPartition) -> None:
        """Leave the partition: note in the journal that nothing is half done."""


class AbandonedError(ForewarnError):
    """All partitions of the batch were revoked while it waited; their next owner repeats it."""


class Lanes:
    """All lanes of a worker.

    Args:
        processor: does the work.
        count: how many lanes.
        batch_events: most events of a batch.
        buffered_events: events held per partition before ``put`` waits.
        behind: tells whether a source has more to come.
        on_dropped: called when a journalled chunk is given up.
        on_failure: called once with an error that no retry mends; the worker must then stop.
        arriving: tells whether more of what was fetched together is about to be put.
        gather_seconds: longest wait for that.
    """

    def __init__(
        self,
        processor: Processor,
        *,
        count: int,
        batch_events: int,
        buffered_events: int,
        behind: Behind,
        on_failure: Callable[[BaseException], None],
        on_dropped: Callable[[], None] = lambda: None,
        arriving: Callable[[], bool] = lambda: False,
        gather_seconds: float = GATHER_SECONDS,
    ) -> None:
        self._processor = processor
        self._batch_events = batch_events
        self._buffered_events = buffered_events
        self._behind = behind
        self._arriving = arriving
        self._gather_seconds = gather_seconds
        self._on_failure = on_failure
        self._on_dropped = on_dropped
        self._lanes = [_Lane(self, number) for number in range(count)]
        self._open: dict[int, OpenPartition] = {}
        self._opening = asyncio.Lock()
        self._taking_over: asyncio.Task[OpenPartition] | None = None
        self._assignment = 0

    def start(self) -> None:
        """Start the loops."""
        for lane in self._lanes:
            lane.start()

    async def stop(self) -> None:
        """Finish the batches in hand, close every partition, end the loops."""
        await self.close(tuple(self._open))
        for lane in self._lanes:
            await lane.stop()

    @property
    def open_partitions(self) -> dict[int, OpenPartition]:
        """What is open now, by number."""
        return dict(self._open)

    @property
    def buffered_events(self) -> int:
        """Events that wait in all partitions."""
        return sum(partition.buffer.events for partition in self._open.values())

    @property
    def progress(self) -> list[tuple[bool, float]]:
        """For each lane: whether a batch is in hand, and when it last moved (monotonic seconds)."""
        return [(lane.busy, lane.moved_at) for lane in self._lanes]

    @property
    def recovering(self) -> bool:
        """Whether a partition waits for Kafka to send a journalled chunk again."""
        return any(partition.journal is not None for partition in self._open.values())

    def moved(self, partition: int) -> None:
        """Note progress of the lane that owns the partition (a retry that waits is progress)."""
        self._lane_of(partition).moved_at = time.monotonic()

    async def partition(
        self, number: int, committed: Sequence[int | None] = (None,) * SOURCE_COUNT
    ) -> OpenPartition:
        """The open partition, taken over now if it is not open yet.

        Args:
            number: of the partition.
            committed: offset of each source from which Kafka sends; None for its beginning.

        Raises:
            AbandonedError: partitions were revoked meanwhile. Taking one over after that would
                fence its next owner, who would then wait for good.
        """
        partition = self._open.get(number)
        if partition is not None:
            return partition
        assignment = self._assignment
        async with self._opening:
            if assignment == self._assignment and number not in self._open:
                opening = asyncio.create_task(self._processor.open(number, committed))
                self._taking_over = opening
                try:
                    await asyncio.wait({opening})
                finally:
                    opening.cancel()
                    self._taking_over = None
                if assignment == self._assignment:
                    opened = opening.result()
                    self._open[number] = opened
                    self._lane_of(number).partitions[number] = opened
                    log.info("partition_opened", partition=number, epoch=opened.epoch)
            if assignment != self._assignment:
                raise AbandonedError("the partition was revoked while it was taken over.")
            return self._open[number]

    async def put(self, partition: OpenPartition, run: DecodedRecords) -> None:
        """Queue a run; waits while the partition holds as much as it may.

        A run of an earlier assignment is dropped: the partition's next owner reads it again.
        """
        lane = self._lane_of(partition.number)
        while self._is_full(partition) and not partition.closing:
            await lane.taken()
        if partition.closing:
            return
        partition.buffer.add(run)
        if self._arriving():
            lane.wake_soon()  # the rest of what was fetched together goes into the same batch
        else:
            for each in self._lanes:
                each.wake()

    def _worth_waiting(self, partitions: Iterable[OpenPartition]) -> bool:
        """Whether a batch would grow by waiting for the rest of what was fetched."""
        held = sum(partition.buffer.events for partition in partitions)
        return held < self._batch_events and self._arriving()

    def _is_full(self, partition: OpenPartition) -> bool:
        # A journalled chunk is taken only when all of it is here: one topic that has filled the
        # buffer would keep out the other for good. The transport still bounds each of them.
        return partition.journal is None and partition.buffer.events >= self._buffered_events

    async def close(self, numbers: Iterable[int]) -> None:
        """Give partitions back: their waiting runs are dropped, a batch in hand is finished."""
        self._assignment += 1
        if self._taking_over is not None:
            self._taking_over.cancel()
        closing = [self._open.pop(number) for number in numbers if number in self._open]
        for partition in closing:
            partition.closing = True
            lane = self._lane_of(partition.number)
            lane.partitions.pop(partition.number, None)
            lane.wake()
        for lane in {self._lane_of(partition.number) for partition in closing}:
            await lane.idle()
        for partition in closing:
            await self._processor.close(partition)
            log.info("partition_closed", partition=partition.number)

    def _lane_of(self, partition: int) -> "_Lane":
        return self._lanes[partition % len(self._lanes)]


class _Lane:
    """One loop; ``partitions`` is replaced by the owner as assignments change."""

    def __init__(self, lanes: Lanes, number: int) -> None:
        self.partitions: dict[int, OpenPartition] = {}
        self.moved_at = time.monotonic()
        self.busy = False
        self._lanes = lanes
        self._number = number
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._taken = asyncio.Condition()
        self._soon: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._first = 0

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"lane-{self._number}")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        self._wake.set()

    def wake_soon(self) -> None:
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(
                self._lanes._gather_seconds,  # noqa: SLF001 - two halves of one thing
                self.wake,
            )

    async def idle(self) -> None:
        """Wait until no batch is in hand, or the loop has ended."""
        if self._task is None or self._task.done():
            return
        waiter = asyncio.create_task(self._idle.wait())
        await asyncio.wait({waiter, self._task}, return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()

    async def taken(self) -> None:
        """Wait until something was taken from a buffer of this lane, or a second passed."""
        async with self._taken:
            try:
                await asyncio.wait_for(self._taken.wait(), timeout=1.0)
            except TimeoutError:
                return

    async def _run(self) -> None:
        try:
            while True:
                await self._step()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            log.exception("lane_failed", lane=self._number)
            self._lanes._on_failure(error)  # noqa: SLF001 - two halves of one thing
        finally:
            self._idle.set()

    async def _step(self) -> None:
        self._wake.clear()
        if self._lanes._worth_waiting(self.partitions.values()):  # noqa: SLF001 - as above
            self.wake_soon()
            await self._wake.wait()
            self._wake.clear()
        batch = self._assemble()
        if not batch:
            await self._wait(any(not p.buffer.empty for p in self.partitions.values()))
            return
        self.busy = True
        self._idle.clear()
        self.moved_at = time.monotonic()
        try:
            await self._lanes._processor.process(batch)  # noqa: SLF001 - two halves of one thing
        except AbandonedError:
            log.info("batch_abandoned", lane=self._number)
        else:
            for partition, chunk in batch:
                if not partition.fenced:
                    chunk.acknowledge()
        finally:
            self.busy = False
            self.moved_at = time.monotonic()
            self._idle.set()
        async with self._taken:
            self._taken.notify_all()

    async def _wait(self, holding: bool) -> None:
        """Sleep until woken; briefly while a partition holds back for its other topic."""
        try:
            await asyncio.wait_for(self._wake.wait(), timeout=0.02 if holding else None)
        except TimeoutError:
            return

    def _assemble(self) -> list[tuple[OpenPartition, Chunk]]:
        """A chunk of each partition that has one, starting one further each time for fairness."""
        numbers = sorted(self.partitions)
        if not numbers:
            return []
        self._first = (self._first + 1) % len(numbers)
        room = self._lanes._batch_events  # noqa: SLF001 - two halves of one thing
        now = time.monotonic()
        batch: list[tuple[OpenPartition, Chunk]] = []
        for number in numbers[self._first :] + numbers[: self._first]:
            partition = self.partitions[number]
            chunk = self._chunk(partition, room, now)
            if chunk is not None:
                batch.append((partition, chunk))
                room -= len(chunk.events)
            if room <= 0:
                break
        return batch

    def _chunk(self, partition: OpenPartition, room: int, now: float) -> Chunk | None:
        buffer = partition.buffer
        if buffer.empty or partition.fenced:
            return None
        if partition.journal is not None:
            return self._again(partition, partition.journal, now)
        behind = self._lanes._behind  # noqa: SLF001 - two halves of one thing
        return buffer.take(room, lambda source: bool(behind(source, partition.number)), now)

    def _again(self, partition: OpenPartition, journal: Journal, now: float) -> Chunk | None:
        ends = journal.ends()
        after = tuple(ends.get(source, 0) for source in range(SOURCE_COUNT))
        try:
            order = np.frombuffer(journal.order, np.uint8)
            chunk = partition.buffer.take_journalled(order, after)
        except JournalMismatchError as error:
            self._drop_journal(partition, str(error))
            return None
        if chunk is None and self._misses(partition, journal, now):
            self._drop_journal(partition, "Kafka holds no more, and not all of the chunk came")
        return chunk

    def _misses(self, partition: OpenPartition, journal: Journal, now: float) -> bool:
        """Whether what is missing will not come: each source is at its end, for some time now.

        A source of which nothing is known yet may only have a broker that is away.
        """
        behind = self._lanes._behind  # noqa: SLF001 - two halves of one thing
        if any(behind(source, partition.number) is not False for source in set(journal.order)):
            partition.missed_since = None
            return False
        if partition.missed_since is None:
            partition.missed_since = now
        return now - partition.missed_since >= JOURNAL_WAIT_SECONDS

    def _drop_journal(self, partition: OpenPartition, why: str) -> None:
        # Offsets in the records still keep events from being applied twice.
        log.error("journal_dropped", partition=partition.number, why=why)
        partition.journal = None
        self._lanes._on_dropped()  # noqa: SLF001 - two halves of one thing
