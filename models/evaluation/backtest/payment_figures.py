"""Answers to banks that a policy would have given in a period: payments stopped, and honest people delayed."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.event_columns import EventColumns
from features.kinds import CHANNEL_SHIFT, CHANNELS, EventKind
from forewarn.contracts.transfer import Channel
from models.policy import EventFacts, Lists, Policy
from models.policy.payment_policy import STRICTNESS

_CHANNEL_BITS = 0b111


def payment_figures(
    events: EventColumns,
    vectors: NDArray[np.float32],
    probability: NDArray[np.float64],
    fraud: NDArray[np.bool_],
    policy: Policy,
    *,
    rows: NDArray[np.bool_],
    lists: Lists | None = None,
) -> dict[str, Any]:
    """Answers to every attempted transfer of a period, as a JSON-ready document.

    How long an honest payment is held is the policy's ``hold_minutes``: no responder is assumed to be
    faster, and a refused payment is not counted as delayed but as refused.

    Args:
        events: the history, [n].
        vectors: float32 [n, F].
        probability: calibrated, [n].
        fraud: whether the event is of a fraud, [n].
        policy: answers.
        rows: the events of the period, [n].
        lists: lists in force; none if left out.
    """
    lists = lists or Lists()
    asked = np.flatnonzero(rows & (events.kind == EventKind.OUT_ATTEMPTED))
    honest: Counter[str] = Counter()
    frauds: Counter[str] = Counter()
    stopped_minor = fraud_minor = 0
    for row in asked.tolist():
        code = int(events.flags[row]) >> CHANNEL_SHIFT & _CHANNEL_BITS
        channel: Channel = CHANNELS[code]
        facts = EventFacts(
            subscriber=int(events.subscriber[row]),
            subject=int(events.subject[row]),
            counterparty=int(events.counterparty[row]),
            status="attempted",
            event_time_ms=int(events.time_ms[row]),
            amount_minor=int(events.amount_minor[row]),
            vector=vectors[row],
        )
        verdict = policy.answer(facts, channel, float(probability[row]), lists)
        if not fraud[row]:
            honest[verdict.decision] += 1
            continue
        frauds[verdict.decision] += 1
        fraud_minor += facts.amount_minor
        if verdict.decision in ("hold", "refuse"):
            stopped_minor += facts.amount_minor
    held = honest["hold"]
    return {
        "asked": len(asked),
        "honest": {name: honest[name] for name in STRICTNESS},
        "frauds": {name: frauds[name] for name in STRICTNESS},
        "honest_held_per_10000": 10_000 * held / max(1, honest.total()),
        "honest_held_hours": held * policy.document.payments.hold_minutes / 60,
        "fraud_minor": fraud_minor,
        "stopped_minor": stopped_minor,
    }


def payment_lines(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """The figures as lines of a table: what is counted, and its value."""
    honest, frauds = figures["honest"], figures["frauds"]
    total, rate = sum(honest.values()), figures["honest_held_per_10000"]
    held = f"{honest['hold']} of {total:,} ({rate:.1f} in 10,000)"
    delayed = f"{frauds['challenge']}, {frauds['hold']}, {frauds['refuse']}"
    return [
        ("honest payments held", f"{held}, {figures['honest_held_hours']:,.0f} hours at most"),
        ("honest payments challenged, refused", f"{honest['challenge']}, {honest['refuse']}"),
        (
            "payments of frauds challenged, held, refused",
            f"{delayed} of {sum(frauds.values())}",
        ),
        (
            "held or refused of frauds (minor units)",
            f"{figures['stopped_minor']:,} of {figures['fraud_minor']:,}",
        ),
    ]
