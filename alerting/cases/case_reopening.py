"""A case that nobody has any more: given back, or open again after it was closed."""

from alerting.cases.timers import timer_schedule
from alerting.db.case_tables import Case


def open_again(case: Case, now_ms: int) -> str | None:
    """Bring the columns of a case back to those of an open one that nobody has yet.

    Its deadline, its money and its timers are the caller's to set.

    Returns:
        The disposition that it had.
    """
    before = case.disposition
    case.state = "dispatched"
    case.disposition = case.closed_at_ms = case.closed_by = case.duplicate_of = None
    case.prevented_minor = 0
    case.opened_at_ms = now_ms
    let_go(case)
    timer_schedule.begin_round(case)
    return before


def let_go(case: Case) -> None:
    """Nobody has the case any more, and the chain of escalation begins anew."""
    case.holder = case.held_since_ms = case.follow_up_due_ms = case.responded_at_ms = None
    case.follow_up_level = case.escalation_level = 0
