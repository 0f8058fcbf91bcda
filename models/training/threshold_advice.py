"""From which probability a warning is worth it, at each trigger, and how many of them people can answer."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.kinds import EventKind
from models.evaluation.ranking_measures import MINUTE_MS, highest_by_subject, threshold_for_budget
from models.policy.event_status import STATUS_OF_KIND
from models.training.training_dataset import DAY_MS, NEVER_MS, Dataset

CALL_RATIO = 1 / 5
"""The bound at the beginning of a call, as a share of that at a transfer.

A swindler's call that leads nowhere is a fraud that hardly anyone reports, so a model that learns from
reports understates the probability of calls; and a call leaves more time. Found on development towns,
see docs/decisions."""

TRIGGERS = {
    EventKind.CALL_STARTED: CALL_RATIO,
    EventKind.CALL_ENDED: 1.0,
    EventKind.OUT_ATTEMPTED: 1.0,
}
"""Events that raise warnings, and the ratio of their bound to the common one."""

LATER_DAYS = 7
LEAST_LEAD_MS = MINUTE_MS
_LEAST_FRAUDS = 10


@dataclass(frozen=True, slots=True)
class CostModel:
    """What a warning costs and saves, in minor units.

    ``success`` is the share of the money that leaves at least a minute later which a warning saves.
    ``least_probability`` bounds what money alone would advise, since people who are warned for nothing no
    longer pick up, which no cost of a single warning shows. Labels lack unreported frauds:
    at 0.05 half of the warned people of the development towns are in a fraud.
    ``unknown_amount_minor`` is what a row of a table without an amount puts at stake.
    """

    intervention_minor: int = 5_000
    unknown_amount_minor: int = 10_000
    success: float = 0.7
    daily_capacity: float = 200.0
    least_probability: float = 0.05


def recommend(
    part: Dataset,
    probability: NDArray[np.float64],
    label: NDArray[np.int8],
    weight: NDArray[np.float64],
    costs: CostModel,
) -> dict[str, float]:
    """Thresholds for the policy, found on rows that neither the trees nor the calibration saw first.

    Probabilities are divided by the ratio of their trigger, so that one number is sought; events that
    raise nothing (a changed line setting) are left out.

    Returns:
        ``cost``: the probability from which the expected saving covers the cost of an intervention.
            Computed from the mean stake of the frauds: the threshold that saved most on these rows
            jumps about where frauds are few.
        ``capacity``: the lowest one that keeps warnings within the daily capacity.
        ``raise``: the highest of the two and ``least_probability``; ``raise.on_call`` and so on, what
            the policy takes at each trigger.
        ``net_minor_per_day``: the saving per day at ``raise``.
        ``later_minor.on_call`` and so on: see ``later_by_trigger``.
    """
    later = later_minor(part, label)
    score = trigger_scores(probability, part.kind)
    known = score >= 0
    score = score[known]
    subject, time_ms = part.subject[known], part.time_ms[known]
    best, rows = highest_by_subject(score, subject)
    at_risk = _at_risk(part, later, costs)[known][rows]
    fraud = label[known][rows] == 1
    gain = (fraud * at_risk * costs.success - costs.intervention_minor) * weight[known][rows]
    stake = (
        float(np.average(at_risk[fraud], weights=weight[known][rows][fraud]))
        if fraud.any()
        else 0.0
    )
    by_cost = min(1.0, costs.intervention_minor / max(stake * costs.success, 1.0))
    by_capacity = threshold_for_budget(score, weight[known], time_ms, subject, costs.daily_capacity)
    chosen = min(max(by_cost, min(by_capacity, 1.0), costs.least_probability), 1.0)
    days = max(1.0, (int(time_ms[-1]) - int(time_ms[0])) / DAY_MS)
    return {
        "cost": by_cost,
        "capacity": by_capacity if math.isfinite(by_capacity) else 1.0,
        "raise": chosen,
        **{f"raise.{STATUS_OF_KIND[kind]}": chosen * ratio for kind, ratio in TRIGGERS.items()},
        "net_minor_per_day": float(gain[best >= chosen].sum() / days),
        **later_by_trigger(part, label, weight),
    }


def later_minor(part: Dataset, label: NDArray[np.int8]) -> NDArray[np.int64]:
    """Money of each row's fraud that leaves at least a minute and at most a week later, [n].

    What was attempted counts, and of a fraud from which its victim was dissuaded what was spared.
    0 for honest rows.
    """
    found = np.zeros(len(part), np.int64)
    fraud = (label == 1) & (part.episode >= 0)
    rows = np.flatnonzero(fraud)
    if not len(rows):
        return found
    paid = np.flatnonzero(fraud & (part.kind == EventKind.OUT_ATTEMPTED))
    paid = paid[np.lexsort((part.time_ms[paid], part.episode[paid]))]
    start = int(part.time_ms[0])
    span = int(part.time_ms[-1]) - start + (LATER_DAYS + 1) * DAY_MS
    key = part.episode[paid] * span + (part.time_ms[paid] - start)
    sums = np.r_[0, np.cumsum(part.amount_minor[paid])]
    at = part.episode[rows] * span + (part.time_ms[rows] - start)
    first = np.searchsorted(key, at + LEAST_LEAD_MS, "left")
    after = np.searchsorted(key, at + LATER_DAYS * DAY_MS, "right")
    # The next episode begins a whole span further on; within a week no window reaches it.
    found[rows] = sums[np.maximum(first, after)] - sums[first]
    spared = part.first_loss_ms[rows] >= NEVER_MS
    found[rows] = np.where(spared, np.maximum(found[rows], part.exposure_minor[rows]), found[rows])
    return found


def later_by_trigger(
    part: Dataset, label: NDArray[np.int8], weight: NDArray[np.float64]
) -> dict[str, float]:
    """``later_minor.STATUS``: the mean of ``later_minor`` over the frauds of each trigger.

    A trigger with fewer than ten labelled frauds is left out: the policy then takes the amount at risk.
    """
    later = later_minor(part, label)
    table = {}
    for kind in TRIGGERS:
        rows = (label == 1) & (part.kind == kind)
        if rows.sum() >= _LEAST_FRAUDS:
            mean = float(np.average(later[rows], weights=weight[rows]))
            table[f"later_minor.{STATUS_OF_KIND[kind]}"] = mean
    return table


def _at_risk(part: Dataset, later: NDArray[np.int64], costs: CostModel) -> NDArray[np.int64]:
    """What follows; in a table without kinds of events the row's amount is all that is known."""
    amount = np.where(part.amount_minor > 0, part.amount_minor, costs.unknown_amount_minor)
    return np.where(part.kind == 0, amount, later)


def trigger_scores(
    probability: NDArray[np.float64], kind: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Probabilities by the ratio of their trigger, -1 for events that raise nothing, [n].

    One threshold on these scores is the bounds of all triggers.
    """
    ratios = np.full(int(max(EventKind)) + 1, np.nan)
    ratios[0] = 1.0
    for trigger, ratio in TRIGGERS.items():
        ratios[trigger] = ratio
    score: NDArray[np.float64] = np.nan_to_num(probability / ratios[kind], nan=-1.0)
    return score
