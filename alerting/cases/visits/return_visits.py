"""Plans, notes and counts return visits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session, aliased

from alerting.access import Principal, Scope
from alerting.cases.history import CaseHistory
from alerting.db.case_tables import Case
from alerting.db.database import Database
from alerting.db.visit_tables import ReturnVisit
from alerting.service_errors import NotFoundError, StepRefusedError
from forewarn.platform.clock import Clock

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MAX_SHOWN = 300
VisitResult = Literal["well", "in_contact_again", "paid", "not_reached"]


@dataclass(frozen=True, slots=True)
class Revictimised:
    """People who were dissuaded in a period, and how many of them had another case within it."""

    dissuaded: int
    again: int


class ReturnVisits:
    """Return visits of closed cases.

    Args:
        db: of the cases.
        clock: UTC milliseconds.
        hours: after the closure, when a person is visited or called again.
    """

    def __init__(self, db: Database, clock: Clock, hours: Sequence[int]) -> None:
        self._db = db
        self._clock = clock
        self._hours = tuple(sorted(set(hours)))

    def plan(self, session: Session, case: Case, now_ms: int) -> None:
        """Plan the visits of a case that closes as dissuaded, in the caller's transaction."""
        if case.disposition != "dissuaded" or not case.subscriber:
            return
        for hours in self._hours:
            row = session.get(ReturnVisit, (case.case_id, hours)) or ReturnVisit(
                case_id=case.case_id, hours=hours
            )
            row.tenant, row.district, row.subscriber = case.tenant, case.district, case.subscriber
            row.holder, row.due_ms, row.state = (
                case.holder or "",
                now_ms + hours * HOUR_MS,
                "planned",
            )
            row.result = row.note = ""
            row.done_by = row.done_at_ms = row.noticed_at_ms = None
            session.add(row)

    def cancel(self, session: Session, case_id: str) -> None:
        """Cancel the planned visits of a case that is opened again, in the caller's transaction."""
        session.execute(
            update(ReturnVisit)
            .where(ReturnVisit.case_id == case_id, ReturnVisit.state == "planned")
            .values(state="cancelled")
        )

    def note(
        self, case_id: str, hours: int, who: Principal, *, result: VisitResult, note: str
    ) -> ReturnVisit:
        """Note how a visit went, in the history of the case, too.

        Raises:
            NotFoundError: no such visit is in scope.
            StepRefusedError: it was noted or cancelled.
        """
        now_ms = self._clock()
        with self._db.write() as session:
            row = session.get(ReturnVisit, (case_id, hours), with_for_update=True)
            if row is None or not who.scope.admits(row.tenant, row.district):
                raise NotFoundError("return visit", f"{case_id}/{hours}")
            if row.state != "planned":
                raise StepRefusedError(f"The visit is {row.state}.", code="visit_is_over")
            row.state, row.result, row.note = "done", result, note
            row.done_by, row.done_at_ms = who.subject, now_ms
            CaseHistory(session, who.subject, now_ms).record(
                case_id,
                "return_visited",
                {"hours": hours, "result": result},
                free_text={"note": note},
            )
        return row

    def open_visits(self, scope: Scope, *, ahead_ms: int = DAY_MS) -> Sequence[ReturnVisit]:
        """Planned visits in scope that are due or come within a day, the longest due first."""
        statement = (
            select(ReturnVisit)
            .where(
                ReturnVisit.state == "planned",
                ReturnVisit.due_ms <= self._clock() + ahead_ms,
                scope.condition(ReturnVisit.tenant, ReturnVisit.district),
            )
            .order_by(ReturnVisit.due_ms, ReturnVisit.case_id)
            .limit(MAX_SHOWN)
        )
        with self._db.read() as session:
            return session.scalars(statement).all()

    def revictimised(self, scope: Scope, *, days: int) -> Revictimised:
        """Of the people dissuaded in the last days, those with a case that opened afterwards."""
        since_ms = self._clock() - days * DAY_MS
        later = aliased(Case)
        dissuaded = and_(
            Case.state == "closed",
            Case.disposition == "dissuaded",
            Case.closed_at_ms >= since_ms,
            Case.subscriber != "",
            scope.condition(Case.tenant, Case.district),
        )
        people = func.count(func.distinct(Case.tenant + "/" + Case.subscriber))
        with self._db.read() as session:
            all_of_them = session.scalar(select(people).where(dissuaded))
            again = session.scalar(
                select(people)
                .select_from(Case)
                .join(
                    later,
                    and_(
                        later.tenant == Case.tenant,
                        later.subscriber == Case.subscriber,
                        later.opened_at_ms > Case.closed_at_ms,
                    ),
                )
                .where(dissuaded)
            )
        return Revictimised(all_of_them or 0, again or 0)
