"""Isolation of the events that make the computation of a job fail; they are set aside.

An event that meets a fault of this software would fail on every worker: a worker that stopped over
it would be followed by all others. So the batch is tried again chunk by chunk, then by halves down
to the event; that one becomes a dead letter, and the others continue as if it had never come. A
model that fails on any input is not the fault of an event; its predecessor replaces it.
"""

import asyncio
import time
import traceback
from collections.abc import Callable, Sequence

import numpy as np
import structlog

from features.engine import CorruptRecordError
from forewarn.contracts import DeadLetter
from forewarn.errors import ConfigurationError, ContractError, ForewarnError
from models.serving.scorer import Scorer
from streams.intake.open_partition import OpenPartition
from streams.intake.partition_buffer import Chunk
from streams.intake.record_decoder import dead_letter
from streams.model.bundle import ModelBundle
from streams.pipeline.decide import EventFailedError
from streams.pipeline.job import DecisionJob
from streams.pipeline.job_computation import JobComputation
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)

MAX_IN_A_ROW = 100
"""Events set aside in a row. Above this limit the software is at fault and the worker stops."""

MAX_PASSES = 3
"""How often a chunk may fail as a whole while each of its events succeeds."""

_NOT_CAUSED_BY_AN_EVENT = (ConfigurationError, MemoryError)
"""A record of a newer version, or too little memory: a dead letter would not help."""

WithdrawModel = Callable[[Scorer, str], ModelBundle]
"""(model, reason) -> the bundle in its place; raises ArtifactError if there is no other model."""


class ProcessingBrokenError(ForewarnError):
    """Every event fails: the fault is in this software, and dead letters would not help."""


