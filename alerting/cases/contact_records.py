"""Recorded attempts to reach the victim of a case, without those that were taken back."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.db.case_tables import Case, CaseEvent

WITHDRAWN = "contact_withdrawn"


def contacts_of(session: Session, case: Case) -> Sequence[CaseEvent]:
    """Attempts since the case was opened, oldest first; a reopened case starts again."""
    rows = session.scalars(
        select(CaseEvent)
        .where(
            CaseEvent.case_id == case.case_id,
            CaseEvent.kind.in_(("contact_made", "contact_failed", WITHDRAWN)),
            CaseEvent.at_ms >= case.opened_at_ms,
        )
        .order_by(CaseEvent.event_no)
    ).all()
    withdrawn = {row.detail["event_no"] for row in rows if row.kind == WITHDRAWN}
    return [row for row in rows if row.kind != WITHDRAWN and row.event_no not in withdrawn]
