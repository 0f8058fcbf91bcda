"""Supervision: what is late, who holds what, who is on call."""

from dataclasses import dataclass
from statistics import median

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerting.access import Scope
from alerting.cases.lifecycle import OPEN_STATES
from alerting.db.cases import Case
from alerting.db.dispatch import Shift

DAY_MS = 86_400_000
LIMIT = 100
RESPONSES_LIMIT = 20_000  # bounds the median of a day


@dataclass(frozen=True, slots=True)
class Load:
    """What one person holds."""

    holder: str
    cases: int
    expected_loss_minor: int
    oldest_ms: int


@dataclass(frozen=True, slots=True)
class Supervision:
    """The desk at a glance; shares are 0 to 1, None where there was nothing to measure."""

    waiting: int
    overdue: list[Case]
    loads: list[Load]
    shifts: list[Shift]
    median_response_ms: int | None
    share_in_time: float | None


def load_supervision(session: Session, scope: Scope, now_ms: int) -> Supervision:
    """Read the desk of a scope."""
    visible = scope.condition(Case.tenant, Case.district)
    waits = (visible, Case.state.in_(OPEN_STATES), Case.responded_at_ms.is_(None))
    overdue = session.scalars(
        select(Case)
        .where(*waits, Case.deadline_ms < now_ms)
        .order_by(Case.deadline_ms, Case.case_id)
        .limit(LIMIT)
    )
    loads = session.execute(
        select(
            Case.holder,
            func.count(),
            func.sum(Case.expected_loss_minor),
            func.min(Case.opened_at_ms),
        )
        .where(visible, Case.state.in_(OPEN_STATES), Case.holder.is_not(None))
        .group_by(Case.holder)
        .order_by(func.count().desc(), Case.holder)
        .limit(LIMIT)
    )
    shifts = session.scalars(
        select(Shift)
        .where(
            scope.condition(Shift.tenant, Shift.district),
            Shift.starts_at_ms <= now_ms,
            Shift.ends_at_ms > now_ms,
        )
        .order_by(Shift.district, Shift.team, Shift.responder)
        .limit(LIMIT)
    )
    answered = session.execute(
        select(Case.responded_at_ms, Case.opened_at_ms, Case.deadline_ms)
        .where(visible, Case.responded_at_ms >= now_ms - DAY_MS)
        .limit(RESPONSES_LIMIT)
    ).all()
    spans = [responded - opened for responded, opened, _ in answered if responded is not None]
    in_time = sum(responded is not None and responded <= due for responded, _, due in answered)
    return Supervision(
        waiting=session.scalar(select(func.count()).select_from(Case).where(*waits)) or 0,
        overdue=list(overdue),
        loads=[
            Load(holder, int(cases), int(expected or 0), int(oldest))
            for holder, cases, expected, oldest in loads
            if holder is not None
        ],
        shifts=list(shifts),
        median_response_ms=int(median(spans)) if spans else None,
        share_in_time=in_time / len(answered) if answered else None,
    )
