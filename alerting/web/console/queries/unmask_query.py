"""A count of the numbers that a person saw in clear lately, from the audit log."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.db.journal_tables import UNMASKED, AuditRecord

HOUR_MS = 3_600_000
RESPONDER_LIMIT = 60
SUPERVISOR_LIMIT = 120
"""Numbers an hour: several for each case that a person can work on in that time."""


def hourly_limit(who: Principal) -> int:
    """How many numbers a person may be shown in an hour."""
    return SUPERVISOR_LIMIT if who.may("case.assign") else RESPONDER_LIMIT


def unmaskings(session: Session, who: Principal, now_ms: int) -> int:
    """How many numbers a person was shown in the hour before ``now_ms``."""
    statement = select(func.count()).where(
        AuditRecord.actor == who.subject, AuditRecord.at_ms > now_ms - HOUR_MS, UNMASKED
    )
    return session.scalar(statement.select_from(AuditRecord)) or 0
