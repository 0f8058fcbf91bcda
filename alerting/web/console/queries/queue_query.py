"""The live queue: open cases in scope, one's own first, then the most urgent."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, func, select, true
from sqlalchemy.orm import Session

from alerting.access import Principal, Scope
from alerting.cases.due_columns import overdue_sql, urgency_sql, waiting_sql
from alerting.cases.lifecycle import OPEN_STATES, TEXT_ONLY, WAITING_STATES
from alerting.db.case_tables import Case
from alerting.web.console import formats

PAGE_SIZE = 100
"""Rows of a page."""

OWN, WAITING, WORKING = 0, 1, 2
"""Groups in the order of the page: one's own cases, cases without a response, those of others."""

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


class QueuedCase(NamedTuple):
    """What places a case in the queue and tells whether its row changed; columns of ``Case``."""

    case_id: str
    version: int
    state: str
    holder: str | None
    opened_at_ms: int
    deadline_ms: int
    responded_at_ms: int | None
    closed_at_ms: int | None
    withdrawn: bool


_PLACING = tuple(getattr(Case, name) for name in QueuedCase._fields)
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One row of the queue; ``whole`` is None where the reader has the row already."""

    placed: QueuedCase
    whole: Case | None
    countdown: Countdown
    waiting: bool
    mine: bool
    free: bool

    @property
    def case(self) -> Case:
        """The case as the row shows it; ``subscriber`` is masked then."""
        if self.whole is None:
            raise LookupError("the reader has this row")
        return self.whole

    @property
    def group(self) -> int:
        """Where the row stands."""
        return OWN if self.mine else WAITING if self.waiting else WORKING

    @property
    def fingerprint(self) -> str:
        """Changes with every shown value except the time."""
        return f"{self.placed.version}.{self.countdown.tone}.{self.group}"


@dataclass(frozen=True, slots=True)
class Queue:
    """One page of the queue as it stands.

    ``counts`` and ``overdue`` count all cases, whatever the page shows; ``counts`` follows the
    filter. ``digest`` changes with every shown value except the time.
    """

    rows: list[QueueRow]
    counts: tuple[int, int, int]
    overdue: int
    page: int
    digest: str

    def of(self, group: int) -> list[QueueRow]:
        """The rows of a group."""
        return [row for row in self.rows if row.group == group]

    @property
    def waiting(self) -> list[QueueRow]:
        """Cases without a first response."""
        return self.of(WAITING)

    @property
    def working(self) -> list[QueueRow]:
        """Cases that other people hold."""
        return self.of(WORKING)

    @property
    def total(self) -> int:
        """How many cases match the filter."""
        return sum(self.counts)

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // PAGE_SIZE))

    @property
    def fingerprints(self) -> dict[str, str]:
        """The state of every row by the case's id."""
        return {row.placed.case_id: row.fingerprint for row in self.rows}


@dataclass(frozen=True, slots=True)
class FilterChoices:
    """The values among the open cases in scope, as choices of the filters."""

    districts: list[str]
    typologies: list[str]
    holders: list[str]


