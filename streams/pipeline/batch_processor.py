"""One batch from columns to acknowledged outputs, each step repeated until it succeeds.

The steps are repeated one by one and keep what the earlier ones found, because recomputing after
the journal is written would read records that carry the chunk already. While a dependency is
away the batch waits: nothing is skipped, buffers fill, fetching stops, readiness says why.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Literal, TypeVar

import numpy as np
import structlog

from features.store import FencedError, JournalWrite, StateLostError, StateStore
from features.store.chunk_journal import Journal, JournalCorruptError, decode, encode, floor
from forewarn.contracts import encode as encode_event
from forewarn.contracts.topics import SOURCES
from forewarn.errors import ForewarnError
from forewarn.telemetry.tracing import Tracer
from streams.intake.lanes import AbandonedError, OpenPartition
from streams.intake.partition_buffer import SOURCE_COUNT, Chunk, PartitionBuffer
from streams.pipeline.decide import ModelBundle
from streams.pipeline.job import DecisionJob
from streams.pipeline.messages import score_records
from streams.pipeline.producer import KeyValue, OutputProducer
from streams.pipeline.quarantine import Quarantine
from streams.pipeline.state_io import StateIO
from streams.pipeline.warning_trace import trace_warning
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0

PATIENCE_SECONDS = 5.0
"""After this long without an acknowledgement Kafka counts as away."""

LATE_MS = 60_000
"""An event dated this much before the newest one of its partition counts as late."""

Dependency = Literal["redis", "kafka"]
T = TypeVar("T")


class BatchProcessor:
    """Does the work of the lanes.

    Args:
        store: records and journals.
        state: loads and writes batches.
        computing: makes decisions and warnings of loaded chunks.
        outputs: the producer.
        brain: returns the model and policy in use now.
        metrics: stages, counts.
        tracer: told of warnings that were sent.
        sources: names in the cluster of the source topics, in order.
        warnings_topic, scores_topic, dead_letters_topic: names in the cluster of the outputs.
        align_seconds: see ``PartitionBuffer``.
        on_wait: told of each attempt while a dependency is away (reason), and when the wait has
            ended (None), with the partitions of the batch that waits.
    """

    def __init__(
        self,
        *,
        store: StateStore,
        state: StateIO,
        computing: Quarantine,
        outputs: OutputProducer,
        brain: Callable[[], ModelBundle],
        metrics: WorkerMetrics,
        tracer: Tracer,
        sources: Sequence[str],
        warnings_topic: str,
        scores_topic: str,
        dead_letters_topic: str,
        align_seconds: float,
        on_wait: Callable[[Dependency, str | None, tuple[int, ...]], None],
    ) -> None:
        self._store = store
        self._state = state
        self._computing = computing
        self._outputs = outputs
        self._brain = brain
        self._metrics = metrics
        self._tracer = tracer
        self._sources = tuple(sources)
        self._warnings_topic = warnings_topic
        self._scores_topic = scores_topic
        self._dead_letters_topic = dead_letters_topic
        self._align_seconds = align_seconds
        self._on_wait = on_wait

    # -- partitions

    async def open(self, partition: int, committed: Sequence[int | None]) -> OpenPartition:
        """Take a partition over; what its journal describes is done again before anything else.

        Args:
            partition: its number.
            committed: offset of each source from which Kafka sends; None for its beginning.
        """

        async def take() -> tuple[int, bytes | None]:
            epoch = (await self._store.take_over([partition]))[partition]
            return epoch, (await self._store.journals([partition]))[partition]

        epoch, entry = await self._insist("redis", take, ())
        journal = self._journal(partition, entry) if entry else None
        # Scores name their chunk, so a number that the damaged journal hid must not come again.
        unused = epoch << 32 if entry else 0
        floors = journal.floors() if journal else {}
        positions = tuple(floors.get(source, 0) for source in range(SOURCE_COUNT))
        unfinished = journal if journal and journal.order else None
        if unfinished and _is_passed(unfinished, committed):
            # The store lost its last writes, for the journal is closed before a commit.
            log.error("journal_dropped", partition=partition, why="its offsets are committed")
            self._metrics.dropped_journals.inc()
            positions, unfinished = _ends(unfinished), None
        return OpenPartition(
            number=partition,
            epoch=epoch,
            buffer=PartitionBuffer(partition, positions, self._align_seconds),
            journal=unfinished,
            chunk=journal.chunk if journal else unused,
        )

    def _journal(self, partition: int, entry: bytes) -> Journal | None:
        """The journal in place; None for one that is damaged, whichever worker reads it.

        Events of its chunk are then applied by the offsets in the records: those that were applied
        before are not scored again.
        """
        try:
            return decode(entry)
        except JournalCorruptError as error:
            log.error("journal_dropped", partition=partition, why=error.message)  # noqa: TRY400
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
            log.info("closing_note_not_written", partition=partition.number, why=str(error))

    # -- batches

    async def process(self, batch: Sequence[tuple[OpenPartition, Chunk]]) -> None:
        """Do all of a batch; returns when its outputs are acknowledged.

        A chunk whose partition another worker has taken over is given up without a trace.
        """
        brain = self._brain()
        self._metrics.batch_events.observe(sum(len(chunk.events) for _, chunk in batch))
        partitions = [partition for partition, _ in batch]
        with self._metrics.stage("decode"):
            works = [self._work(partition, chunk) for partition, chunk in batch]
        with self._metrics.stage("load"):
            await self._insist("redis", lambda: self._state.load(works), partitions)
        works, brain = await self._computing.compute(works, brain, time.time_ns() // 1_000_000)
        with self._metrics.stage("write"):
            works = await self._write(works, partitions)
        with self._metrics.stage("produce"):
            parts = [part for work in works for part in self._parts(work, brain)]
            await self._insist("kafka", lambda: self._sent(parts, partitions), partitions)
        with self._metrics.stage("settle"):
            works = await self._settle(works, partitions)
        for work in works:
            self._finish(work)

    def _work(self, partition: OpenPartition, chunk: Chunk) -> DecisionJob:
        partition.in_hand, partition.in_hand_ms = True, chunk.first_appended_ms
        if partition.journal is None:
            partition.chunk += 1
        return self._computing.begin(partition, chunk, partition.chunk)

    async def _write(
        self, works: list[DecisionJob], partitions: Sequence[OpenPartition]
    ) -> list[DecisionJob]:
        """Write what is still ours; returns the works that were written."""
        return await self._fenced(works, partitions, self._state.write)

    async def _fenced(
        self,
        works: list[DecisionJob],
        partitions: Sequence[OpenPartition],
        step: Callable[[list[DecisionJob]], Awaitable[object]],
    ) -> list[DecisionJob]:
        """Do a step for the works that are still ours; returns these."""
        while works:
            ours = works
            try:
                await self._insist("redis", lambda: step(ours), partitions)  # noqa: B023 - awaited before the next turn
            except FencedError as error:
                self._metrics.fenced.inc()
                log.warning("fenced", partitions=error.partitions)
                for work in works:
                    if work.partition.number in error.partitions:
                        work.partition.fenced = True
                works = [work for work in works if not work.partition.fenced]
            else:
                break
        return works

    async def _settle(
        self, works: list[DecisionJob], partitions: Sequence[OpenPartition]
    ) -> list[DecisionJob]:
        """Replace the journals by notes that the chunks are done, before an offset is committed.

        Else a new owner could find the journal of a chunk whose offsets are committed: Kafka would
        not send its events again, and it would wait for them as long as the topic is quiet.
        """

        def notes(settled: Sequence[DecisionJob]) -> list[JournalWrite]:
            return [
                JournalWrite(
                    work.partition.number,
                    work.partition.epoch,
                    encode(floor(work.number, dict(enumerate(work.chunk.after)))),
                )
                for work in settled
            ]

        return await self._fenced(
            works, partitions, lambda ours: self._store.commit([], journals=notes(ours))
        )

    def _parts(
        self, work: DecisionJob, brain: ModelBundle
    ) -> Iterator[tuple[str, int, list[KeyValue]]]:
        number = work.partition.number
        yield (
            self._warnings_topic,
            number,
            [(message.subscriber.encode(), encode_event(message)) for _, message in work.warnings],
        )
        fingerprint = brain.scorer.fingerprint
        scores: list[KeyValue] = list(score_records(work, brain, self._sources, fingerprint))
        yield self._scores_topic, number, scores
        dead: list[KeyValue] = [(None, encode_event(letter)) for letter in work.chunk.dead_letters]
        yield self._dead_letters_topic, 0, dead

    def _finish(self, work: DecisionJob) -> None:
        """Move the partition past the chunk and count what was done."""
        partition, chunk, metrics = work.partition, work.chunk, self._metrics
        partition.buffer.done = chunk.after
        partition.in_hand, partition.in_hand_ms = False, (0,) * SOURCE_COUNT
        if work.recovering:
            partition.journal = None
            metrics.recovered.inc()
            log.info("chunk_recovered", partition=partition.number, chunk=work.number)
        for source, count in enumerate(np.bincount(chunk.source, minlength=SOURCE_COUNT).tolist()):
            metrics.events.labels(SOURCES[source]).inc(count)
        self._count_late(work)
        for letter in chunk.dead_letters:
            metrics.dead_letters.labels(letter.reason).inc()
        now = time.time()
        if len(chunk.appended_ms):
            metrics.event_seconds.observe(max(0.0, now - chunk.appended_ms.min() / 1000))
        for _, message in work.warnings:
            metrics.warning_seconds.observe(max(0.0, now - message.appended_at_ms / 1000))
            metrics.warnings.labels(message.action, message.severity, message.typology).inc()
            trace_warning(message, self._tracer, round(now * 1000))
        metrics.probability.observe(work.probabilities)

    def _count_late(self, work: DecisionJob) -> None:
        if not len(work.rows):
            return
        times = work.columns.time_ms[work.rows]
        newest = np.maximum.accumulate(times)
        newest = np.maximum(newest, work.partition.newest_ms)
        work.partition.newest_ms = int(newest[-1])
        late = work.chunk.source[times < newest - LATE_MS]
        for source, count in enumerate(np.bincount(late, minlength=SOURCE_COUNT).tolist()):
            self._metrics.late.labels(SOURCES[source]).inc(count)

    # -- waiting

    async def _insist(
        self,
        dependency: Dependency,
        step: Callable[[], Awaitable[T]],
        partitions: Sequence[OpenPartition],
    ) -> T:
        """Repeat a step while its dependency is away.

        Raises:
            AbandonedError: every partition of the batch was revoked meanwhile.
        """
        pause_seconds = FIRST_PAUSE_SECONDS
        waiting = False
        try:
            while True:
                try:
                    return await step()
                except ForewarnError as error:
                    # A store that lost its data does not come back by itself, and a worker that
                    # went down would only come back to the same: it waits for the operator.
                    if not error.retryable and not isinstance(error, StateLostError):
                        raise
                    if _revoked(partitions):
                        raise AbandonedError("the batch was revoked while it waited.") from error
                    if not waiting:
                        log.warning("waiting", dependency=dependency, why=str(error))
                    waiting = True
                    self._on_wait(dependency, str(error), _numbers(partitions))
                    await asyncio.sleep(pause_seconds)
                    pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
        finally:
            # Also after an error: nobody else would ever say that this wait has ended.
            if waiting:
                log.info("went_on", dependency=dependency)
                self._on_wait(dependency, None, _numbers(partitions))

    async def _sent(
        self, parts: Sequence[tuple[str, int, list[KeyValue]]], partitions: Sequence[OpenPartition]
    ) -> None:
        """Send outputs; tells when Kafka is silent, for the producer itself repeats without end.

        Raises:
            AbandonedError: every partition was revoked while Kafka was silent. What was handed to
                the producer may still arrive; the next owner repeats it under the same ids.
        """
        sending = asyncio.ensure_future(self._outputs.send_all(parts))
        silent = False
        try:
            while not (await asyncio.wait({sending}, timeout=PATIENCE_SECONDS))[0]:
                if _revoked(partitions):
                    sending.add_done_callback(_forgotten)
                    raise AbandonedError("the batch was revoked while Kafka was silent.")
                silent = True
                self._on_wait("kafka", "Kafka acknowledges nothing.", _numbers(partitions))
            await sending
        finally:
            if silent:
                self._on_wait("kafka", None, _numbers(partitions))


def _numbers(partitions: Sequence[OpenPartition]) -> tuple[int, ...]:
    return tuple(partition.number for partition in partitions)


def _revoked(partitions: Sequence[OpenPartition]) -> bool:
    """Whether a batch has partitions, and none of them is ours any more."""
    return bool(partitions) and all(partition.closing for partition in partitions)


def _forgotten(sending: "asyncio.Future[None]") -> None:
    """Retrieve the exception, so that asyncio does not log that nobody did."""
    if not sending.cancelled():
        sending.exception()


def _ends(journal: Journal) -> tuple[int, ...]:
    ends = journal.ends()
    return tuple(ends.get(source, 0) for source in range(SOURCE_COUNT))


def _is_passed(journal: Journal, committed: Sequence[int | None]) -> bool:
    """Whether Kafka will not send the journalled chunk again, since all of it is committed."""
    ends, present = journal.ends(), set(journal.order)
    return all((committed[source] or 0) >= ends[source] for source in present)
