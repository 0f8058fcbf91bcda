"""Journals of partitions: taken over, written with the records, and closed when a chunk is done.

A chunk's journal is written together with its records and replaced by a floor (the offsets up to
which everything is done) before its offsets may be committed. Else a new owner could find the
journal of a chunk whose offsets are committed: Kafka would not send its events again, and the
owner would wait for them for as long as the topic is quiet.
"""

from collections.abc import Awaitable, Callable, Sequence

import structlog

from features.store import FencedError, JournalWrite, StateStore
from features.store.chunk_journal import Journal, JournalCorruptError, decode, encode, floor
from forewarn.errors import ForewarnError
from streams.intake.open_partition import OpenPartition
from streams.intake.partition_buffer import SOURCE_COUNT, PartitionBuffer
from streams.pipeline.dependency_retry import DependencyRetry
from streams.pipeline.job import DecisionJob
from streams.pipeline.state_io import StateIO
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)


class JournalCommit:
    """Opens and closes partitions, and commits jobs to the store.

    Args:
        store: keeps epochs and journals.
        state: writes journals and records of jobs.
        retry: repeats steps while Redis is away.
        metrics: dropped journals and fenced batches are counted.
        align_seconds: see ``PartitionBuffer``.
    """

    def __init__(
        self,
        store: StateStore,
        state: StateIO,
        retry: DependencyRetry,
        metrics: WorkerMetrics,
        align_seconds: float,
    ) -> None:
        self._store = store
        self._state = state
        self._retry = retry
        self._metrics = metrics
        self._align_seconds = align_seconds

    async def open(self, number: int, committed: Sequence[int | None]) -> OpenPartition:
        """Take a partition over; its journalled chunk, if any, is repeated before all others.

        Args:
            number: of the partition.
            committed: offset of each source from which Kafka sends; None for its beginning.
        """

        async def take_over() -> tuple[int, bytes | None]:
            epoch = (await self._store.take_over([number]))[number]
            return epoch, (await self._store.journals([number]))[number]

        epoch, entry = await self._retry.repeat("redis", take_over, ())
        journal = self._decode_journal(number, entry) if entry else None
        # Scores name their chunk, so a number that a damaged journal hides must not be reused.
        unused = epoch << 32 if entry else 0
        floors = journal.floors() if journal else {}
        positions = tuple(floors.get(source, 0) for source in range(SOURCE_COUNT))
        unfinished = journal if journal and journal.order else None
        if unfinished and _is_committed(unfinished, committed):
            # The store lost its last writes, for a journal is closed before a commit.
            log.error("journal_dropped", partition=number, why="its offsets are committed")
            self._metrics.dropped_journals.inc()
            positions, unfinished = _ends(unfinished), None
        return OpenPartition(
            number=number,
            epoch=epoch,
            buffer=PartitionBuffer(number, positions, self._align_seconds),
            journal=unfinished,
            chunk=journal.chunk if journal else unused,
        )

    def _decode_journal(self, number: int, entry: bytes) -> Journal | None:
        """The journal; None for a damaged one, which every worker would find damaged.

        Events of its chunk are then applied by the offsets in the records: those that were applied
        before are not scored again.
        """
        try:
            return decode(entry)
        except JournalCorruptError as error:
            log.error("journal_dropped", partition=number, why=error.message)  # noqa: TRY400
            self._metrics.dropped_journals.inc()
            return None

    async def close(self, partition: OpenPartition) -> None:
        """Note that everything up to here is done, so that the next owner repeats nothing."""
        if partition.fenced or partition.in_hand or partition.journal is not None:
            return  # the journal of a chunk that may be half done has to stay
        ends = dict(enumerate(partition.buffer.done))
        entry = encode(floor(partition.chunk, ends))
        try:
            await self._store.commit(
                [], journals=[JournalWrite(partition.number, partition.epoch, entry)]
            )
        except ForewarnError as error:
            # The journal of the last chunk is still in place: the next owner repeats that chunk.
            log.info("journal_not_closed", partition=partition.number, why=str(error))

    async def write(self, jobs: list[DecisionJob]) -> list[DecisionJob]:
        """Write journals and records; return the jobs whose partitions are still owned."""
        return await self._while_owned(jobs, self._state.write)

    async def settle(self, jobs: list[DecisionJob]) -> list[DecisionJob]:
        """Replace the journals by floors; return the jobs whose partitions are still owned."""

        async def write_floors(owned: Sequence[DecisionJob]) -> None:
            floors = [
                JournalWrite(
                    job.partition.number,
                    job.partition.epoch,
                    encode(floor(job.number, dict(enumerate(job.chunk.after)))),
                )
                for job in owned
            ]
            await self._store.commit([], journals=floors)

        return await self._while_owned(jobs, write_floors)

    async def _while_owned(
        self,
        jobs: list[DecisionJob],
        step: Callable[[Sequence[DecisionJob]], Awaitable[None]],
    ) -> list[DecisionJob]:
        """Do a step for the jobs whose partitions are still owned; return these."""
        partitions = [job.partition for job in jobs]
        while jobs:
            owned = jobs
            try:
                await self._retry.repeat("redis", lambda: step(owned), partitions)  # noqa: B023 - awaited before the next turn
            except FencedError as error:
                self._metrics.fenced.inc()
                log.warning("partitions_fenced", partitions=error.partitions)
                for job in jobs:
                    if job.partition.number in error.partitions:
                        job.partition.fenced = True
                jobs = [job for job in jobs if not job.partition.fenced]
            else:
                break
        return jobs


def _ends(journal: Journal) -> tuple[int, ...]:
    ends = journal.ends()
    return tuple(ends.get(source, 0) for source in range(SOURCE_COUNT))


def _is_committed(journal: Journal, committed: Sequence[int | None]) -> bool:
    """Whether Kafka will not send the journalled chunk again, since all of it is committed."""
    ends, present = journal.ends(), set(journal.order)
    return all((committed[source] or 0) >= ends[source] for source in present)
