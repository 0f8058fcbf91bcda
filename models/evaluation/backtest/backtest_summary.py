"""The summary of a replay: warnings, episodes reached, money still to be saved."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.event_columns import EventColumns
from features.kinds import EventKind
from models.evaluation.backtest.decision_replay import DecisionReplay
from models.policy import Policy
from models.policy.event_status import STATUS_OF_KIND
from models.training.event_labels import Labels
from models.training.training_dataset import DAY_MS

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Episode:
    """One fraud that is known by now, as the replay met it. Money in minor units.

    ``movable_minor`` is what the person paid from the first warning on: what it could have saved;
    ``saved_minor`` the share of it that the policy expects a warning of that kind to save.
    """

    number: int
    typology: str
    paid_minor: int
    warned_ms: int | None
    movable_minor: int
    saved_minor: int
    minutes_before_loss: float | None


def summarise(
    result: DecisionReplay,
    events: EventColumns,
    labels: Labels,
    policy: Policy,
    rows: NDArray[np.bool_],
) -> dict[str, object]:
    """Counts and money of a replay as a JSON-ready document; ``rows`` is the period judged."""
    raised = result.raised()
    days = max(1.0, np.ptp(events.time_ms[rows]) / DAY_MS) if rows.any() else 1.0
    hits = [one for one in raised if labels.label[one.row] == 1]
    found = episodes(result, events, labels, policy, rows)
    reached = [one for one in found if one.warned_ms is not None]
    leads = [one.minutes_before_loss for one in reached if one.minutes_before_loss is not None]
    return {
        "model": result.model_version,
        "policy": result.policy_version,
        "events": int(rows.sum()),
        "days": float(days),
        "messages": dict(Counter(str(one.decision.action) for one in result.sent)),
        "reasons": dict(sorted(result.reasons.items())),
        "severities": dict(Counter(str(one.decision.severity) for one in raised)),
        "warnings_per_day": len(raised) / float(days),
        "precision": len(hits) / len(raised) if raised else None,
        "episodes": len(found),
        "episodes_reached": len(reached),
        "paid_minor": sum(one.paid_minor for one in found),
        "movable_minor": sum(one.movable_minor for one in found),
        "saved_minor": sum(one.saved_minor for one in found),
        "minutes_before_loss": float(np.median(leads)) if leads else None,
        "by_typology": _by_typology(found),
    }


def episodes(
    result: DecisionReplay,
    events: EventColumns,
    labels: Labels,
    policy: Policy,
    rows: NDArray[np.bool_],
) -> list[Episode]:
    """The episodes of the judged period, in order of their number."""
    first: dict[int, int] = {}
    for one in result.raised():
        episode = int(labels.episode[one.row])
        if episode >= 0:
            first.setdefault(episode, one.row)
    found = []
    member = rows & (labels.episode >= 0)
    for number in np.unique(labels.episode[member]).tolist():
        own = np.flatnonzero(member & (labels.episode == number))
        paid = own[events.kind[own] == EventKind.OUT_COMPLETED]
        amounts = events.amount_minor[paid]
        row = first.get(number)
        movable = saved = 0
        lead = None
        if row is not None:
            warned_ms = int(events.time_ms[row])
            # What was warned about as it was attempted completes later: it could be stopped.
            movable = int(amounts[events.time_ms[paid] >= warned_ms].sum())
            status = STATUS_OF_KIND[int(events.kind[row])]
            saved = round(movable * policy.document.costs.success.get(status, 0.0))
            if len(paid):
                lead = float(events.time_ms[paid].min() - warned_ms) / _MINUTE_MS
        found.append(
            Episode(
                number=number,
                typology=str(labels.typology[own[0]]),
                paid_minor=int(amounts.sum()),
                warned_ms=None if row is None else int(events.time_ms[row]),
                movable_minor=movable,
                saved_minor=saved,
                minutes_before_loss=lead,
            )
        )
    return found


def _by_typology(found: list[Episode]) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {}
    for one in found:
        row = table.setdefault(
            one.typology or "unknown",
            {"episodes": 0, "reached": 0, "paid_minor": 0, "saved_minor": 0},
        )
        row["episodes"] += 1
        row["reached"] += one.warned_ms is not None
        row["paid_minor"] += one.paid_minor
        row["saved_minor"] += one.saved_minor
    return dict(sorted(table.items()))
