"""The live queue: open cases in scope, most urgent first."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Float, Select, case, cast, func, select
from sqlalchemy.orm import Session

from alerting.access import Principal, Scope
from alerting.cases.lifecycle import OPEN_STATES
from alerting.cases.severity import RANK_FLOOR_MS
from alerting.console import formats
from alerting.db.cases import Case

LIMIT = 200
"""Rows shown; a desk with more open cases than this needs filters, not a longer page."""

Tone = Literal["calm", "soon", "late", "done"]
Holding = Literal["", "mine", "free"]
SHORTEST_SPAN_MS = 60_000
"""A case that arrives late has a short span left; its bar is drawn against a minute at least."""

SOON_SHARE = 3  # the last third of the time to respond


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """What the queue is narrowed to; empty means all."""

    severity: str = ""
    district: str = ""
    typology: str = ""
    holding: Holding = ""


@dataclass(frozen=True, slots=True)
class Countdown:
    """How much of the time to respond is left, as shown when the page was made."""

    deadline_ms: int
    text: str
    tone: Tone
    total_seconds: int
    left_seconds: int


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One case of the queue; ``subscriber`` is masked when it is shown."""

    case: Case
    countdown: Countdown
    waiting: bool
    mine: bool
    free: bool


@dataclass(frozen=True, slots=True)
class Queue:
    """The queue as it stands; ``digest`` changes when anything shown does, but for the time."""

    waiting: list[QueueRow]
    working: list[QueueRow]
    total: int
    overdue: int
    digest: str


def load_queue(session: Session, who: Principal, wanted: QueueFilter, now_ms: int) -> Queue:
    """Read the queue of a person."""
    visible = _open_cases(who.scope)
    narrowed = _narrow(visible, who, wanted)
    cases = list(session.scalars(_ranked(narrowed, now_ms).limit(LIMIT)))
    total = session.scalar(select(func.count()).select_from(narrowed.subquery())) or 0
    overdue = session.scalar(
        select(func.count()).select_from(
            visible.where(Case.responded_at_ms.is_(None), Case.deadline_ms < now_ms).subquery()
        )
    )
    rows = [queue_row(found, who, now_ms) for found in cases]
    return Queue(
        waiting=[row for row in rows if row.waiting],
        working=[row for row in rows if not row.waiting],
        total=total,
        overdue=overdue or 0,
        digest=_digest(rows, total),
    )


def queue_row(found: Case, who: Principal, now_ms: int) -> QueueRow:
    """One case as a row for this person."""
    return QueueRow(
        case=found,
        countdown=countdown_of(found, now_ms),
        waiting=found.responded_at_ms is None,
        mine=found.holder == who.subject,
        free=found.holder is None,
    )


def countdown_of(found: Case, now_ms: int) -> Countdown:
    """The time left to respond; ``done`` once somebody did or the case is closed."""
    left_ms = found.deadline_ms - now_ms
    total_ms = max(SHORTEST_SPAN_MS, found.deadline_ms - found.opened_at_ms)
    tone: Tone = "calm"
    if found.responded_at_ms is not None or found.closed_at_ms is not None:
        tone = "done"
    elif left_ms < 0:
        tone = "late"
    elif left_ms * SOON_SHARE < total_ms:
        tone = "soon"
    return Countdown(
        deadline_ms=found.deadline_ms,
        text=formats.countdown(left_ms),
        tone=tone,
        total_seconds=total_ms // 1000,
        left_seconds=max(0, min(left_ms, total_ms)) // 1000,
    )


def choices(session: Session, scope: Scope) -> tuple[list[str], list[str]]:
    """Districts and typologies that occur among the open cases in scope."""
    opened = _open_cases(scope).subquery()
    districts = session.scalars(select(opened.c.district).distinct().order_by(opened.c.district))
    typologies = session.scalars(select(opened.c.typology).distinct().order_by(opened.c.typology))
    return [name for name in districts if name], list(typologies)


def _open_cases(scope: Scope) -> Select[Case]:
    return select(Case).where(
        Case.state.in_(OPEN_STATES), scope.condition(Case.tenant, Case.district)
    )


def _narrow(statement: Select[Case], who: Principal, wanted: QueueFilter) -> Select[Case]:
    if wanted.severity:
        statement = statement.where(Case.severity == wanted.severity)
    if wanted.district:
        statement = statement.where(Case.district == wanted.district)
    if wanted.typology:
        statement = statement.where(Case.typology == wanted.typology)
    if wanted.holding == "mine":
        statement = statement.where(Case.holder == who.subject)
    elif wanted.holding == "free":
        statement = statement.where(Case.holder.is_(None))
    return statement


def _ranked(statement: Select[Case], now_ms: int) -> Select[Case]:
    """Cases that wait come first, by ``severity.urgency``; the same formula in SQL."""
    left_ms = Case.deadline_ms - now_ms
    floored = case((left_ms < RANK_FLOOR_MS, RANK_FLOOR_MS), else_=left_ms)
    urgency = cast(Case.expected_loss_minor + 1, Float) / floored
    waits = case((Case.responded_at_ms.is_(None), 0), else_=1)
    return statement.order_by(waits, urgency.desc(), Case.case_id)


def _digest(rows: Sequence[QueueRow], total: int) -> str:
    shown = [f"{row.case.case_id}:{row.case.version}:{row.countdown.tone}" for row in rows]
    return hashlib.sha256(f"{total}|{'|'.join(shown)}".encode()).hexdigest()[:16]
