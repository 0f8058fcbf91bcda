"""Measures of a ranking of events, weighted, and per day where responders work by the day.

All take arrays of equal length: ``score`` float [n], ``label`` 0/1 [n], ``weight`` float [n] (how
many rows of the population one row stands for). A measure that the data cannot answer is NaN.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from models.training.training_dataset import DAY_MS

Floats = NDArray[np.float64]
Labels = NDArray[np.int8]

MINUTE_MS = 60_000


def roc_auc(score: Floats, label: Labels, weight: Floats | None = None) -> float:
    """Chance that a fraud scores above an honest event."""
    if label.min(initial=1) == label.max(initial=0):
        return math.nan
    return float(roc_auc_score(label, score, sample_weight=weight))


def average_precision(score: Floats, label: Labels, weight: Floats | None = None) -> float:
    """Area under the precision-recall curve, by steps."""
    if label.sum() == 0:
        return math.nan
    return float(average_precision_score(label, score, sample_weight=weight))


def precision_at_k(
    score: Floats, label: Labels, weight: Floats, time_ms: NDArray[np.int64],
    group: NDArray[np.uint64], k: int, *, from_ms: int, until_ms: int,
) -> float:  # fmt: skip
    """Mean over whole days of the share of compromised groups among the k highest of each day.

    The "card precision at k" of the Fraud Detection Handbook (Le Borgne et al. 2022): a day's rows
    are first reduced to the highest score of each group; a group counts once, as fraud if any
    of its rows that day is. A group that was found leaves for the days that follow. A group of weight
    5 takes five of the k places, because it stands for five groups of the whole population.

    Args:
        score, label, weight: of each row.
        time_ms: of each row; days begin at midnight UTC.
        group: whom each row is about.
        k: how many groups people can look at on a day.
        from_ms, until_ms: the period that the rows cover; days of which it holds a part only are left out.
    """
    day = time_ms // DAY_MS
    whole = (day * DAY_MS >= from_ms) & ((day + 1) * DAY_MS <= until_ms)
    if not whole.any():
        return math.nan
    score, label, weight = score[whole], label[whole], weight[whole]
    group, day = group[whole], day[whole]
    order = np.lexsort((group, day))
    starts = np.flatnonzero(np.r_[True, (np.diff(day[order]) != 0) | (np.diff(group[order]) != 0)])
    best = np.maximum.reduceat(score[order], starts)
    fraud = np.maximum.reduceat(label[order], starts)
    places = np.maximum.reduceat(weight[order], starts)
    day_of = day[order][starts]
    _, member = np.unique(group[order][starts], return_inverse=True)
    found = np.zeros(int(member.max()) + 1, np.bool_)
    shares = []
    for one_day in np.unique(day_of):
        rows = np.flatnonzero((day_of == one_day) & ~found[member])
        top = rows[np.argsort(-best[rows], kind="stable")]
        before = np.cumsum(places[top]) - places[top]
        taken = np.clip(k - before, 0.0, places[top])
        shares.append(float((taken * fraud[top]).sum() / k))
        found[member[top[(taken > 0) & (fraud[top] == 1)]]] = True
    return float(np.mean(shares))


def threshold_for_budget(
    score: Floats, weight: Floats, time_ms: NDArray[np.int64], subject: NDArray[np.uint64],
    per_day: float,
) -> float:  # fmt: skip
    """The lowest threshold with at most this many warned subjects a day, on average."""
    if len(score) == 0:
        return math.inf
    best, rows = highest_by_subject(score, subject)
    days = max(1.0, (int(time_ms.max()) - int(time_ms.min())) / DAY_MS)
    order = np.argsort(-best, kind="stable")
    spent = np.cumsum(weight[rows][order]) / days
    within = int(np.searchsorted(spent, per_day, side="right"))
    if within == 0:
        return math.inf
    last = best[order][within - 1]
    if within < len(best) and best[order][within] == last:  # a tie would overrun the budget
        above = best[best > last]
        return float(above.min()) if len(above) else math.inf
    return float(last)


def highest_by_subject(
    score: Floats, subject: NDArray[np.uint64]
) -> tuple[Floats, NDArray[np.int64]]:
    """For each subject its highest score and the row which has it."""
    order = np.lexsort((-score, subject))
    first = np.r_[True, np.diff(subject[order]) != 0]
    rows = order[first]
    return score[rows], rows


@dataclass(frozen=True, slots=True)
class Caught:
    """What a threshold catches, in events, episodes and money (minor units)."""

    threshold: float
    warnings_per_day: float
    precision: float
    recall: float
    episode_recall: float
    value_recall: float
    value_minor: float
    minutes_before_first_loss: float
    before_first_loss: float


def caught(
    score: Floats,
    label: Labels,
    weight: Floats,
    *,
    threshold: float,
    time_ms: NDArray[np.int64],
    subject: NDArray[np.uint64],
    episode: NDArray[np.int64],
    exposure_minor: NDArray[np.int64],
    first_loss_ms: NDArray[np.int64],
) -> Caught:
    """What is caught at a threshold.

    An episode counts as found by its first warned event; it has the weight of its rows, its exposure counts once, and
    ``minutes_before_first_loss`` is the median over found episodes with a loss (negative: too late).
    """
    if len(score) == 0:
        return Caught(threshold, *(math.nan,) * 8)
    days = max(1.0, (int(time_ms.max()) - int(time_ms.min())) / DAY_MS)
    best, rows = highest_by_subject(score, subject)
    warned = best >= threshold
    by_subject = _any_by_subject(label, subject)
    hits = weight[rows] * warned
    fraud = label == 1
    found = fraud & (score >= threshold)
    episodes, at = np.unique(episode[fraud & (episode >= 0)], return_index=True)
    stands_for = weight[fraud & (episode >= 0)][at]
    exposure = exposure_minor[fraud & (episode >= 0)][at] * stands_for
    losses = first_loss_ms[fraud & (episode >= 0)][at]
    first_warned = np.full(len(episodes), np.iinfo(np.int64).max)
    hit = np.flatnonzero(found & (episode >= 0))
    np.minimum.at(first_warned, np.searchsorted(episodes, episode[hit]), time_ms[hit])
    known = first_warned < np.iinfo(np.int64).max
    lead = (losses - first_warned)[known & (losses < 2**62)] / MINUTE_MS
    return Caught(
        threshold=threshold,
        warnings_per_day=float(hits.sum() / days),
        precision=_ratio(float((hits * by_subject).sum()), float(hits.sum())),
        recall=_ratio(float((weight * found).sum()), float((weight * fraud).sum())),
        episode_recall=_ratio(float(stands_for[known].sum()), float(stands_for.sum())),
        value_recall=_ratio(float(exposure[known].sum()), float(exposure.sum())),
        value_minor=float(exposure[known].sum()),
        minutes_before_first_loss=float(np.median(lead)) if len(lead) else math.nan,
        before_first_loss=float((lead > 0).mean()) if len(lead) else math.nan,
    )


def calibration_error(
    probability: Floats, label: Labels, weight: Floats, bins: int = 10
) -> tuple[float, list[tuple[float, float, float]]]:
    """Expected calibration error and (mean probability, observed share, weight) by bin.

    Bins hold equal shares of the *predicted frauds*, not of the rows: of a hundred thousand
    events nearly all are near zero, where calibration is easy and without consequence.
    """
    total = float((probability * weight).sum())
    if total <= 0:
        return math.nan, []
    order = np.argsort(probability, kind="stable")
    cumulative = np.cumsum((probability * weight)[order]) / total
    bin_of = np.minimum((cumulative * bins).astype(int), bins - 1)
    curve = []
    for number in range(bins):
        rows = order[bin_of == number]
        if len(rows):
            w = weight[rows]
            curve.append(
                (
                    float(np.average(probability[rows], weights=w)),
                    float(np.average(label[rows], weights=w)),
                    float(w.sum()),
                )
            )
    expected = sum(p * w for p, _, w in curve)
    error = sum(abs(p - o) * w for p, o, w in curve) / max(expected, 1e-12)
    return float(error), curve


def wilson(hits: float, total: float, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); (0, 1) of nothing."""
    if total <= 0:
        return 0.0, 1.0
    p = min(1.0, hits / total)
    middle = p + z * z / (2 * total)
    spread = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def weighted_share(hit: NDArray[np.bool_], weight: Floats) -> tuple[float, float, float]:
    """A weighted share of independent units and its 95 % interval (Wilson, effective number)."""
    if len(weight) == 0:
        return math.nan, 0.0, 1.0
    share = float(np.average(hit, weights=weight))
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    return (share, *wilson(share * effective, effective))


def _any_by_subject(label: Labels, subject: NDArray[np.uint64]) -> NDArray[np.int8]:
    """Whether any row of each subject is fraud, in the order of ``highest_by_subject``."""
    order = np.argsort(subject, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(subject[order]) != 0])
    return np.asarray(np.maximum.reduceat(label[order], starts))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan
