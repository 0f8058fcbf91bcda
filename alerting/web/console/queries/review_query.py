"""How often each person saw numbers in clear, for supervisors."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from alerting.access import Scope
from alerting.cases.unmasking_log import SEVERAL, numbers_beyond_first
from alerting.db.case_tables import Case
from alerting.db.journal_tables import UNMASKED, AuditRecord

DAY_MS = 86_400_000
LIMIT = 100


@dataclass(frozen=True, slots=True)
class Unmaskings:
    """What one person asked to see of cases of a scope within a day."""

    person: str
    shown: int
    refused: int
    cases: int


def load_unmaskings(session: Session, scope: Scope, now_ms: int) -> list[Unmaskings]:
    """The people who asked for numbers in clear in the last 24 hours, most first.

    A file with several numbers counts with each of them.
    """
    shown = func.count(case((AuditRecord.action == "personal.unmasked", 1)))
    asked = (
        AuditRecord.action.in_(("personal.unmasked", "personal.unmask_refused")),
        AuditRecord.at_ms > now_ms - DAY_MS,
        scope.condition(Case.tenant, Case.district),
    )
    rows = session.execute(
        select(AuditRecord.actor, shown, func.count(), func.count(AuditRecord.subject.distinct()))
        .join(Case, Case.case_id == AuditRecord.subject)
        .where(*asked)
        .group_by(AuditRecord.actor)
        .order_by(shown.desc(), AuditRecord.actor)
        .limit(LIMIT)
    ).all()
    more: Counter[str] = Counter()
    for actor, detail in session.execute(
        select(AuditRecord.actor, AuditRecord.detail)
        .join(Case, Case.case_id == AuditRecord.subject)
        .where(*asked, UNMASKED, AuditRecord.detail.contains(SEVERAL))
    ):
        more[actor] += numbers_beyond_first(detail)
    found = [
        Unmaskings(actor, seen + more[actor], total - seen, cases)
        for actor, seen, total, cases in rows
    ]
    return sorted(found, key=lambda row: (-row.shown, row.person))