def load_queue(
    session: Session,
    who: Principal,
    wanted: QueueFilter,
    now_ms: int,
    page: int = 1,
    seen: Mapping[str, str] = _NOTHING,
) -> Queue:
    """Read one page of the queue of a person; a page behind the last is the last.

    Args:
        session: reads.
        who: the person.
        wanted: the filter.
        now_ms: UTC milliseconds.
        page: from 1.
        seen: fingerprints by case of the rows that the reader has; of those only what places them is read.
    """
    visible = _open_cases(who.scope)
    matching = and_(true(), *_conditions(who, wanted))
    group = _group_sql(who)
    counts, overdue = [0, 0, 0], 0
    counted = visible.with_only_columns(
        group.label("place"), _count(matching), _count(overdue_sql(now_ms))
    ).group_by("place")
    for place, number, late in session.execute(counted):
        counts[place] = number
        overdue += late
    page = max(1, min(page, -(-sum(counts) // PAGE_SIZE)))
    ranked = visible.where(matching).order_by(group, urgency_sql(now_ms).desc(), Case.case_id)
    # To sort few columns and then read whole rows takes a third of the time of sorting whole rows.
    placed = session.execute(
        ranked.with_only_columns(*_PLACING).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
    )
    rows = [_row(QueuedCase(*columns), None, who, now_ms) for columns in placed]
    unseen = {row.placed.case_id for row in rows if seen.get(row.placed.case_id) != row.fingerprint}
    if unseen:
        whole = session.scalars(select(Case).where(Case.case_id.in_(sorted(unseen))))
        fresh = {case.case_id: queue_row(case, who, now_ms) for case in whole}
        gone = unseen - fresh.keys()
        rows = [
            fresh.get(row.placed.case_id, row) for row in rows if row.placed.case_id not in gone
        ]
    return Queue(
        rows=rows,
        counts=(counts[OWN], counts[WAITING], counts[WORKING]),
        overdue=overdue,
        page=page,
        digest=_digest(rows, counts, page),
    )


def queue_row(found: Case, who: Principal, now_ms: int) -> QueueRow:
    """One case as a row for this person."""
    placed = QueuedCase(*(getattr(found, name) for name in QueuedCase._fields))
    return _row(placed, found, who, now_ms)


def _row(placed: QueuedCase, whole: Case | None, who: Principal, now_ms: int) -> QueueRow:
    return QueueRow(
        placed=placed,
        whole=whole,
        countdown=countdown_of(placed, now_ms),
        waiting=placed.state in WAITING_STATES,
        mine=placed.holder == who.subject,
        free=placed.holder is None,
    )


def countdown_of(found: Case | QueuedCase, now_ms: int) -> Countdown:
    """The time left to respond.

    ``done`` after a response or once the case is closed, ``void`` if the warning was withdrawn before, or
    is a text and no case.
    """
    left_ms = found.deadline_ms - now_ms
    total_ms = max(SHORTEST_SPAN_MS, found.deadline_ms - found.opened_at_ms)
    tone: Tone = "calm"
    if found.responded_at_ms is not None or found.closed_at_ms is not None:
        tone = "done"
    elif found.withdrawn or found.state == TEXT_ONLY:
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
    """The choices of the filters, read in one pass over the open cases."""
    kinds = _open_cases(scope).with_only_columns(Case.district, Case.typology, Case.holder)
    districts, typologies, holders = set(), set(), set()
    for district, typology, holder in session.execute(kinds.distinct()):
        districts.add(district)
        typologies.add(typology)
        holders.add(holder)
    found = (districts, typologies, holders)
    return FilterChoices(*(sorted(name for name in names if name) for names in found))


def _open_cases(scope: Scope) -> Select[Case]:
    return select(Case).where(
        Case.state.in_(OPEN_STATES), scope.condition(Case.tenant, Case.district)
    )


def _conditions(who: Principal, wanted: QueueFilter) -> list[ColumnElement[bool]]:
    equal = (
        (Case.severity, wanted.severity),
        (Case.district, wanted.district),
        (Case.typology, wanted.typology),
    )
    conditions = [column == value for column, value in equal if value]
    if wanted.holding == "mine":
        conditions.append(Case.holder == who.subject)
    elif wanted.holding == "free":
        conditions.append(Case.holder.is_(None))
    elif wanted.holding:
        conditions.append(Case.holder == wanted.holding)
    return conditions


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))


def _group_sql(who: Principal) -> ColumnElement[int]:
    return case((Case.holder == who.subject, OWN), (waiting_sql(), WAITING), else_=WORKING)


def _digest(rows: Sequence[QueueRow], counts: Sequence[int], page: int) -> str:
    shown = [f"{row.placed.case_id}:{row.fingerprint}" for row in rows]
    return hashlib.sha256(f"{counts}|{page}|{'|'.join(shown)}".encode()).hexdigest()[:16]
