"""The log of numbers seen in clear, and each person's hourly limit over the console, orders and evidence packs."""

import json

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.access.masking import UnmaskDecision
from alerting.cases import history
from alerting.cases.history import AuditEntry
from alerting.db.database import Database
from alerting.db.journal_tables import UNMASKED, AuditRecord
from alerting.service_errors import StepRefusedError
from alerting.service_metrics import UNMASKINGS
from forewarn.platform.clock import Clock

HOUR_MS = 3_600_000
RESPONDER_LIMIT = 60
SUPERVISOR_LIMIT = 120
"""Numbers an hour: several for each case that a person can work on in that time."""

MOST_AT_ONCE = 20
"""What one file counts for at most, so that a supervisor can export the gravest case, and six an hour."""

SEVERAL = '"numbers":'
"""What the details of a record hold that shows more than one number."""


def hourly_limit(who: Principal) -> int:
    """How many numbers a person may be shown in an hour."""
    return SUPERVISOR_LIMIT if who.may("case.assign") else RESPONDER_LIMIT


def unmaskings(session: Session, who: Principal, now_ms: int) -> int:
    """How many numbers a person was shown in the hour before ``now_ms``."""
    mine = (AuditRecord.actor == who.subject, AuditRecord.at_ms > now_ms - HOUR_MS, UNMASKED)
    shown: int = session.scalar(select(func.count()).select_from(AuditRecord).where(*mine)) or 0
    several = session.scalars(
        select(AuditRecord.detail).where(*mine, AuditRecord.detail.contains(SEVERAL))
    )
    return shown + sum(map(numbers_beyond_first, several))


def numbers_beyond_first(detail: str) -> int:
    """How many numbers more than one a record of :data:`SEVERAL` shows.

    Args:
        detail: of the record, as JSON.
    """
    return int(json.loads(detail)["numbers"]) - 1


class UnmaskingLog:
    """Records requests to see numbers in clear before these leave.

    Args:
        db: of the audit log.
        clock: UTC milliseconds.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def record(
        self,
        who: Principal,
        case_id: str,
        decision: UnmaskDecision,
        *,
        what: str,
        why: str = "",
        numbers: int = 1,
    ) -> UnmaskDecision:
        """Record a request, allowed or refused; requests of one person are counted one by one.

        Args:
            who: asks.
            case_id: whose numbers they are.
            decision: whether role and case allow it.
            what: is asked for.
            why: the purpose, of a closed set.
            numbers: how many numbers, accounts and names it shows.

        Returns:
            The decision.

        Raises:
            StepRefusedError: ``unmask_limit``, if it would pass the hourly limit.
        """
        now_ms, counted = self._clock(), min(numbers, MOST_AT_ONCE)
        with self._db.write() as session:
            self._db.lock(session, [f"unmasking/{who.subject}"])
            limited = decision.allowed and unmaskings(
                session, who, now_ms
            ) + counted > hourly_limit(who)
            allowed = decision.allowed and not limited
            detail = {"what": what, "reason": "hourly_limit" if limited else decision.reason}
            detail |= {"why": why} if why else {}
            entry = AuditEntry(
                now_ms,
                who.subject,
                "personal.unmasked" if allowed else "personal.unmask_refused",
                case_id,
                detail | ({"numbers": counted} if counted > 1 else {}),
            )
            history.append(session, [entry])
        UNMASKINGS.labels("shown" if allowed else "limited" if limited else "refused").inc()
        if limited:
            raise StepRefusedError(
                "You have reached the hourly limit of numbers in clear.", code="unmask_limit"
            )
        return decision
