"""One batch from columns to acknowledged outputs.

The steps are repeated one by one and keep the results of the earlier ones: once the journal is
written, the records carry the chunk already, and a computation on them would count it twice.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streams.intake.lane import AbandonedError
from streams.intake.open_partition import OpenPartition
from streams.intake.partition_buffer import Chunk
from streams.model.bundle import ModelBundle
from streams.pipeline.commit import JournalCommit
from streams.pipeline.dependency_retry import DependencyRetry
from streams.pipeline.explain import Explainer
from streams.pipeline.job import DecisionJob
from streams.pipeline.job_report import JobReport
from streams.pipeline.messages import OutputTopics, output_parts
from streams.pipeline.payment_answers import AnswerBuilder
from streams.pipeline.producer import OutputProducer
from streams.pipeline.quarantine import Quarantine
from streams.pipeline.state_io import StateIO
from streams.worker_metrics import WorkerMetrics


@dataclass(slots=True)
class ComputedBatch:
    """A batch on which everything is decided.

    Attributes:
        jobs: the chunks whose partitions are still owned.
        bundle: the model and policy that decided.
        partitions: all partitions of the batch.
    """

    jobs: list[DecisionJob]
    bundle: ModelBundle
    partitions: list[OpenPartition]

    @property
    def recovers(self) -> bool:
        """Whether a chunk is repeated from its journal."""
        return any(job.recovering for job in self.jobs)


class BatchProcessor:
    """Runs the steps of batches, in this order::

        decode    columns and keys                       Quarantine.begin, JobComputation
        load      records of all entities                StateIO.load
        compute   vectors, scores, decisions, warnings   Quarantine.compute, JobComputation
        write     journal, then records                  JournalCommit.write
                  beside it: reasons of the warnings     Explainer.explain
        produce   answers, warnings, scores, dead letters  OutputProducer.send_all
        settle    floor in place of the journal          JournalCommit.settle

    The first three are ``compute``, the last two ``complete``: a lane computes a batch while the one before it is being
    completed.

    Args:
        state: loads the records of jobs.
        quarantine: runs the computation of jobs and sets failing events aside.
        explainer: adds reasons to warnings.
        commit: opens, closes and commits partitions.
        retry: repeats steps while a dependency is away.
        outputs: the producer.
        topics: names in the cluster of the topics.
        answers: builds the answers to banks that wait.
        bundle: returns the model and policy in use now.
        metrics: stages and batch sizes.
        report: receives finished jobs.
    """

    def __init__(
        self,
        *,
        state: StateIO,
        quarantine: Quarantine,
        explainer: Explainer,
        commit: JournalCommit,
        retry: DependencyRetry,
        outputs: OutputProducer,
        topics: OutputTopics,
        answers: AnswerBuilder,
        bundle: Callable[[], ModelBundle],
        metrics: WorkerMetrics,
        report: JobReport,
    ) -> None:
        self._state = state
        self._quarantine = quarantine
        self._explainer = explainer
        self._commit = commit
        self._retry = retry
        self._outputs = outputs
        self._topics = topics
        self._answers = answers
        self._bundle = bundle
        self._metrics = metrics
        self._report = report

    async def open(self, partition: int, committed: Sequence[int | None]) -> OpenPartition:
        """Take a partition over; see ``JournalCommit.open``."""
        return await self._commit.open(partition, committed)

    async def close(self, partition: OpenPartition) -> None:
        """Give a partition back; see ``JournalCommit.close``."""
        await self._commit.close(partition)
        self._report.closed(partition.number)

    async def process(self, batch: Sequence[tuple[OpenPartition, Chunk]]) -> None:
        """Process a batch; returns when its outputs are acknowledged.

        A chunk whose partition another worker has taken over is given up without any effect.
        """
        computed = await self.compute(batch)
        await self.write(computed)
        await self.complete(computed)

    async def compute(self, batch: Sequence[tuple[OpenPartition, Chunk]]) -> ComputedBatch:
        """Load the state of a batch and decide on its events; nothing has any effect yet.

        The batch before it in its lane has to be written, and need not be complete.
        """
        bundle, metrics = self._bundle(), self._metrics
        metrics.batch_events.observe(sum(len(chunk.events) for _, chunk in batch))
        partitions = [partition for partition, _ in batch]
        with metrics.stage("decode"):
            jobs = self._begin(batch)
        with metrics.stage("load"):
            await self._retry.repeat("redis", lambda: self._state.load(jobs), partitions)
        jobs, bundle = await self._quarantine.compute(jobs, bundle, time.time_ns() // 1_000_000)
        return ComputedBatch(jobs, bundle, partitions)

    async def write(self, batch: ComputedBatch) -> None:
        """Write journals and records. The batch before it in its lane has to be complete.

        The journal takes the place of that batch's, without which its outputs could not be repeated.
        """
        jobs = [job for job in batch.jobs if not job.partition.fenced]
        with self._metrics.stage("write"):
            explaining = asyncio.create_task(self._explainer.explain(jobs, batch.bundle))
            try:
                batch.jobs = await self._commit.write(jobs)
                await explaining
            finally:
                explaining.cancel()

    async def complete(self, batch: ComputedBatch) -> None:
        """Send the outputs, and replace the journals once Kafka has acknowledged them."""
        try:
            with self._metrics.stage("produce"):
                await self._produce(batch.jobs, batch.bundle, batch.partitions)
        except AbandonedError:
            # The outputs may be missing, so the journals have to stay for the next owner: no later batch writes.
            for partition in batch.partitions:
                partition.fenced = True
            raise
        with self._metrics.stage("settle"):
            jobs = await self._commit.settle(batch.jobs)
        for job in jobs:
            _finish(job)
        self._report.add(jobs)

    def _begin(self, batch: Sequence[tuple[OpenPartition, Chunk]]) -> list[DecisionJob]:
        for partition, chunk in batch:
            partition.in_hand.append(chunk.first_appended_ms)
            if partition.journal is None:
                partition.chunk += 1
        return self._quarantine.begin(batch)

    async def _produce(
        self,
        jobs: Sequence[DecisionJob],
        bundle: ModelBundle,
        partitions: Sequence[OpenPartition],
    ) -> None:
        now_ms = time.time_ns() // 1_000_000
        # First, since a bank waits for them.
        parts = [part for job in jobs for part in self._answers.parts(job, bundle, now_ms)]
        parts += [part for job in jobs for part in output_parts(job, bundle, self._topics)]

        async def send() -> None:
            await self._retry.await_acknowledgement(self._outputs.send_all(parts), partitions)

        await self._retry.repeat("kafka", send, partitions)


def _finish(job: DecisionJob) -> None:
    """Move the partition past the job's chunk."""
    partition = job.partition
    partition.buffer.done = job.chunk.after
    partition.in_hand.popleft()
    if job.recovering:
        partition.journal = None
