"""Lead and precision of warnings: leads, people in a fraud, money, with intervals over people.

The two tables say who was warned when and who lost what when; where they come from (a replay of the real
decisions, or the test part of a training) is of no concern here. Intervals are 90 % bootstrap intervals: each
draw gives every person a Poisson(1) count (Chamandy et al. 2012), since events of one person resemble
each other.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.training.training_dataset import NEVER_MS

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

LEAD_MINUTES = (0, 1, 5, 15, 60, 240, 1440)
DRAWS = 200
FEW_FRAUDS = 20
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class WarningTable:
    """Warnings that were raised, one row each; ``weight`` is how many people a row's person stands for.

    ``episode`` is the fraud that the warned event belongs to, -1 if it is honest.
    """

    person: NDArray[np.uint64]
    time_ms: Longs
    episode: Longs
    weight: Floats


@dataclass(frozen=True, slots=True)
class LossTable:
    """Frauds in which money was lost, one row each; ``call_ms`` is the first call, ``NEVER_MS`` if none.

    Money is in minor units.
    """

    episode: Longs
    person: NDArray[np.uint64]
    first_loss_ms: Longs
    lost_minor: Longs
    call_ms: Longs
    weight: Floats
    typology: NDArray[np.str_]
    age_group: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.episode)


def first_warnings(warnings: WarningTable, losses: LossTable) -> Longs:
    """Time of the first warning about each loss's fraud, ``NEVER_MS`` where there is none."""
    first = np.full(len(losses), NEVER_MS, np.int64)
    order = np.argsort(losses.episode)
    place = np.searchsorted(losses.episode[order], warnings.episode)
    place = np.minimum(place, max(0, len(losses) - 1))
    if len(losses):
        rows = np.flatnonzero(losses.episode[order][place] == warnings.episode)
        np.minimum.at(first, order[place[rows]], warnings.time_ms[rows])
    return first


def early_warning(
    warnings: WarningTable, losses: LossTable, days: float, *, draws: int = DRAWS, seed: int = 0
) -> dict[str, object]:
    """The figures of a period as a JSON-ready document; each is {value, low, high}.

    Args:
        warnings: of the period.
        losses: of the period.
        days: its length.
        draws: of the bootstrap; 0 leaves the intervals out.
        seed: of the draws.
    """
    table = _Table(warnings, losses, days)
    figures = {name: measure(table, table.ones()) for name, measure in _MEASURES.items()}
    drawn: dict[str, list[float]] = {name: [] for name in figures}
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        counts = rng.poisson(1.0, table.people).astype(np.float64)
        for name, measure in _MEASURES.items():
            drawn[name].append(measure(table, counts))
    document: dict[str, object] = {
        name: {"value": value, **_interval(drawn[name])} for name, value in figures.items()
    }
    first = table.first
    return document | {
        "losses": len(losses),
        "losses_with_a_call": int(table.called.sum()),
        "losses_warned": int((table.lead > 0).sum()),
        "warnings": len(warnings.person),
        "people_warned": len(np.unique(warnings.person)),
        "days": days,
        "lead_curve": [_curve_row(table, minutes) for minutes in LEAD_MINUTES],
        "typology": _recall_by(losses.typology, first, losses),
        "age_group": _recall_by(losses.age_group, first, losses),
    }


class _Table:
    """Both tables with people as numbers from 0, and what does not change from draw to draw."""

    def __init__(self, warnings: WarningTable, losses: LossTable, days: float) -> None:
        both = np.concatenate([warnings.person, losses.person])
        people, number = np.unique(both, return_inverse=True)
        self.people, self.days = len(people), max(days, 1e-9)
        self.warned, self.lost = number[: len(warnings.person)], number[len(warnings.person) :]
        self.warning_weight, self.loss_weight = warnings.weight, losses.weight
        self.true = warnings.episode >= 0
        self.first = first_warnings(warnings, losses)
        self.lead = np.where(
            self.first < NEVER_MS, (losses.first_loss_ms - self.first) / _MINUTE_MS, -math.inf
        )
        self.called = losses.call_ms < losses.first_loss_ms - _MINUTE_MS
        self.money = losses.lost_minor.astype(np.float64)
        # A person counts once: with the weight of a true warning if there is one.
        self.person_weight, self.person_true = (
            np.zeros(self.people),
            np.zeros(self.people, np.bool_),
        )
        np.maximum.at(self.person_weight, self.warned, warnings.weight)
        np.logical_or.at(self.person_true, self.warned, self.true)
        true_weight = np.zeros(self.people)
        np.maximum.at(true_weight, self.warned, np.where(self.true, warnings.weight, 0.0))
        self.person_weight = np.where(self.person_true, true_weight, self.person_weight)

    def ones(self) -> Floats:
        """Each person once."""
        return np.ones(self.people)

    def share(self, hit: NDArray[np.bool_], of: NDArray[np.bool_], counts: Floats) -> float:
        """Weighted share of losses."""
        weight = self.loss_weight * counts[self.lost]
        whole = float(weight[of].sum())
        return float(weight[of & hit].sum()) / whole if whole > 0 else math.nan


def _people_in_a_fraud(t: _Table, counts: Floats) -> float:
    weight = t.person_weight * counts
    whole = float(weight.sum())
    return float(weight[t.person_true].sum()) / whole if whole > 0 else math.nan


def _a_day(t: _Table, counts: Floats, rows: NDArray[np.bool_]) -> float:
    return float((t.warning_weight * counts[t.warned])[rows].sum()) / t.days


def _median_lead(t: _Table, counts: Floats) -> float:
    rows = np.flatnonzero(t.lead > 0)
    weight = (t.loss_weight * counts[t.lost])[rows]
    if weight.sum() <= 0:
        return math.nan
    order = np.argsort(t.lead[rows])
    place = np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)
    return float(t.lead[rows][order][min(place, len(rows) - 1)])


def _money_share(t: _Table, counts: Floats) -> float:
    weight = t.loss_weight * counts[t.lost] * t.money
    whole = float(weight.sum())
    return float(weight[t.lead >= 1].sum()) / whole if whole > 0 else math.nan


def _every(t: _Table) -> NDArray[np.bool_]:
    return np.ones(len(t.lead), np.bool_)


_MEASURES: dict[str, Callable[[_Table, Floats], float]] = {
    "people_in_a_fraud": _people_in_a_fraud,
    "warnings_in_a_fraud": lambda t, c: (
        _a_day(t, c, t.true) / max(_a_day(t, c, np.ones_like(t.true)), 1e-12)
        if len(t.true)
        else math.nan
    ),
    "warnings_per_day": lambda t, c: _a_day(t, c, np.ones_like(t.true)),
    "false_alarms_per_day": lambda t, c: _a_day(t, c, ~t.true),
    "share_of_losses_warned": lambda t, c: t.share(t.lead > 0, _every(t), c),
    "share_of_losses_warned_a_minute_before": lambda t, c: t.share(t.lead >= 1, _every(t), c),
    "share_with_a_call_warned_a_minute_before": lambda t, c: t.share(t.lead >= 1, t.called, c),
    "share_of_money_warned_a_minute_before": _money_share,
    "median_lead_minutes": _median_lead,
}


def _interval(values: list[float]) -> dict[str, float | None]:
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return {"low": None, "high": None}
    low, high = np.quantile(known, (0.05, 0.95))
    return {"low": float(low), "high": float(high)}


def _curve_row(t: _Table, minutes: int) -> dict[str, float]:
    hit = (t.lead >= minutes) & (t.lead > 0)
    weight = t.loss_weight
    money = weight * t.money
    return {
        "minutes": minutes,
        "losses": float(weight[hit].sum() / max(weight.sum(), 1e-12)),
        "money": float(money[hit].sum() / max(money.sum(), 1e-12)),
    }


def _recall_by(
    segment: NDArray[np.str_], first: Longs, losses: LossTable
) -> dict[str, dict[str, float]]:
    """By segment: losses, and the share warned before the loss and a minute before it."""
    table = {}
    lead = (losses.first_loss_ms - first) / _MINUTE_MS
    for name in np.unique(segment[segment != ""]).tolist():
        rows = segment == name
        weight = losses.weight[rows]
        whole = max(float(weight.sum()), 1e-12)
        table[str(name)] = {
            "losses": int(rows.sum()),
            "warned": float(weight[lead[rows] > 0].sum()) / whole,
            "warned_a_minute_before": float(weight[lead[rows] >= 1].sum()) / whole,
        }
    return table
