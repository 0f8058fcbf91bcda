"""Counters, logs and traces of a job whose outputs are acknowledged."""

import time

import numpy as np
import structlog

from forewarn.contracts.topics import SOURCES
from forewarn.telemetry.tracing import Tracer
from streams.intake.partition_buffer import SOURCE_COUNT
from streams.pipeline.job import DecisionJob
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
    """

    def __init__(self, metrics: WorkerMetrics, tracer: Tracer) -> None:
        self._metrics = metrics
        self._tracer = tracer

    def add(self, job: DecisionJob) -> None:
        """Report one finished job."""
        chunk, metrics = job.chunk, self._metrics
        if job.recovering:
            metrics.recovered.inc()
            log.info("chunk_recovered", partition=job.partition.number, chunk=job.number)
        for source, count in enumerate(np.bincount(chunk.source, minlength=SOURCE_COUNT).tolist()):
            metrics.events.labels(SOURCES[source]).inc(count)
        self._count_late(job)
        for letter in chunk.dead_letters:
            metrics.dead_letters.labels(letter.reason).inc()
        now = time.time()
        if len(chunk.appended_ms):
            metrics.event_seconds.observe(max(0.0, now - chunk.appended_ms.min() / 1000))
        for _, message in job.warnings:
            metrics.warning_seconds.observe(max(0.0, now - message.appended_at_ms / 1000))
            metrics.warnings.labels(message.action, message.severity, message.typology).inc()
            trace_warning(message, self._tracer, round(now * 1000))
        metrics.probability.observe(job.probabilities)

    def _count_late(self, job: DecisionJob) -> None:
        if not len(job.rows):
            return
        times = job.columns.time_ms[job.rows]
        newest = np.maximum.accumulate(times)
        newest = np.maximum(newest, job.partition.newest_ms)
        job.partition.newest_ms = int(newest[-1])
        late = job.chunk.source[times < newest - LATE_MS]
        for source, count in enumerate(np.bincount(late, minlength=SOURCE_COUNT).tolist()):
            self._metrics.late.labels(SOURCES[source]).inc(count)
