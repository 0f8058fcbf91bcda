"""The warnings of a decided chunk, with their reasons."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
import numpy.typing as npt
import structlog

from forewarn.contracts import FraudWarning
from models.policy import Decision
from streams.pipeline.decide import EventFailedError, ModelBundle, sent
from streams.pipeline.job import DecisionJob
from streams.pipeline.messages import Live, reasons, warning_of
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)


class WarningBuilder:
    """Makes warnings.

    Args:
        executor: where LightGBM explains, off the event loop.
        live: which features are facts for the responder.
        sources: names in the cluster of the source topics.
        metrics: model faults are counted.
    """

    def __init__(
        self, executor: Executor, live: Live, sources: Sequence[str], metrics: WorkerMetrics
    ) -> None:
        self._executor = executor
        self._live = live
        self._sources = tuple(sources)
        self._metrics = metrics

    async def warn(self, work: DecisionJob, brain: ModelBundle, now_ms: int) -> None:
        """Make the warnings of a chunk, with the reasons for those that are raised or upgraded.

        Raises:
            EventFailedError: one of them cannot be made.
        """
        sending = sent(work)
        if not sending:
            return
        names = brain.scorer.features
        vectors = work.result.vectors[work.rows[[i for i, _ in sending]]]
        weights = await self._explained(vectors, brain)
        for (index, decision), vector, weight in zip(sending, vectors, weights, strict=True):
            try:
                message = self._message(work, index, decision, names, vector, weight, brain, now_ms)
            except Exception as error:
                raise EventFailedError(index, error) from error
            work.warnings.append((index, message))

    async def _explained(
        self, vectors: npt.NDArray[np.float32], brain: ModelBundle
    ) -> npt.NDArray[np.float32]:
        """What each feature added; a warning without reasons is better than none."""
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._executor, brain.scorer.contributions, vectors
            )
        except Exception:
            log.exception("not_explained", model=brain.scorer.version)
            self._metrics.model_faults.labels("contributions").inc()
            return np.zeros(vectors.shape, np.float32)

    def _message(
        self,
        work: DecisionJob,
        index: int,
        decision: Decision,
        names: Sequence[str],
        vector: npt.NDArray[np.float32],
        weight: npt.NDArray[np.float32],
        brain: ModelBundle,
        now_ms: int,
    ) -> FraudWarning:
        return warning_of(
            work,
            index,
            decision,
            reasons(names, vector, weight),
            brain=brain,
            typology=work.typologies[index],
            live=self._live,
            topic=self._sources[work.chunk.source[index]],
            now_ms=now_ms,
        )
