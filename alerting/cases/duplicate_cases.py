"""A case that is the same scam as another: all that it has goes over to that one.

Its warnings and transfers have to count somewhere: left behind in a case that is closed as a
duplicate, a payment that goes through later would be nobody's loss.
"""

from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlalchemy.orm import Session

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
    # What it had went on to a third case, so that is the one to name.
    return "duplicate_of_a_duplicate" if other.disposition == "duplicate" else None


def hand_over(session: Session, case: Case, other: Case, *, now_ms: int, zone: ZoneInfo) -> int:
    """Move warnings, claims and losses to the other case; both are locked.

    Returns:
        The loss that went over, in minor units.
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
    # An event's id holds warning and revision: what the other case says next must be newer.
    other.outcome_revision = max(other.outcome_revision, case.outcome_revision)
    other.version += 1
    return lost_minor


def refresh_open(
    session: Session, case: Case, other: Case, rows: list[Warning_], now_ms: int
) -> None:
    """Bring the open case that took the warnings in up to them; it may have become more urgent."""
    change = summarise(other, rows)
    if other.withdrawn:
        return
    if other.responded_at_ms is None:
        other.deadline_ms = min(other.deadline_ms, case.deadline_ms)
    if change.revived:
        timer_schedule.begin_round(other)
    if change.severity_rose or change.evidence_changed or change.revived:
        timer_schedule.renew(session, [other], now_ms)
