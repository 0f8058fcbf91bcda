"""Monitoring of the scores: drift against training, and differences between two models.

Drift is measured on a sample, one batch a second at most: reading 179 columns takes a millisecond,
and every batch would add no information.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np

from forewarn.errors import ArtifactError
from models.policy import Policy
from models.policy.event_status import WARNABLE
from models.serving.drift import REFERENCE, DriftMonitor, Reference
from models.serving.scorer import Scorer
from streams.model.bundle import ModelBundle
from streams.pipeline.job import DecisionJob
from streams.worker_metrics import WorkerMetrics

SAMPLE_SECONDS = 1.0
READ_SECONDS = 60.0


class ScoreMonitor:
    """Updates the drift gauges and the challenger's counters of one worker.

    Args:
        metrics: holds them.
        clock: monotonic seconds.
    """

    def __init__(self, metrics: WorkerMetrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._version = ""
        self._monitor: DriftMonitor | None = None
        self._challenging: tuple[tuple[str, str], Policy] | None = None
        self._sampled_at = -SAMPLE_SECONDS
        self._read_at = clock()

    def observe(self, jobs: Sequence[DecisionJob], bundle: ModelBundle) -> None:
        """Compare the models on a scored batch, and sample it for drift."""
        for job in jobs:
            self._compare(job, bundle)
        now = self._clock()
        if now - self._sampled_at < SAMPLE_SECONDS:
            return
        self._sampled_at = now
        if bundle.scorer.version != self._version:
            self._version = bundle.scorer.version
            self._monitor = drift_monitor(bundle.scorer)
            self._metrics.drift.clear()
        if self._monitor is None:
            return
        largest = max(jobs, key=lambda job: len(job.rows))
        # The reference was made of the events that models are trained on.
        known = np.isin(largest.columns.kind[largest.rows], WARNABLE)
        self._monitor.add(largest.result.vectors[largest.rows[known]], largest.probabilities[known])
        if now - self._read_at >= READ_SECONDS:
            self._read_at = now
            for feature, index in self._monitor.read().items():
                self._metrics.drift.labels(feature).set(index)

    def _compare(self, job: DecisionJob, bundle: ModelBundle) -> None:
        if job.challenger is None or bundle.challenger is None:
            return
        self._metrics.challenger_probability.observe(job.challenger)
        kinds = job.columns.kind[job.rows]
        champion_warns = job.probabilities >= bundle.policy.thresholds_of(kinds)
        pair = (bundle.policy.version, bundle.challenger.version)
        if self._challenging is None or self._challenging[0] != pair:
            self._challenging = (pair, bundle.policy.with_model(bundle.challenger.thresholds))
        challenger_warns = job.challenger >= self._challenging[1].thresholds_of(kinds)
        only = int(np.count_nonzero(champion_warns & ~challenger_warns))
        self._metrics.disagreements.labels("champion").inc(only)
        only = int(np.count_nonzero(challenger_warns & ~champion_warns))
        self._metrics.disagreements.labels("challenger").inc(only)


def drift_monitor(scorer: Scorer) -> DriftMonitor | None:
    """Monitor against the model's reference; None for a model without one."""
    if not scorer.artifact.has(REFERENCE):
        return None
    try:
        reference = scorer.artifact.json(REFERENCE, Reference)
    except ArtifactError:
        return None
    return DriftMonitor(reference, scorer.features)