class Quarantine:
    """Calls the steps of the computation, and leaves out the events on which one fails.

    Args:
        computation: kernel, model and policy.
        withdraw: takes a model that fails on any input out of use.
        sources: names in the cluster of the source topics, for dead letters.
        metrics: durations of stages.
    """

    def __init__(
        self,
        *,
        computation: JobComputation,
        withdraw: WithdrawModel,
        sources: Sequence[str],
        metrics: WorkerMetrics,
    ) -> None:
        self._computation = computation
        self._withdraw = withdraw
        self._sources = tuple(sources)
        self._metrics = metrics
        self._in_a_row = self._undecided = 0

    def begin(self, batch: Sequence[tuple[OpenPartition, Chunk]]) -> list[DecisionJob]:
        """Start jobs: the columns of chunks, and the records that each needs.

        Args:
            batch: partitions, numbered for their chunk already, and chunks.

        Raises:
            ProcessingBrokenError: every event fails.
        """
        batch = [(partition, self._as_before(partition, chunk)) for partition, chunk in batch]
        try:
            return self._computation.new_jobs(batch)
        except _NOT_CAUSED_BY_AN_EVENT:
            raise
        except Exception:  # noqa: BLE001 - of one event; the chunk that has it fails alone, too
            return [self._begin_alone(partition, chunk) for partition, chunk in batch]

    def _as_before(self, partition: OpenPartition, chunk: Chunk) -> Chunk:
        """The chunk without the events that failed when it was processed before."""
        if partition.journal is None or not partition.journal.failed:
            return chunk
        why = "it failed when the chunk was processed before"
        return self._without(chunk, partition.journal.failed, why)

    def _begin_alone(self, partition: OpenPartition, chunk: Chunk) -> DecisionJob:
        """Start the job of one chunk, without the events that fail."""
        try:
            return self._computation.new_jobs([(partition, chunk)])[0]
        except _NOT_CAUSED_BY_AN_EVENT:
            raise
        except Exception as error:
            failing = [i for i in range(len(chunk.events)) if self._fails_alone(chunk, i)]
            if not failing:
                raise
            self._count(len(failing), of=len(chunk.events))
            chunk = self._without(chunk, failing, _describe(error))
            return self._computation.new_jobs([(partition, chunk)])[0]

    async def compute(
        self, jobs: list[DecisionJob], bundle: ModelBundle, now_ms: int
    ) -> tuple[list[DecisionJob], ModelBundle]:
        """Compute vectors, probabilities, decisions and warnings.

        Args:
            jobs: loaded.
            bundle: model and policy.
            now_ms: UTC milliseconds.

        Returns:
            The jobs without the events that could not be processed, and the bundle that decided:
            another than the given one if its model failed.

        Raises:
            ConfigurationError: a record is of a version that this one cannot read.
            ArtifactError: the model fails on any input and has no predecessor.
            ProcessingBrokenError: every event fails.
        """
        try:
            self._computation.score(jobs, bundle)
        except _NOT_CAUSED_BY_AN_EVENT:
            raise
        except Exception as error:  # noqa: BLE001 - of the model or of one event
            bundle = self._working_bundle(bundle, error)
            jobs = [await self._without_failing(job, bundle) for job in jobs]
        bundle = self._challenge(jobs, bundle)
        with self._metrics.stage("decide"):
            self._screen(jobs, bundle)
            jobs = [await self._decided(job, bundle, now_ms) for job in jobs]
        if any(job.chunk.events for job in jobs):
            self._in_a_row = 0
        return jobs, bundle

    # -- steps

    def _challenge(self, jobs: Sequence[DecisionJob], bundle: ModelBundle) -> ModelBundle:
        """Let the challenger score, and monitor the scores; a failure of either is only logged."""
        try:
            self._computation.challenge(jobs, bundle)
        except Exception as error:  # noqa: BLE001 - a model on trial may fail in any way
            if bundle.challenger is not None:
                bundle = self._withdraw(bundle.challenger, _describe(error))
        try:
            self._computation.observe(jobs, bundle)
        except Exception as error:  # noqa: BLE001 - a gauge must not stop an event
            log.warning("score_monitor_failed", why=_describe(error))
        return bundle

    def _screen(self, jobs: Sequence[DecisionJob], bundle: ModelBundle) -> None:
        """Screen the batch in one step; where that fails, each job is screened when it is decided."""
        try:
            self._computation.screen(jobs, bundle)
        except Exception:  # noqa: BLE001 - it fails again in the job at fault
            for job in jobs:
                job.candidates = None

    async def _decided(self, job: DecisionJob, bundle: ModelBundle, now_ms: int) -> DecisionJob:
        while True:
            try:
                self._computation.decide(job, bundle, now_ms)
            except EventFailedError as failed:
                self._undecided += 1
                if self._undecided > MAX_IN_A_ROW:
                    raise _too_many_failures() from failed.why
                job = self._set_aside(job, [failed.index], failed.why)
                job = await self._without_failing(job, bundle)
            else:
                if job.decisions:
                    self._undecided = 0
                self._computation.count(job)
                return job

    # -- isolation of failing events

    def _working_bundle(self, bundle: ModelBundle, error: Exception) -> ModelBundle:
        """The bundle if its model works at all, else the one in its place."""
        try:
            bundle.scorer.check()
        except Exception as fault:
            log.exception(
                "model_failed", version=bundle.scorer.version, first_error=_describe(error)
            )
            return self._withdraw(bundle.scorer, _describe(fault))
        return bundle

    async def _without_failing(self, job: DecisionJob, bundle: ModelBundle) -> DecisionJob:
        """Score a job without the events on which scoring fails."""
        passes = 0
        while True:
            try:
                self._computation.score([job], bundle)
            except _NOT_CAUSED_BY_AN_EVENT:
                raise
            except CorruptRecordError as error:
                # The record names the one person whose events fail.
                slots = job.plan.slots == job.plan.index[error.key]
                rows = np.flatnonzero(slots.any(axis=1))
                events = np.searchsorted(job.rows, rows, side="right") - 1
                job = self._set_aside(job, np.unique(events).tolist(), error)
            except Exception as error:
                failing = await self._failing_events(job, bundle)
                if not failing:  # the failure did not repeat
                    passes += 1
                    if passes > MAX_PASSES:
                        raise
                    continue
                self._count(len(failing), of=len(job.chunk.events))
                job = self._set_aside(job, failing, error)
            else:
                return job

    async def _failing_events(self, job: DecisionJob, bundle: ModelBundle) -> list[int]:
        """Indices of the events that fail when they follow the succeeding ones; found by halves."""
        good: list[int] = []
        bad: list[int] = []
        every = range(len(job.chunk.events))
        untried: list[range] = [every]
        while untried:
            part = untried.pop()
            await asyncio.sleep(0)  # lets other partitions continue
            if self._succeeds(job, [*good, *part], bundle):
                good.extend(part)
            elif len(part) == 1:
                bad.append(part[0])
                if not good:
                    self._count(0, of=0, more=len(bad))
            else:
                middle = len(part) // 2
                untried += [part[middle:], part[:middle]]
        return bad

    def _succeeds(self, job: DecisionJob, kept: Sequence[int], bundle: ModelBundle) -> bool:
        others = np.delete(np.arange(len(job.chunk.events)), kept).tolist()
        try:
            self._computation.score([self._computation.without(job, others, ())], bundle)
        except _NOT_CAUSED_BY_AN_EVENT:
            raise
        except Exception:  # noqa: BLE001 - any error is the answer
            return False
        return True

    def _fails_alone(self, chunk: Chunk, index: int) -> bool:
        others = [i for i in range(len(chunk.events)) if i != index]
        try:
            self._computation.try_columns(chunk.set_aside(others, ()))
        except Exception:  # noqa: BLE001 - any error is the answer
            return True
        return False

    def _set_aside(self, job: DecisionJob, indices: Sequence[int], error: Exception) -> DecisionJob:
        letters = self._letters(job.chunk, indices, _describe(error))
        log.error(
            "events_quarantined", count=len(letters), where=_frames(error), why=_describe(error)
        )
        return self._computation.without(job, indices, letters)

    def _without(self, chunk: Chunk, indices: Sequence[int], why: str) -> Chunk:
        letters = self._letters(chunk, indices, why)
        log.error("events_quarantined", count=len(letters), why=why)
        return chunk.set_aside(indices, letters)

    def _letters(self, chunk: Chunk, indices: Sequence[int], why: str) -> list[DeadLetter]:
        now_ms = time.time_ns() // 1_000_000
        error = ContractError(why, reason="processing_failed")
        return [
            dead_letter(
                chunk.record(i),
                error,
                self._sources[int(chunk.source[i])],
                chunk.partition,
                now_ms,
            )
            for i in indices
        ]

    def _count(self, failed: int, *, of: int, more: int = 0) -> None:
        """Count failed events of a chunk.

        Args:
            failed: events that failed.
            of: events of the chunk.
            more: events known to fail that are not counted yet.

        Raises:
            ProcessingBrokenError: only failures happen.
        """
        self._in_a_row += failed
        if failed == of and self._in_a_row + more > MAX_IN_A_ROW:
            raise _too_many_failures()


def _too_many_failures() -> ProcessingBrokenError:
    return ProcessingBrokenError(
        f"more than {MAX_IN_A_ROW} events in a row could not be processed.",
        hint="Nothing is lost. Return to the previous version, or correct the fault in the log.",
    )


def _describe(error: Exception) -> str:
    """Describe an error without quoting the event: foreign messages may contain its values."""
    return str(error) if isinstance(error, ForewarnError) else type(error).__name__


def _frames(error: Exception) -> list[str]:
    """Places in the code where an error was raised, innermost last."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
