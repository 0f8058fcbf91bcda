"""What an objection to an order allows, and when it is alerted to: pure deciders with named reasons."""

from dataclasses import dataclass
from typing import Literal, get_args

from alerting.access import Principal
from alerting.orders.order_states import HOLDING

AppealState = Literal[
    "open",
    "upheld",  # the order was released because of it
    "refused",  # with a reason
    "settled",  # the order ended otherwise before it was decided
]
AppealWay = Literal["console", "api", "phone"]
AppealReason = Literal["appeal_is_decided", "appeal_waits", "appeal_due_soon", "appeal_overdue"]

STATES: tuple[AppealState, ...] = get_args(AppealState)
HOUR_MS = 3_600_000
AGAIN_MS = 6 * HOUR_MS
"""Between two alerts to an overdue objection."""

MAX_ALERTS = 40
"""Alerts to one objection: ten days. It stays at the top of the page of orders all the same."""

HINTS = {
    "nothing_to_object_to": "The order stops nothing any more.",
    "objection_is_open": "Decide on the objection first.",
    "appeal_is_decided": "Another objection to the order can be filed.",
    "needs_another_person": "Another supervisor has to decide: not one who ordered or extended it, "
    "took the objection down or makes it.",
    "refusal_needs_a_reason": "Give the reason, which the person who objects is sent.",
}


@dataclass(frozen=True, slots=True)
class AppealFacts:
    """The objection as it stands; times in UTC milliseconds."""

    state: AppealState
    filed_at_ms: int
    due_at_ms: int
    alerts: int
    alerted_at_ms: int | None


@dataclass(frozen=True, slots=True)
class AppealVerdict:
    """Whether to alert the desk now, why, and when to look again; None for never."""

    alert: bool
    reason: AppealReason
    again_ms: int | None


def decide_appeal_clock(appeal: AppealFacts, now_ms: int) -> AppealVerdict:
    """Decide whether an objection is alerted to now.

    The desk is alerted when a quarter of the time is left, at the deadline, and every six hours after it.

    Args:
        appeal: as it stands.
        now_ms: UTC milliseconds.
    """
    if appeal.state != "open":
        return AppealVerdict(False, "appeal_is_decided", None)
    soon_ms = appeal.due_at_ms - (appeal.due_at_ms - appeal.filed_at_ms) // 4
    if now_ms < soon_ms:
        return AppealVerdict(False, "appeal_waits", soon_ms)
    if now_ms < appeal.due_at_ms:
        return AppealVerdict(appeal.alerts == 0, "appeal_due_soon", appeal.due_at_ms)
    if appeal.alerts >= MAX_ALERTS:
        return AppealVerdict(False, "appeal_overdue", None)
    last_ms = appeal.alerted_at_ms
    again_ms = (
        appeal.due_at_ms if last_ms is None or last_ms < appeal.due_at_ms else last_ms + AGAIN_MS
    )
    if now_ms < again_ms:
        return AppealVerdict(False, "appeal_overdue", again_ms)
    return AppealVerdict(True, "appeal_overdue", now_ms + AGAIN_MS)


def decide_filing(order_state: str, *, has_open: bool) -> str | None:
    """The reason why no objection to an order can be filed, or None."""
    if order_state not in HOLDING:
        return "nothing_to_object_to"
    return "objection_is_open" if has_open else None


def is_concerned(who: Principal, subjects: frozenset[str], objector: str) -> bool:
    """Whether a person has a part in an objection, and so may not decide on it.

    Args:
        who: the person.
        subjects: of those who ordered or extended what it is about, and who took it down.
        objector: name of the person who objects; a namesake leaves the decision to another.
    """
    return who.subject in subjects or _plain(who.name) == _plain(objector)


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()


def decide_outcome(state: str, *, concerned: bool, upheld: bool, reason: str) -> str | None:
    """The reason why a person may not decide on an objection, or None.

    Args:
        state: of the objection.
        concerned: whether the person has a part in it (``is_concerned``).
        upheld: whether the order is to be released.
        reason: of the decision; a refusal needs one.
    """
    if state != "open":
        return "appeal_is_decided"
    if concerned:
        return "needs_another_person"
    return "refusal_needs_a_reason" if not upheld and not reason.strip() else None
