"""Warnings of a decided job, with the reasons for each."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
import numpy.typing as npt
import structlog

from forewarn.contracts import FraudWarning
from models.policy import Decision
from streams.model.bundle import ModelBundle
from streams.pipeline.decide import EventFailedError, sent_decisions
from streams.pipeline.job import DecisionJob
from streams.pipeline.messages import LiveFeatures, build_warning, reasons
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)


class WarningBuilder:
    """Builds the warnings of jobs.

    Args:
        executor: explains scores, off the event loop.
        live: features that are facts for the responder.
        sources: names in the cluster of the source topics.
        metrics: model faults are counted.
    """

    def __init__(
        self, executor: Executor, live: LiveFeatures, sources: Sequence[str], metrics: WorkerMetrics
    ) -> None:
        self._executor = executor
        self._live = live
        self._sources = tuple(sources)
        self._metrics = metrics

    async def build(self, job: DecisionJob, bundle: ModelBundle, now_ms: int) -> None:
        """Add a warning to the job for each decision that sends one.

        Args:
            job: decided.
            bundle: the model and policy that decided.
            now_ms: UTC milliseconds.

        Raises:
            EventFailedError: a warning cannot be built.
        """
        decisions = sent_decisions(job)
        if not decisions:
            return
        names = bundle.scorer.features
        vectors = job.result.vectors[job.rows[[i for i, _ in decisions]]]
        weights = await self._contributions(vectors, bundle)
        for (index, decision), vector, weight in zip(decisions, vectors, weights, strict=True):
            try:
                message = self._message(job, index, decision, names, vector, weight, bundle, now_ms)
            except Exception as error:
                raise EventFailedError(index, error) from error
            job.warnings.append((index, message))

    async def _contributions(
        self, vectors: npt.NDArray[np.float32], bundle: ModelBundle
    ) -> npt.NDArray[np.float32]:
        """Contribution of each feature to each score, float32 [rows, features]; zeros on failure.

        A warning without reasons is better than no warning.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._executor, bundle.scorer.contributions, vectors
            )
        except Exception:
            log.exception("explanation_failed", model=bundle.scorer.version)
            self._metrics.model_faults.labels("contributions").inc()
            return np.zeros(vectors.shape, np.float32)

    def _message(
        self,
        job: DecisionJob,
        index: int,
        decision: Decision,
        names: Sequence[str],
        vector: npt.NDArray[np.float32],
        weight: npt.NDArray[np.float32],
        bundle: ModelBundle,
        now_ms: int,
    ) -> FraudWarning:
        return build_warning(
            job,
            index,
            decision,
            reasons(names, vector, weight),
            bundle=bundle,
            typology=job.typologies[index],
            live=self._live,
            topic=self._sources[job.chunk.source[index]],
            now_ms=now_ms,
        )
