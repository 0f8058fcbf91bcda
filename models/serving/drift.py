"""Drift of features and scores against the training data, as population stability index (PSI).

The artifact carries how the training rows fell into bins (``reference.json``); a worker counts how a
sample of today's rows falls into the same bins. PSI = sum (p - q) ln(p / q) over the bins; the usual
reading is below 0.1 stable, 0.1 to 0.25 watch, above 0.25 changed.

Drift of the calibration shows once labels arrive: outcomes are joined with what was expected of the
warnings that they close (``judged``).
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from forewarn.contracts import Outcome
from models.policy.warning_history import WarningHistory, warning_id

REFERENCE = "reference.json"
FRAUD = ("dissuaded", "loss_occurred")
"""Outcomes that say that it was one."""

BINS = 10
SCORE = "score"

_FLOOR = 1e-4
"""Least share of a bin: an empty one would make the index infinite."""


class Histogram(msgspec.Struct, frozen=True):
    """Shares of rows by bin: ``edges`` ascending, then one bin for missing values at the end.

    ``shares`` has len(edges) + 2 entries.
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]


class Reference(msgspec.Struct, frozen=True):
    """The training data's histograms by feature, and that of the probabilities under ``score``."""

    histograms: dict[str, Histogram]


def make_reference(
    vectors: NDArray[np.float32],
    probabilities: NDArray[np.float64],
    features: Sequence[str],
    weight: NDArray[np.float64] | None = None,
) -> Reference:
    """Histograms of training rows, in bins of about equal counts."""
    columns: dict[str, NDArray[np.floating]] = {
        name: vectors[:, index] for index, name in enumerate(features)
    }
    columns[SCORE] = probabilities
    return Reference(
        {name: _histogram(np.asarray(c, np.float64), weight) for name, c in columns.items()}
    )


def share_by_bin(
    values: NDArray[np.float64], histogram: Histogram, weight: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Shares of these values in the bins of a histogram."""
    bins = _bins(values, np.asarray(histogram.edges))
    counts = np.bincount(bins, weights=weight, minlength=len(histogram.shares))
    return np.asarray(counts / max(counts.sum(), 1e-12))


def psi(reference: NDArray[np.float64], observed: NDArray[np.float64]) -> float:
    """The index between two sets of shares."""
    p, q = np.maximum(reference, _FLOOR), np.maximum(observed, _FLOOR)
    return float(((q - p) * np.log(q / p)).sum())


class DriftMonitor:
    """Counts a sample of rows against a reference; not for use from several threads at once.

    Counts are halved at each reading, so that an index speaks of about the last two periods.

    Args:
        reference: the model's.
        features: names of the columns of the vectors, in order.
        rows_per_call: most rows looked at in one call; 32 rows of 180 features take 0.2 ms.
    """

    def __init__(
        self, reference: Reference, features: Sequence[str], *, rows_per_call: int = 32
    ) -> None:
        self._rows = rows_per_call
        self._names = [n for n in (*features, SCORE) if n in reference.histograms]
        self._columns = [i for i, name in enumerate(features) if name in reference.histograms]
        self._scored = SCORE in reference.histograms
        chosen = [reference.histograms[name] for name in self._names]
        self._shares = [np.asarray(one.shares) for one in chosen]
        # One table for all features, so that a sample is counted without a loop in Python; nothing
        # lies above an edge of infinity.
        self._width = max((len(one.shares) for one in chosen), default=2)
        self._edges = np.full((len(chosen), self._width - 2), np.inf)
        for row, one in enumerate(chosen):
            self._edges[row, : len(one.edges)] = one.edges
        self._missing = np.array([len(one.edges) + 1 for one in chosen], np.intp)
        self._counts = np.zeros((len(chosen), self._width))

    def add(self, vectors: NDArray[np.float32], probabilities: NDArray[np.float64]) -> None:
        """Count evenly spaced rows of a chunk."""
        if len(vectors) == 0 or not self._names:
            return
        step = max(1, len(vectors) // self._rows)
        values = vectors[::step][: self._rows, self._columns].astype(np.float64)
        if self._scored:
            values = np.column_stack([values, probabilities[::step][: self._rows]])
        bins = (values[:, :, None] > self._edges).sum(axis=2)
        bins = np.where(np.isnan(values), self._missing, bins)
        places = bins + np.arange(len(self._names)) * self._width
        counted = np.bincount(places.ravel(), minlength=self._counts.size)
        self._counts += counted.reshape(self._counts.shape)

    def read(self, least_rows: int = 500) -> Mapping[str, float]:
        """PSI by feature, and of the score; nothing until enough rows were counted."""
        rows = self._counts[0].sum() if self._names else 0.0
        if rows < least_rows:
            return {}
        indices = {
            name: psi(shares, counts[: len(shares)] / rows)
            for name, shares, counts in zip(self._names, self._shares, self._counts, strict=True)
        }
        self._counts /= 2
        return indices


class Judged(msgspec.Struct, frozen=True):
    """A warning whose outcome has come: what the model had said of it, and what it was."""

    model: str
    probability: float
    fraud: bool


def judged(history: WarningHistory, subscriber: int, outcome: Outcome) -> Judged | None:
    """An outcome joined with the probability of its warning, which the person's history holds.

    Sums of expected and observed frauds by model are equal while its calibration holds. Only warnings
    have outcomes, so this speaks of the probabilities above the threshold; outcomes that say nothing of
    fraud (unreachable), and those whose warning the history has forgotten, are None.
    """
    if outcome.disposition not in (*FRAUD, "false_alarm") or not outcome.warning_id:
        return None
    for warning in history.warnings:
        if warning_id(outcome.tenant, subscriber, warning.subject) == outcome.warning_id:
            fraud = outcome.disposition in FRAUD
            return Judged(outcome.model_version, warning.probability, fraud)
    return None


def _histogram(values: NDArray[np.float64], weight: NDArray[np.float64] | None) -> Histogram:
    known = values[~np.isnan(values)]
    # A quarter of a feature may be one value (zero calls): equal quantiles are one edge.
    inner = np.linspace(0, 1, BINS + 1)[1:-1]
    edges = np.unique(np.quantile(known, inner)) if len(known) else np.empty(0)
    empty = Histogram(tuple(edges.tolist()), (0.0,) * (len(edges) + 2))
    return Histogram(empty.edges, tuple(share_by_bin(values, empty, weight).tolist()))


def _bins(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.intp]:
    """Bin numbers; missing values have the last."""
    bins = np.searchsorted(edges, values, side="left")  # NaN sorts behind every edge
    return np.where(np.isnan(values), len(edges) + 1, bins)
