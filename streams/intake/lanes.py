"""All lanes of a worker, and which partition belongs to which.

A lane is a loop over batches: it takes a chunk from each of its partitions that has one, and
processes them together. A partition always belongs to the same lane, so the events of a subscriber
are applied in order; several lanes overlap one batch's waiting for Redis and Kafka with another's
computation.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog

from streams.intake.batch_assembly import BatchAssembly, Behind
from streams.intake.lane import GATHER_SECONDS, AbandonedError, Lane, Processor
from streams.intake.open_partition import OpenPartition
from streams.intake.partition_buffer import SOURCE_COUNT
from streams.intake.record_decoder import DecodedRecords

log = structlog.get_logger(__name__)


class Lanes:
    """The lanes and the open partitions of a worker.

    Args:
        processor: opens, processes and closes.
        count: how many lanes.
        batch_events: most events of a batch.
        buffered_events: events held per partition before ``put`` waits.
        behind: whether a source has more to come.
        on_failure: called once with an error that no retry resolves; the worker must then stop.
        on_journal_dropped: called when a journalled chunk is given up.
        arriving: whether more chunks of the same fetch are about to be put.
        gather_seconds: longest wait for those.
    """

    def __init__(
        self,
        processor: Processor[Any],
        *,
        count: int,
        batch_events: int,
        buffered_events: int,
        behind: Behind,
        on_failure: Callable[[BaseException], None],
        on_journal_dropped: Callable[[], None] = lambda: None,
        arriving: Callable[[], bool] = lambda: False,
        gather_seconds: float = GATHER_SECONDS,
    ) -> None:
        self._processor = processor
        self._batch_events = batch_events
        self._buffered_events = buffered_events
        self._arriving = arriving
        self._lanes = [
            Lane(
                number,
                processor=processor,
                assembly=BatchAssembly(batch_events, behind, on_journal_dropped),
                worth_waiting=self._worth_waiting,
                on_failure=on_failure,
                gather_seconds=gather_seconds,
            )
            for number in range(count)
        ]
        self._open: dict[int, OpenPartition] = {}
        self._opening = asyncio.Lock()
        self._take_over: asyncio.Task[OpenPartition] | None = None
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
        """Open partitions by number."""
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

    def note_progress(self, partition: int) -> None:
        """Note that the lane of a partition moves (a retry that waits is progress)."""
        self._lane_of(partition).moved_at = time.monotonic()

    async def partition(
        self,
        number: int,
        committed: Callable[[], Sequence[int | None]] = lambda: (None,) * SOURCE_COUNT,
    ) -> OpenPartition:
        """Return the open partition; take it over first if it is not open yet.

        Args:
            number: of the partition.
            committed: returns the offset of each source from which Kafka sends; None for its beginning. Asked only
                of a partition that is not open.

        Raises:
            AbandonedError: partitions were revoked meanwhile. A take-over after that would fence
                the next owner for good.
        """
        partition = self._open.get(number)
        if partition is not None:
            return partition
        assignment = self._assignment
        async with self._opening:
            if assignment == self._assignment and number not in self._open:
                self._take_over = asyncio.create_task(self._processor.open(number, committed()))
                taking_over = self._take_over
                try:
                    await asyncio.wait({taking_over})
                finally:
                    taking_over.cancel()
                    self._take_over = None
                if assignment == self._assignment:
                    opened = taking_over.result()
                    self._open[number] = opened
                    self._lane_of(number).partitions[number] = opened
                    log.info("partition_opened", partition=number, epoch=opened.epoch)
            if assignment != self._assignment:
                raise AbandonedError("the partition was revoked while it was taken over.")
            return self._open[number]

    async def put(self, partition: OpenPartition, records: DecodedRecords) -> None:
        """Queue records; waits while the partition holds as much as it may.

        Records of an earlier assignment are dropped: the partition's next owner reads them again.
        """
        lane = self._lane_of(partition.number)
        while self._is_full(partition) and not partition.closing:
            await lane.wait_taken()
        if partition.closing:
            return
        partition.buffer.add(records)
        if self._arriving() and not records.questions:
            lane.wake_soon()  # the rest of the fetch goes into the same batch
        else:
            for each in self._lanes:
                each.wake()

    async def close(self, numbers: Iterable[int]) -> None:
        """Give partitions back: waiting records are dropped, a batch in hand is finished."""
        self._assignment += 1
        if self._take_over is not None:
            self._take_over.cancel()
        closing = [self._open.pop(number) for number in numbers if number in self._open]
        for partition in closing:
            partition.closing = True
            lane = self._lane_of(partition.number)
            lane.partitions.pop(partition.number, None)
            lane.wake()
        for lane in {self._lane_of(partition.number) for partition in closing}:
            await lane.wait_idle()
        for partition in closing:
            await self._processor.close(partition)
            log.info("partition_closed", partition=partition.number)

    def _worth_waiting(self, lane: Lane) -> bool:
        """A payment that a bank waits for never waits for the rest of a fetch."""
        small = lane.buffered_events < self._batch_events
        return small and self._arriving() and not lane.asked

    def _is_full(self, partition: OpenPartition) -> bool:
        # A journalled chunk is taken only when all of it has arrived: one topic that has filled the
        # buffer would keep out the other for good. The transport still bounds each of them.
        return partition.journal is None and partition.buffer.events >= self._buffered_events

    def _lane_of(self, partition: int) -> Lane:
        return self._lanes[partition % len(self._lanes)]
