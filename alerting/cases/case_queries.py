"""Queries over cases; the caller's scope and a limit bound each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, func, or_, select

from alerting.access import Scope
from alerting.cases.due_columns import neglected_sql, overdue_sql, urgency_sql
from alerting.cases.lifecycle import OPEN_STATES
from alerting.db.case_tables import Case, CaseEvent, Warning_
from alerting.db.contact_tables import Activity
from alerting.db.database import Database
from alerting.db.dispatch_tables import Delivery
from alerting.db.ledger_tables import LedgerEntry
from alerting.service_errors import NotFoundError

MAX_PAGE = 500
TIMELINE_LIMIT = 300
LINK_LIMIT = 50

Order = Literal["urgency", "newest"]


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Conditions of a list of cases; empty or None means any."""

    states: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    typology: str | None = None
    district: str | None = None
    holder: str | None = None
    overdue: bool = False
    neglected: bool = False
    include_withdrawn: bool = True


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case with its warnings, history, deliveries and ledger."""

    case: Case
    warnings: Sequence[Warning_]
    events: Sequence[CaseEvent]
    deliveries: Sequence[Delivery]
    ledger: Sequence[LedgerEntry]


class CaseQueries:
    """Reads cases."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def list(
        self,
        scope: Scope,
        wanted: CaseFilter,
        *,
        now_ms: int,
        order: Order = "urgency",
        limit: int = 100,
        offset: int = 0,
    ) -> Sequence[Case]:
        """Cases in order of urgency (see ``alerting.cases.severity.urgency``) or newest first."""
        ordering = (
            [urgency_sql(now_ms).desc(), Case.case_id]
            if order == "urgency"
            else [Case.opened_at_ms.desc(), Case.case_id]
        )
        statement = (
            select(Case)
            .where(*self._conditions(scope, wanted, now_ms))
            .order_by(*ordering)
            .limit(min(limit, MAX_PAGE))
            .offset(offset)
        )
        with self._db.read() as session:
            return session.scalars(statement).all()

    def count(self, scope: Scope, wanted: CaseFilter, *, now_ms: int) -> int:
        """Count the cases that match."""
        statement = select(func.count()).where(*self._conditions(scope, wanted, now_ms))
        with self._db.read() as session:
            return session.scalar(statement.select_from(Case)) or 0

    def get(self, scope: Scope, case_id: str) -> Case:
        """One case.

        Raises:
            NotFoundError: the scope holds no such case.
        """
        with self._db.read() as session:
            case = session.scalar(
                select(Case).where(
                    Case.case_id == case_id, scope.condition(Case.tenant, Case.district)
                )
            )
        if case is None:
            raise NotFoundError("case", case_id)
        return case

    def file(self, scope: Scope, case_id: str) -> CaseFile:
        """One case with its warnings, history, deliveries and ledger; raises NotFoundError."""
        case = self.get(scope, case_id)
        with self._db.read() as session:
            mine = Warning_.case_id == case_id
            return CaseFile(
                case=case,
                warnings=session.scalars(
                    select(Warning_).where(mine).order_by(Warning_.event_time_ms)
                ).all(),
                events=session.scalars(
                    select(CaseEvent)
                    .where(CaseEvent.case_id == case_id)
                    .order_by(CaseEvent.event_no)
                ).all(),
                deliveries=session.scalars(
                    select(Delivery)
                    .where(Delivery.case_id == case_id)
                    .order_by(Delivery.created_at_ms, Delivery.delivery_id)
                ).all(),
                ledger=session.scalars(
                    select(LedgerEntry)
                    .where(LedgerEntry.case_id == case_id)
                    .order_by(LedgerEntry.entry_no)
                ).all(),
            )

    def timeline(self, case: Case, *, limit: int = TIMELINE_LIMIT) -> Sequence[Activity]:
        """The person's calls and transfers, newest first; the caller has the case from ``get``."""
        with self._db.read() as session:
            return session.scalars(
                select(Activity)
                .where(Activity.tenant == case.tenant, Activity.subscriber == case.subscriber)
                .order_by(Activity.at_ms.desc())
                .limit(limit)
            ).all()

    def linked(self, scope: Scope, case: Case, *, limit: int = LINK_LIMIT) -> Sequence[Case]:
        """Related cases: of the same swindler (a common caller or payee) or victim, duplicates, sequels."""
        tied: list[ColumnElement[bool]] = [
            Case.follows == case.case_id,
            Case.duplicate_of == case.case_id,
        ]
        # An erased case has neither victim nor swindler to compare.
        tied += [Case.subscriber == case.subscriber] if case.subscriber else []
        tied += [Case.caller == case.caller] if case.caller else []
        tied += [Case.payee == case.payee] if case.payee else []
        others = [other for other in (case.follows, case.duplicate_of) if other]
        tied += [Case.case_id.in_(others)] if others else []
        statement = (
            select(Case)
            .where(
                scope.condition(Case.tenant, Case.district),
                Case.tenant == case.tenant,
                Case.case_id != case.case_id,
                or_(*tied),
            )
            .order_by(Case.opened_at_ms.desc())
            .limit(limit)
        )
        with self._db.read() as session:
            return session.scalars(statement).all()

    @staticmethod
    def _conditions(scope: Scope, wanted: CaseFilter, now_ms: int) -> Sequence[ColumnElement[bool]]:
        parts = [scope.condition(Case.tenant, Case.district)]
        if wanted.states:
            parts.append(Case.state.in_(wanted.states))
        if wanted.severities:
            parts.append(Case.severity.in_(wanted.severities))
        if wanted.typology:
            parts.append(Case.typology == wanted.typology)
        if wanted.district:
            parts.append(Case.district == wanted.district)
        if wanted.holder:
            parts.append(Case.holder == wanted.holder)
        if wanted.overdue:
            parts.append(overdue_sql(now_ms))
        if wanted.neglected:
            parts.append(neglected_sql(now_ms))
        if not wanted.include_withdrawn:
            parts.append(Case.withdrawn.is_(False))
        return parts


__all__ = ["OPEN_STATES", "CaseFile", "CaseFilter", "CaseQueries"]
