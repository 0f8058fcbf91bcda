"""What is watched about the scores themselves: drift, and how a challenger differs.

Drift is counted on a sample, one batch a second at most: reading 179 columns costs a millisecond, and
a second's sample tells as much as every batch would.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np

from forewarn.errors import ArtifactError
from models.policy.event_status import WARNABLE
from models.serving.drift import REFERENCE, DriftMonitor, Reference
from models.serving.scorer import Scorer
from streams.pipeline.decide import ModelBundle
from streams.pipeline.job import DecisionJob
from streams.worker_metrics import WorkerMetrics

SAMPLE_SECONDS = 1.0
READ_SECONDS = 60.0


class ScoreMonitor:
    """Feeds the drift gauges and the challenger's counters of one worker.

    Args:
        metrics: where they are.
        clock: monotonic seconds.
    """

    def __init__(self, metrics: WorkerMetrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._version = ""
        self._monitor: DriftMonitor | None = None
        self._sampled_at = -SAMPLE_SECONDS
        self._read_at = clock()

    def look(self, works: Sequence[DecisionJob], brain: ModelBundle) -> None:
        """Take note of a scored batch."""
        for work in works:
            self._compare(work, brain)
        now = self._clock()
        if now - self._sampled_at < SAMPLE_SECONDS:
            return
        self._sampled_at = now
        if brain.scorer.version != self._version:
            self._version = brain.scorer.version
            self._monitor = monitor_of(brain.scorer)
            self._metrics.drift.clear()
        if self._monitor is None:
            return
        largest = max(works, key=lambda work: len(work.rows))
        # The reference was made of the events that models are trained on.
        known = np.isin(largest.columns.kind[largest.rows], WARNABLE)
        self._monitor.add(largest.result.vectors[largest.rows[known]], largest.probabilities[known])
        if now - self._read_at >= READ_SECONDS:
            self._read_at = now
            for feature, index in self._monitor.read().items():
                self._metrics.drift.labels(feature).set(index)

    def _compare(self, work: DecisionJob, brain: ModelBundle) -> None:
        if work.challenger is None or brain.challenger is None:
            return
        self._metrics.challenger_probability.observe(work.challenger)
        threshold = brain.policy.threshold
        champion_warns = work.probabilities >= threshold
        other = brain.challenger.thresholds.get("raise", threshold)
        challenger_warns = work.challenger >= other
        only = int(np.count_nonzero(champion_warns & ~challenger_warns))
        self._metrics.disagreements.labels("champion").inc(only)
        only = int(np.count_nonzero(challenger_warns & ~champion_warns))
        self._metrics.disagreements.labels("challenger").inc(only)


def monitor_of(scorer: Scorer) -> DriftMonitor | None:
    """The monitor of a model's reference; None for a model that carries none."""
    if not scorer.artifact.has(REFERENCE):
        return None
    try:
        reference = scorer.artifact.json(REFERENCE, Reference)
    except ArtifactError:
        return None
    return DriftMonitor(reference, scorer.features)
