"""Columns of a case that waits for a responder (again): reopened, given back, or no text any more."""

from alerting.cases.lifecycle import TEXT_ONLY
from alerting.cases.timers import timer_schedule
from alerting.db.case_tables import Case


def open_again(case: Case, now_ms: int) -> str | None:
    """Set the columns of a closed case to those of an open one without a holder.

    The caller sets its deadline, its money and its timers.

    Returns:
        The disposition that the case had.
    """
    before = case.disposition
    case.state = "dispatched"
    case.disposition = case.closed_at_ms = case.closed_by = case.duplicate_of = None
    case.prevented_minor = 0
    case.opened_at_ms = now_ms
    clear_holder(case)
    timer_schedule.begin_round(case)
    return before


def open_from_text(case: Case, now_ms: int) -> bool:
    """Make a case of a low warning whose severity rose; return whether it became one.

    It opens now: before, it had no responder.
    """
    if case.state != TEXT_ONLY or case.severity == "low":
        return False
    case.state, case.opened_at_ms = "new", now_ms
    return True


def clear_holder(case: Case) -> None:
    """Remove the holder and start the chain of escalation from its beginning."""
    case.holder = case.held_since_ms = case.follow_up_due_ms = case.responded_at_ms = None
    case.follow_up_level = case.escalation_level = 0
