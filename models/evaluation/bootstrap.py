"""Confidence in a difference between two models: a paired bootstrap over people, not over rows.

Rows of one person resemble each other; drawing rows would make a difference look surer than it is.
Each draw gives every person a Poisson(1) count (Chamandy et al. 2012), which both models share.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PrecisionDifference:
    """New minus old: the estimate, its 90 % interval and the share of draws in which new wins."""

    new: float
    old: float
    low: float
    high: float
    wins: float


def compare_average_precision(
    new: Floats,
    old: Floats,
    label: NDArray[np.int8],
    weight: Floats,
    group: NDArray[np.uint64],
    *,
    draws: int = 300,
    seed: int = 0,
) -> PrecisionDifference:
    """Compare average precision on the same rows; all arrays have the same length."""
    rng = np.random.default_rng(seed)
    _, person = np.unique(group, return_inverse=True)
    n_people = int(person.max()) + 1 if len(person) else 0
    ranked_new, ranked_old = _Ranking(new, label), _Ranking(old, label)
    differences = []
    for _ in range(draws):
        drawn = weight * rng.poisson(1.0, n_people)[person]
        if (drawn * label).sum() > 0:
            differences.append(ranked_new.precision(drawn) - ranked_old.precision(drawn))
    spread = np.array(differences) if differences else np.array([np.nan])
    return PrecisionDifference(
        new=ranked_new.precision(weight),
        old=ranked_old.precision(weight),
        low=float(np.quantile(spread, 0.05)),
        high=float(np.quantile(spread, 0.95)),
        wins=float((spread > 0).mean()),
    )


class _Ranking:
    """Rows in order of one score, so that average precision costs no sorting per draw."""

    def __init__(self, score: Floats, label: NDArray[np.int8]) -> None:
        self._order = np.argsort(-score, kind="stable")
        self._label = label[self._order].astype(np.float64)
        self._ends = np.flatnonzero(np.r_[np.diff(score[self._order]) != 0, True])

    def precision(self, weight: Floats) -> float:
        """Weighted average precision; tied rows enter together."""
        drawn = weight[self._order]
        hits = np.cumsum(drawn * self._label)[self._ends]
        seen = np.cumsum(drawn)[self._ends]
        if hits[-1] <= 0:
            return float("nan")
        gained = np.diff(hits, prepend=0.0)
        return float((gained * hits / np.maximum(seen, 1e-12)).sum() / hits[-1])
