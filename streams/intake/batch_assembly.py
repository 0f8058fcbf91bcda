"""Choice of the chunks that make up a lane's next batch."""

from collections.abc import Callable, Mapping

import numpy as np
import structlog

from features.store.chunk_journal import Journal
from streams.intake.open_partition import OpenPartition
from streams.intake.partition_buffer import SOURCE_COUNT, Chunk, JournalMismatchError

log = structlog.get_logger(__name__)

JOURNAL_WAIT_SECONDS = 10.0
"""How long a journalled chunk waits for records once Kafka is known to hold no more of them."""

Behind = Callable[[int, int], bool | None]
"""(source, partition) -> whether Kafka holds records that were not fetched; None if unknown."""

Batch = list[tuple[OpenPartition, Chunk]]


class BatchAssembly:
    """Takes a chunk of each partition that has one.

    Args:
        batch_events: most events of a batch.
        behind: whether a source has more to come.
        on_journal_dropped: called when a journalled chunk is given up.
    """

    def __init__(
        self, batch_events: int, behind: Behind, on_journal_dropped: Callable[[], None]
    ) -> None:
        self._batch_events = batch_events
        self._behind = behind
        self._on_journal_dropped = on_journal_dropped
        self._first = 0

    def next_batch(self, partitions: Mapping[int, OpenPartition], now: float) -> Batch:
        """Return the next batch; empty while no partition may give a chunk.

        Each call starts one partition further, so that a full one cannot starve the others.

        Args:
            partitions: the lane's partitions by number.
            now: monotonic seconds.
        """
        numbers = sorted(partitions)
        if not numbers:
            return []
        self._first = (self._first + 1) % len(numbers)
        room = self._batch_events
        batch: Batch = []
        for number in numbers[self._first :] + numbers[: self._first]:
            chunk = self._chunk(partitions[number], room, now)
            if chunk is not None:
                batch.append((partitions[number], chunk))
                room -= len(chunk.events)
            if room <= 0:
                break
        return batch

    def _chunk(self, partition: OpenPartition, room: int, now: float) -> Chunk | None:
        buffer = partition.buffer
        if buffer.empty or partition.fenced:
            return None
        if partition.journal is not None:
            return self._journalled_chunk(partition, partition.journal, now)
        return buffer.take(room, lambda source: bool(self._behind(source, partition.number)), now)

    def _journalled_chunk(
        self, partition: OpenPartition, journal: Journal, now: float
    ) -> Chunk | None:
        ends = journal.ends()
        after = tuple(ends.get(source, 0) for source in range(SOURCE_COUNT))
        try:
            order = np.frombuffer(journal.order, np.uint8)
            chunk = partition.buffer.take_journalled(order, after)
        except JournalMismatchError as error:
            self._drop_journal(partition, str(error))
            return None
        if chunk is None and self._is_lost(partition, journal, now):
            self._drop_journal(partition, "Kafka holds no more records and the chunk is incomplete")
        return chunk

    def _is_lost(self, partition: OpenPartition, journal: Journal, now: float) -> bool:
        """Whether the missing records will not come: each source has been at its end for a while.

        An unknown end may only mean that a broker is away.
        """
        sources = set(journal.order)
        if any(self._behind(source, partition.number) is not False for source in sources):
            partition.missed_since = None
            return False
        if partition.missed_since is None:
            partition.missed_since = now
        return now - partition.missed_since >= JOURNAL_WAIT_SECONDS

    def _drop_journal(self, partition: OpenPartition, why: str) -> None:
        # Offsets in the records still keep events from being applied twice.
        log.error("journal_dropped", partition=partition.number, why=why)
        partition.journal = None
        self._on_journal_dropped()
