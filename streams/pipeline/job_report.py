"""Counters, logs and traces of a job whose outputs are acknowledged."""

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import structlog
from prometheus_client import Counter

from forewarn.contracts.topics import SOURCES
from forewarn.telemetry.tracing import Tracer
from streams.intake.partition_buffer import SOURCE_COUNT
from streams.pipeline.job import DecisionJob
from streams.pipeline.tenant_usage import TenantUsage
from streams.pipeline.warning_trace import trace_warning
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)

LATE_MS = 60_000
"""An event dated this much before the newest one of its partition counts as late."""


class JobReport:
    """Reports finished jobs.

    Args:
        metrics: counters and histograms.
        tracer: receives the spans of warnings.
        usage: counts by tenant; without quotas by default.
    """

    def __init__(
        self, metrics: WorkerMetrics, tracer: Tracer, usage: TenantUsage | None = None
    ) -> None:
        self._metrics = metrics
        self._tracer = tracer
        self._usage = usage or TenantUsage(metrics)

    def add(self, jobs: Sequence[DecisionJob]) -> None:
        """Report the finished jobs of a batch."""
        metrics, now = self._metrics, time.time()
        self._count_events(jobs)
        self._usage.add(jobs)
        for job in jobs:
            if job.recovering:
                metrics.recovered.inc()
                log.info("chunk_recovered", partition=job.partition.number, chunk=job.number)
            for letter in job.chunk.dead_letters:
                metrics.dead_letters.labels(letter.reason).inc()
            if len(job.chunk.appended_ms):
                metrics.event_seconds.observe(max(0.0, now - job.chunk.appended_ms.min() / 1000))
            for _, message in job.warnings:
                metrics.warning_seconds.observe(max(0.0, now - message.appended_at_ms / 1000))
                metrics.warnings.labels(message.action, message.severity, message.typology).inc()
                trace_warning(message, self._tracer, round(now * 1000))

    def closed(self, partition: int) -> None:
        """A partition was given back, so its subscribers are another worker's to count."""
        self._usage.forget(partition)

    def _count_events(self, jobs: Sequence[DecisionJob]) -> None:
        """Count the events by source, those that were late, and their probabilities, in one step."""
        filled = [job for job in jobs if len(job.rows)]
        if not filled:
            return
        sources = np.concatenate([job.chunk.source for job in filled])
        late = np.concatenate([_late(job) for job in filled])
        self._count(self._metrics.events, sources)
        self._count(self._metrics.late, sources[late])
        self._metrics.probability.observe(np.concatenate([job.probabilities for job in filled]))

    @staticmethod
    def _count(counter: Counter, sources: npt.NDArray[np.uint8]) -> None:
        for source, count in enumerate(np.bincount(sources, minlength=SOURCE_COUNT).tolist()):
            if count:
                counter.labels(SOURCES[source]).inc(count)


def _late(job: DecisionJob) -> npt.NDArray[np.bool_]:
    """Which events are dated long before the newest one of their partition; moves that one on."""
    times = job.columns.time_ms[job.rows]
    newest = np.maximum(np.maximum.accumulate(times), job.partition.newest_ms)
    job.partition.newest_ms = int(newest[-1])
    late: npt.NDArray[np.bool_] = times < newest - LATE_MS
    return late
