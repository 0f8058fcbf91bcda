"""The audit log, newest first, page by page."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import EVERYTHING, Scope
from alerting.db.case_tables import Case
from alerting.db.journal_tables import AuditRecord

PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Records in falling order; ``older`` is the cursor of the next page, None at the end.

    ``currencies`` are those of the cases that the records are about, by id.
    """

    records: list[AuditRecord]
    older: int | None
    currencies: dict[str, str]


def load_audit(
    session: Session, scope: Scope, *, actor: str, subject: str, before: int | None
) -> AuditPage:
    """Read one page, narrowed to an actor and a subject where they are given.

    Records name cases but neither tenant nor district, so a person with a narrower scope sees the
    records of the cases in their scope.
    """
    statement = select(AuditRecord).order_by(AuditRecord.record_no.desc()).limit(PAGE_SIZE + 1)
    if scope != EVERYTHING:
        visible = select(Case.case_id).where(scope.condition(Case.tenant, Case.district))
        statement = statement.where(AuditRecord.subject.in_(visible))
    if before is not None:
        statement = statement.where(AuditRecord.record_no < before)
    if actor:
        statement = statement.where(AuditRecord.actor == actor)
    if subject:
        statement = statement.where(AuditRecord.subject == subject)
    found = list(session.scalars(statement))
    records = found[:PAGE_SIZE]
    about = select(Case.case_id, Case.currency).where(
        Case.case_id.in_({record.subject for record in records})
    )
    currencies = {row.case_id: row.currency for row in session.execute(about)}
    older = records[-1].record_no if len(found) > PAGE_SIZE else None
    return AuditPage(records, older, currencies)
