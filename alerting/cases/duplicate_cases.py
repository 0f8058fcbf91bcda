"""Merge a case into another case of the same scam.

The warnings and transfers of the duplicate move with it: a payment that goes through later has to
count in an open case, or as a late loss of the other case.
"""

from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlalchemy.orm import Session

from alerting.cases.case_reopening import open_from_text
from alerting.cases.case_summary import summarise
from alerting.cases.ledger import ledger_entries
from alerting.cases.timers import timer_schedule
from alerting.db.case_tables import Case, Warning_


def refusal(case: Case, other: Case) -> str | None:
    """The reason why a case cannot be a duplicate of another one, or None."""
    if case.case_id == other.case_id:
        return "duplicate_of_self"
    if (case.tenant, case.subscriber) != (other.tenant, other.subscriber):
        return "duplicate_of_another_person"
    if case.currency != other.currency:
        return "duplicate_in_another_currency"
    # Its warnings moved to a third case, which is the one to name.
    return "duplicate_of_a_duplicate" if other.disposition == "duplicate" else None


def hand_over(session: Session, case: Case, other: Case, *, now_ms: int, zone: ZoneInfo) -> int:
    """Move warnings, claims and losses to the other case; both are locked.

    Returns:
        The loss that moved, in minor units.
    """
    lost_minor = ledger_entries.hand_over(session, case, other, "lost", now_ms=now_ms, zone=zone)
    ledger_entries.hand_over_claims(session, case, other)
    session.execute(
        update(Warning_)
        .where(Warning_.case_id == case.case_id)
        .values(case_id=other.case_id)
        .execution_options(synchronize_session="fetch")
    )
    case.lost_minor -= lost_minor
    other.lost_minor += lost_minor
    # An event's id holds warning and revision, so the other case's next revision must be higher.
    other.outcome_revision = max(other.outcome_revision, case.outcome_revision)
    other.version += 1
    return lost_minor


def refresh_open(
    session: Session, case: Case, other: Case, rows: list[Warning_], now_ms: int
) -> None:
    """Update the open case that received the warnings; it may have become more urgent."""
    change = summarise(other, rows)
    if other.withdrawn:
        return
    open_from_text(other, now_ms)
    if other.responded_at_ms is None:
        other.deadline_ms = min(other.deadline_ms, case.deadline_ms)
    if change.revived:
        timer_schedule.begin_round(other)
    if change.severity_rose or change.evidence_changed or change.revived:
        timer_schedule.renew(session, [other], now_ms)
