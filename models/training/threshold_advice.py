"""From which probability a warning is worth it, and how many of them people can answer."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.ranking_measures import highest_by_subject, threshold_for_budget
from models.training.training_dataset import Dataset


@dataclass(frozen=True, slots=True)
class CostModel:
    """What a warning costs and saves, in minor units.

    ``call_exposure_minor`` is what is at risk in an event without an amount of its own.
    ``least_probability`` bounds what money alone would advise: people who are warned for nothing
    nine times out of ten no longer pick up, which no cost of a single warning shows.
    """

    intervention_minor: int = 5_000
    call_exposure_minor: int = 3_000_000
    success: float = 0.7
    daily_capacity: float = 200.0
    least_probability: float = 0.1


def recommend(
    part: Dataset,
    probability: NDArray[np.float64],
    label: NDArray[np.int8],
    weight: NDArray[np.float64],
    costs: CostModel,
) -> dict[str, float]:
    """Thresholds for the policy, found on rows that neither the trees nor the calibration saw first.

    Returns:
        ``cost``: the threshold with the greatest expected saving on these rows.
        ``capacity``: the lowest one that keeps warnings within the daily capacity.
        ``raise``: the highest of the two and ``least_probability``; what the policy takes.
        ``net_minor_per_day``: the saving per day at ``raise``.
    """
    best, rows = highest_by_subject(probability, part.subject)
    at_risk = np.where(part.amount_minor > 0, part.amount_minor, costs.call_exposure_minor)[rows]
    order = np.argsort(-best, kind="stable")
    gain = (label[rows] * at_risk * costs.success - costs.intervention_minor) * weight[rows]
    total = np.cumsum(gain[order])
    last_of_tie = np.r_[np.diff(best[order]) != 0, True]  # a threshold cannot cut through a tie
    candidates = np.flatnonzero(last_of_tie)
    by_cost = 1.0
    if len(candidates) and total[candidates].max() > 0:
        by_cost = float(best[order][candidates[total[candidates].argmax()]])
    by_capacity = threshold_for_budget(
        probability, weight, part.time_ms, part.subject, costs.daily_capacity
    )
    chosen = max(by_cost, min(by_capacity, 1.0), costs.least_probability)
    days = max(1.0, (int(part.time_ms[-1]) - int(part.time_ms[0])) / 86_400_000)
    net = float(gain[best >= chosen].sum() / days)
    return {
        "cost": by_cost,
        "capacity": by_capacity if math.isfinite(by_capacity) else 1.0,
        "raise": chosen,
        "net_minor_per_day": net,
    }
