"""From loaded records to decisions, and what to do about an event on which that fails.

A fault of this software meets one event, on whichever worker it is tried: to go down over it would
take all workers down, one after another. So the batch is tried again chunk by chunk, then by halves
down to the event; that one becomes a dead letter, and the others go on as if it had never come. A
model that fails on any input is no event's fault and is replaced by the one before it.
"""

import asyncio
import time
import traceback
from collections.abc import Callable, Sequence

import numpy as np
import structlog

from features.engine import CorruptRecordError, Engine
from forewarn.contracts import DeadLetter
from forewarn.errors import ConfigurationError, ContractError, ForewarnError
from forewarn.platform.pseudonyms import Pseudonymiser
from models.serving.scorer import Scorer
from streams.intake.lanes import OpenPartition
from streams.intake.partition_buffer import Chunk
from streams.intake.record_decoder import dead_letter
from streams.pipeline.decide import Decider, EventFailedError, ModelBundle
from streams.pipeline.explain import WarningBuilder
from streams.pipeline.job import DecisionJob, columns_of
from streams.pipeline.score_monitor import ScoreMonitor
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)

MAX_IN_A_ROW = 100
"""Events set aside with none processed, or none decided, between them; more is no fault of events any more."""

MAX_PASSED = 3
"""How often a chunk may fail as a whole while each of its events works."""

_NOT_OF_AN_EVENT = (ConfigurationError, MemoryError)
"""A record of a newer version, or a machine that is too small: no dead letter mends them."""

Distrust = Callable[[Scorer, str], ModelBundle]
"""(model, why) -> what decides from now on; raises ArtifactError where there is nothing else."""


class ProcessingBrokenError(ForewarnError):
    """Event after event fails: the fault is in this software, and dead letters would not help."""


