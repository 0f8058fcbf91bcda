"""Access to everything about a person, beyond one case: opened by a reason that the history keeps."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases.history import CaseHistory
from alerting.cases.history.audit_actions import AuditAction
from alerting.db.case_tables import Case, CaseEvent
from alerting.db.database import Database
from alerting.service_errors import NotFoundError

ACCESS_MS = 30 * 60_000
"""How long a reason that was given opens the page."""

OPENED: AuditAction = "person_opened"


def record_access(db: Database, case_id: str, who: Principal, *, reason: str, now_ms: int) -> None:
    """Record why a person looks at everything about the person of a case.

    The case's version stays: reading must not refuse the step of who works on it.

    Raises:
        NotFoundError: no such case in the caller's scope.
    """
    with db.write() as session:
        found = session.scalar(
            select(Case.case_id).where(
                Case.case_id == case_id, who.scope.condition(Case.tenant, Case.district)
            )
        )
        if found is None:
            raise NotFoundError("case", case_id)
        history = CaseHistory(session, who.subject, now_ms)
        history.record(case_id, OPENED, {}, free_text={"reason": reason})


def has_access(session: Session, case_id: str, who: Principal, now_ms: int) -> bool:
    """Whether this person gave a reason within the last half hour."""
    found = select(CaseEvent.event_no).where(
        CaseEvent.case_id == case_id,
        CaseEvent.kind == OPENED,
        CaseEvent.actor == who.subject,
        CaseEvent.at_ms > now_ms - ACCESS_MS,
    )
    return session.scalar(found.limit(1)) is not None
