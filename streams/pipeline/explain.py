"""Warnings of decided jobs, and the reasons of their scores.

A warning is built at once; its reasons are computed beside the writing of the state, so that no
other event of the batch waits for them.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
import structlog
from msgspec import structs

from streams.model.bundle import ModelBundle
from streams.pipeline.decide import EventFailedError, sent_decisions
from streams.pipeline.job import DecisionJob
from streams.pipeline.messages import LiveFeatures, build_warning, reasons
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)


class WarningBuilder:
    """Builds the warnings of jobs.

    Args:
        live: features that are facts for the responder.
        sources: names in the cluster of the source topics.
    """

    def __init__(self, live: LiveFeatures, sources: Sequence[str]) -> None:
        self._live = live
        self._sources = tuple(sources)

    def build(self, job: DecisionJob, bundle: ModelBundle, now_ms: int) -> None:
        """Add a warning without reasons to the job for each decision that sends one.

        Args:
            job: decided.
            bundle: the model and policy that decided.
            now_ms: UTC milliseconds.

        Raises:
            EventFailedError: a warning cannot be built.
        """
        for index, decision in sent_decisions(job):
            try:
                message = build_warning(
                    job,
                    index,
                    decision,
                    bundle=bundle,
                    live=self._live,
                    topic=self._sources[job.chunk.source[index]],
                    now_ms=now_ms,
                )
            except Exception as error:
                raise EventFailedError(index, error) from error
            job.warnings.append((index, message))


class Explainer:
    """Adds reasons to warnings and to answers that delay a payment.

    Args:
        executor: computes contributions, off the event loop.
        metrics: model faults are counted.
    """

    def __init__(self, executor: Executor, metrics: WorkerMetrics) -> None:
        self._executor = executor
        self._metrics = metrics

    async def explain(self, jobs: Sequence[DecisionJob], bundle: ModelBundle) -> None:
        """Set the reasons of all warnings and answers of a batch.

        A warning without reasons is better than no warning: a failure is logged and counted.
        """
        places = [(job, index) for job in jobs for index in _explained(job)]
        if not places:
            return
        vectors = np.stack([job.result.vectors[job.rows[index]] for job, index in places])
        kinds = np.array([job.columns.kind[job.rows[index]] for job, index in places], np.uint8)
        try:
            contributions = await asyncio.get_running_loop().run_in_executor(
                self._executor, bundle.scorer.contributions, vectors, kinds
            )
            names = bundle.scorer.features
            for (job, index), vector, row in zip(places, vectors, contributions, strict=True):
                job.reasons[index] = reasons(names, vector, row)
            for job in {id(job): job for job, _ in places}.values():
                job.warnings = [
                    (index, structs.replace(message, reasons=job.reasons[index]))
                    for index, message in job.warnings
                ]
        except Exception:
            log.exception("explanation_failed", model=bundle.scorer.version)
            self._metrics.model_faults.labels("contributions").inc()


def _explained(job: DecisionJob) -> list[int]:
    """Indices of the events whose scores are explained, ascending."""
    delayed = (i for i, verdict in job.verdicts.items() if verdict.decision != "proceed")
    return sorted({*(index for index, _ in job.warnings), *delayed})