class Quarantine:
    """Columns, kernel, model and policy of batches.

    Args:
        engine: the feature kernel.
        deciding: scores and decides.
        watching: looks at the scores.
        raising: makes the warnings.
        distrust: told of a model that fails on any input.
        pseudonymiser: for columns.
        sources: names in the cluster of the source topics, for dead letters.
        metrics: stages and model faults.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        deciding: Decider,
        watching: ScoreMonitor,
        raising: WarningBuilder,
        distrust: Distrust,
        pseudonymiser: Pseudonymiser,
        sources: Sequence[str],
        metrics: WorkerMetrics,
    ) -> None:
        self._engine = engine
        self._deciding = deciding
        self._watching = watching
        self._raising = raising
        self._distrust = distrust
        self._pseudonymiser = pseudonymiser
        self._sources = tuple(sources)
        self._metrics = metrics
        self._in_a_row = self._undecided = 0

    def begin(self, partition: OpenPartition, chunk: Chunk, number: int) -> DecisionJob:
        """The columns of a chunk, and which records it needs."""
        recovering = partition.journal is not None
        if partition.journal is not None and partition.journal.failed:
            why = "it failed when the chunk was first worked on"
            chunk = self._without(chunk, partition.journal.failed, why)
        try:
            return self._begun(partition, chunk, number, recovering=recovering)
        except _NOT_OF_AN_EVENT:
            raise
        except Exception as error:
            failing = [i for i in range(len(chunk.events)) if self._fails_alone(chunk, i)]
            if not failing:
                raise
            self._count(len(failing), of=len(chunk.events))
            chunk = self._without(chunk, failing, _told(error))
            return self._begun(partition, chunk, number, recovering=recovering)

    async def compute(
        self, works: list[DecisionJob], brain: ModelBundle, now_ms: int
    ) -> tuple[list[DecisionJob], ModelBundle]:
        """Vectors, probabilities, decisions and warnings.

        Returns:
            the works, without the events that could not be processed, and what decided: another
            than was given if that one failed.

        Raises:
            ConfigurationError: a record is of a version that this one cannot read.
            ArtifactError: the model fails on any input, and there is none before it.
            ProcessingBrokenError: event after event fails.
        """
        try:
            self._score(works, brain)
        except _NOT_OF_AN_EVENT:
            raise
        except Exception as error:  # noqa: BLE001 - the model's, or one event's
            brain = self._sound(brain, error)
            works = [await self._sifted(work, brain) for work in works]
        brain = self._challenge(works, brain)
        with self._metrics.stage("decide"):
            works = [await self._decided(work, brain, now_ms) for work in works]
        if any(work.chunk.events for work in works):
            self._in_a_row = 0
        return works, brain

    # -- steps

    def _begun(
        self, partition: OpenPartition, chunk: Chunk, number: int, *, recovering: bool
    ) -> DecisionJob:
        columns, rows = columns_of(chunk, self._pseudonymiser)
        plan = self._engine.plan(columns)
        return DecisionJob(partition, chunk, columns, rows, plan, number, recovering)

    def _score(self, works: Sequence[DecisionJob], brain: ModelBundle) -> None:
        """All that is done for many events at once; changes nothing but the works."""
        with self._metrics.stage("kernel"):
            for work in works:
                work.result = self._engine.run(work.plan, work.records)
        with self._metrics.stage("score"):
            self._deciding.score(works, brain)

    def _challenge(self, works: Sequence[DecisionJob], brain: ModelBundle) -> ModelBundle:
        """Let the challenger score, and look at the scores; neither may hold up anybody."""
        try:
            self._deciding.challenge(works, brain)
        except Exception as error:  # noqa: BLE001 - whatever a model on trial does
            if brain.challenger is not None:
                brain = self._distrust(brain.challenger, _told(error))
        try:
            self._watching.look(works, brain)
        except Exception as error:  # noqa: BLE001 - a gauge is worth no event
            log.warning("scores_not_watched", why=_told(error))
        return brain

    async def _decided(self, work: DecisionJob, brain: ModelBundle, now_ms: int) -> DecisionJob:
        while True:
            try:
                await self._deciding.decide(work, brain)
                await self._raising.warn(work, brain, now_ms)
            except EventFailedError as failed:
                self._undecided += 1
                if self._undecided > MAX_IN_A_ROW:
                    raise _broken() from failed.why
                work = self._set_aside(work, [failed.index], failed.why)
                work = await self._sifted(work, brain)
            else:
                if work.decisions:
                    self._undecided = 0
                self._deciding.count(work)
                return work

    # -- what fails

    def _sound(self, brain: ModelBundle, error: Exception) -> ModelBundle:
        """The brain if its model works at all, else what takes its place."""
        try:
            brain.scorer.check()
        except Exception as fault:
            log.exception("model_failed", version=brain.scorer.version, met=_told(error))
            return self._distrust(brain.scorer, _told(fault))
        return brain

    async def _sifted(self, work: DecisionJob, brain: ModelBundle) -> DecisionJob:
        """The work scored, without the events on which that fails."""
        passed = 0
        while True:
            try:
                self._score([work], brain)
            except _NOT_OF_AN_EVENT:
                raise
            except CorruptRecordError as error:
                # Whoever has this record is known at once: that person, and no one else.
                slots = work.plan.slots == work.plan.index[error.key]
                rows = np.flatnonzero(slots.any(axis=1))
                events = np.searchsorted(work.rows, rows, side="right") - 1
                work = self._set_aside(work, np.unique(events).tolist(), error)
            except Exception as error:
                failing = await self._failing(work, brain)
                if not failing:  # it failed, and then it did not
                    passed += 1
                    if passed > MAX_PASSED:
                        raise
                    continue
                self._count(len(failing), of=len(work.chunk.events))
                work = self._set_aside(work, failing, error)
            else:
                return work

    async def _failing(self, work: DecisionJob, brain: ModelBundle) -> list[int]:
        """The events that fail after those before them that do not, by halves."""
        good: list[int] = []
        bad: list[int] = []
        every = range(len(work.chunk.events))
        waiting: list[range] = [every]
        while waiting:
            part = waiting.pop()
            await asyncio.sleep(0)  # other partitions go on meanwhile
            if self._works(work, [*good, *part], brain):
                good.extend(part)
            elif len(part) == 1:
                bad.append(part[0])
                if not good:
                    self._count(0, of=0, more=len(bad))
            else:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
        return bad

    def _works(self, work: DecisionJob, kept: Sequence[int], brain: ModelBundle) -> bool:
        others = np.delete(np.arange(len(work.chunk.events)), kept).tolist()
        try:
            self._score([work.without(others, (), self._engine)], brain)
        except _NOT_OF_AN_EVENT:
            raise
        except Exception:  # noqa: BLE001 - that is the question
            return False
        return True

    def _fails_alone(self, chunk: Chunk, index: int) -> bool:
        others = [i for i in range(len(chunk.events)) if i != index]
        try:
            columns, _ = columns_of(chunk.set_aside(others, ()), self._pseudonymiser)
            self._engine.plan(columns)
        except Exception:  # noqa: BLE001 - that is the question
            return True
        return False

    def _set_aside(
        self, work: DecisionJob, indices: Sequence[int], error: Exception
    ) -> DecisionJob:
        letters = self._letters(work.chunk, indices, _told(error))
        log.error("events_set_aside", count=len(letters), where=_frames(error), why=_told(error))
        return work.without(indices, letters, self._engine)

    def _without(self, chunk: Chunk, indices: Sequence[int], why: str) -> Chunk:
        letters = self._letters(chunk, indices, why)
        log.error("events_set_aside", count=len(letters), why=why)
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
        """Note that so many of a chunk's events failed; raises if nothing else happens any more."""
        self._in_a_row += failed
        if failed == of and self._in_a_row + more > MAX_IN_A_ROW:
            raise _broken()


def _broken() -> ProcessingBrokenError:
    return ProcessingBrokenError(
        f"more than {MAX_IN_A_ROW} events in a row could not be processed.",
        hint="Nothing is lost: go back to the version before, or mend what the log names.",
    )


def _told(error: Exception) -> str:
    """What a fault is, without what its message may quote of an event."""
    return str(error) if isinstance(error, ForewarnError) else type(error).__name__


def _frames(error: Exception) -> list[str]:
    """Where a fault was raised, innermost last."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
