"""Supervision: late cases, the load of each responder, and who is on call."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from alerting.access import Scope
from alerting.cases.due_columns import neglected_sql, overdue_sql, waiting_sql
from alerting.cases.lifecycle import OPEN_STATES
from alerting.db.case_tables import Case
from alerting.notify.rota.rota_store import OnCall, on_call_of_tenants

DAY_MS = 86_400_000
LIMIT = 100
RESPONSES_LIMIT = 20_000  # bounds the median of a day


@dataclass(frozen=True, slots=True)
class Load:
    """The cases of one holder, how many of them are late with the next step, and what is at stake.

    ``expected_loss_minor`` has a sum for each currency.
    """

    holder: str
    cases: int
    neglected: int
    expected_loss_minor: dict[str, int]
    oldest_ms: int


@dataclass(frozen=True, slots=True)
class Responses:
    """How the cases of a day were answered: in time, late, and those overdue without an answer."""

    median_ms: int | None
    in_time: int
    late: int
    unanswered: int

    @property
    def total(self) -> int:
        """Cases whose answer was due."""
        return self.in_time + self.late + self.unanswered

    @property
    def share_in_time(self) -> float | None:
        """0 to 1, None without data; who was not answered was not answered in time."""
        return self.in_time / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Supervision:
    """The figures of the supervision page.

    ``overdue`` and ``neglected`` count all; the lists hold the longest late of them. ``uncovered``
    are districts with open cases but without anyone on call.
    """

    waiting: int
    overdue: int
    neglected: int
    late: list[Case]
    owed: list[Case]
    loads: list[Load]
    shifts: list[OnCall]
    uncovered: list[str]
    responses: Responses


def load_supervision(session: Session, scope: Scope, now_ms: int) -> Supervision:
    """Read the supervision figures of a scope."""
    visible = scope.condition(Case.tenant, Case.district)
    waits, is_late, is_owed = waiting_sql(), overdue_sql(now_ms), neglected_sql(now_ms)
    counts = session.execute(
        select(*(func.count(case((condition, 1))) for condition in (waits, is_late, is_owed)))
        .select_from(Case)
        .where(visible, Case.state.in_(OPEN_STATES))
    ).one()
    shifts = on_call_of_tenants(session, scope, now_ms)
    return Supervision(
        waiting=counts[0],
        overdue=counts[1],
        neglected=counts[2],
        late=_cases(session, visible & is_late, Case.deadline_ms),
        owed=_cases(session, visible & is_owed, Case.follow_up_due_ms),
        loads=_loads(session, visible, is_owed),
        shifts=list(shifts[:LIMIT]),
        uncovered=_uncovered(session, visible, shifts),
        responses=_responses(session, visible, now_ms, unanswered=counts[1]),
    )


def _cases(
    session: Session,
    which: ColumnElement[bool],
    due: InstrumentedAttribute[int] | InstrumentedAttribute[int | None],
) -> list[Case]:
    statement = select(Case).where(which).order_by(due, Case.case_id).limit(LIMIT)
    return list(session.scalars(statement))


def _loads(
    session: Session, visible: ColumnElement[bool], is_owed: ColumnElement[bool]
) -> list[Load]:
    rows = session.execute(
        select(
            Case.holder,
            Case.currency,
            func.count(),
            func.count(case((is_owed, 1))),
            func.sum(Case.expected_loss_minor),
            func.min(Case.opened_at_ms),
        )
        .where(visible, Case.state.in_(OPEN_STATES), Case.holder.is_not(None))
        .group_by(Case.holder, Case.currency)
        .order_by(Case.holder, Case.currency)
    )
    loads: dict[str, Load] = {}
    for holder, currency, cases, late, expected, oldest in rows:
        if holder is None:
            continue
        before = loads.get(holder, Load(holder, 0, 0, {}, oldest))
        loads[holder] = Load(
            holder,
            before.cases + int(cases),
            before.neglected + int(late),
            before.expected_loss_minor | {currency: int(expected or 0)},
            min(before.oldest_ms, int(oldest)),
        )
    ordered = sorted(loads.values(), key=lambda load: (-load.neglected, -load.cases, load.holder))
    return ordered[:LIMIT]


def _uncovered(
    session: Session, visible: ColumnElement[bool], shifts: Sequence[OnCall]
) -> list[str]:
    """Districts with open cases but without anyone of any team on call.

    Coverage is that of ``dispatch_facts.on_call``; receivers of a route other than shifts are not
    considered.
    """
    places = session.execute(
        select(Case.tenant, Case.district)
        .where(visible, Case.state.in_(OPEN_STATES))
        .distinct()
        .order_by(Case.district)
    )
    return sorted(
        {
            district
            for tenant, district in places
            if not any(
                shift.tenant == tenant and district.startswith(shift.district) for shift in shifts
            )
        }
    )


def _responses(
    session: Session, visible: ColumnElement[bool], now_ms: int, *, unanswered: int
) -> Responses:
    """The answers of a day, with the cases that are overdue without one."""
    answered = session.execute(
        select(Case.responded_at_ms, Case.opened_at_ms, Case.deadline_ms)
        .where(visible, Case.responded_at_ms >= now_ms - DAY_MS)
        .limit(RESPONSES_LIMIT)
    ).all()
    spans = [responded - opened for responded, opened, _ in answered if responded is not None]
    in_time = sum(responded is not None and responded <= due for responded, _, due in answered)
    return Responses(
        median_ms=int(median(spans)) if spans else None,
        in_time=in_time,
        late=len(answered) - in_time,
        unanswered=unanswered,
    )
