"""The live queue: open cases in scope, most urgent first."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from alerting.access import Principal, Scope
from alerting.cases.due_columns import overdue_sql, urgency_sql, waiting_sql
from alerting.cases.lifecycle import OPEN_STATES, WAITING_STATES
from alerting.db.case_tables import Case
from alerting.web.console import formats

LIMIT = 200
"""Rows shown; with more open cases the queue needs filters, not a longer page."""

Tone = Literal["calm", "soon", "late", "done", "void"]
SHORTEST_SPAN_MS = 60_000
"""A case that arrives late has a short span left; its bar is drawn against a minute at least."""

SOON_SHARE = 3  # the last third of the time to respond


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Filters of the queue; empty means all.

    ``holding`` is ``mine``, ``free`` or the subject of a holder, which has a colon in it.
    """

    severity: str = ""
    district: str = ""
    typology: str = ""
    holding: str = ""


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
    """The queue as it stands; ``digest`` changes with every shown value except the time."""

    waiting: list[QueueRow]
    working: list[QueueRow]
    total: int
    overdue: int
    digest: str


@dataclass(frozen=True, slots=True)
class FilterChoices:
    """The values among the open cases in scope, as choices of the filters."""

    districts: list[str]
    typologies: list[str]
    holders: list[str]


def load_queue(session: Session, who: Principal, wanted: QueueFilter, now_ms: int) -> Queue:
    """Read the queue of a person."""
    visible = _open_cases(who.scope)
    narrowed = _narrow(visible, who, wanted)
    cases = list(session.scalars(_ranked(narrowed, now_ms).limit(LIMIT)))
    total = session.scalar(select(func.count()).select_from(narrowed.subquery())) or 0
    overdue = session.scalar(
        select(func.count()).select_from(visible.where(overdue_sql(now_ms)).subquery())
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
        waiting=found.state in WAITING_STATES,
        mine=found.holder == who.subject,
        free=found.holder is None,
    )


def countdown_of(found: Case, now_ms: int) -> Countdown:
    """The time left to respond.

    ``done`` after a response or once the case is closed, ``void`` if the warning was withdrawn before.
    """
    left_ms = found.deadline_ms - now_ms
    total_ms = max(SHORTEST_SPAN_MS, found.deadline_ms - found.opened_at_ms)
    tone: Tone = "calm"
    if found.responded_at_ms is not None or found.closed_at_ms is not None:
        tone = "done"
    elif found.withdrawn:
        tone = "void"
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


def choices(session: Session, scope: Scope) -> FilterChoices:
    """The choices of the filters."""
    opened = _open_cases(scope).subquery()
    found = [
        [name for name in session.scalars(select(column).distinct().order_by(column)) if name]
        for column in (opened.c.district, opened.c.typology, opened.c.holder)
    ]
    return FilterChoices(*found)


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
    elif wanted.holding:
        statement = statement.where(Case.holder == wanted.holding)
    return statement


def _ranked(statement: Select[Case], now_ms: int) -> Select[Case]:
    """Cases that wait come first, by urgency."""
    waits = case((waiting_sql(), 0), else_=1)
    return statement.order_by(waits, urgency_sql(now_ms).desc(), Case.case_id)


def _digest(rows: Sequence[QueueRow], total: int) -> str:
    shown = [f"{row.case.case_id}:{row.case.version}:{row.countdown.tone}" for row in rows]
    return hashlib.sha256(f"{total}|{'|'.join(shown)}".encode()).hexdigest()[:16]
