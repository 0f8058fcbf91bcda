"""CaseFigures of cases for a commander: warned, reached, visited, answered in time, and what became of them.

Each case counts in the period in which it was opened. The sums of money follow the ledger of the cases as it stands
now, so a late loss changes the figures of the period in which its case was opened.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from alerting.access import Scope
from alerting.db.case_tables import Case, CaseEvent
from alerting.db.dispatch_tables import Delivery
from alerting.db.order_tables import Order

FigureDimension = Literal["severity", "channel", "team", "typology"]
Period = Literal["day", "month", "quarter"]

MAX_CASES = 400_000
"""Cases of one report; more are refused, since a figure over a part of them would be wrong."""

SENT = ("sent", "confirmed", "unanswered", "awaiting")
RELEASED = ("release_ordered", "released")


@dataclass(slots=True)
class CaseFigures:
    """Counts of cases, and sums in minor units, of one period and value.

    ``released`` counts orders that were released, ``again`` cases of people who had been dissuaded within
    the watch period before.
    """

    warned: int = 0
    reached: int = 0
    visited: int = 0
    in_time: int = 0
    dissuaded: int = 0
    lost: int = 0
    false_alarms: int = 0
    released: int = 0
    again: int = 0
    prevented_minor: int = 0
    lost_minor: int = 0

    def add(self, other: "CaseFigures") -> None:
        """Add the figures of one case."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass(frozen=True, slots=True)
class FigureRow:
    """The figures of one period, value of the dimension, and currency."""

    period: str
    value: str
    currency: str
    figures: CaseFigures


class TooManyCasesError(ValueError):
    """The report would read more cases than the bound."""


def figures_of(
    session: Session,
    scope: Scope,
    *,
    from_ms: int,
    to_ms: int,
    by: FigureDimension,
    period: Period,
    zone: ZoneInfo,
) -> list[FigureRow]:
    """The figures of the cases that were opened in a span of time, oldest period first.

    By channel, a case counts under each channel that a message or order to protect the person went over;
    ``reached`` and ``visited`` are then those of that channel.

    Args:
        session: a transaction that reads one state of the database.
        scope: of the person who asks.
        from_ms: UTC milliseconds.
        to_ms: UTC milliseconds, not included.
        by: the dimension of the rows.
        period: of the rows, in local time.
        zone: of local time.

    Raises:
        TooManyCasesError: more cases than ``MAX_CASES``.
    """
    chosen = _chosen(scope, from_ms, to_ms)
    cases = session.execute(
        select(
            Case.case_id, Case.opened_at_ms, Case.severity, Case.team, Case.typology, Case.currency,
            Case.watched, Case.responded_at_ms, Case.deadline_ms, Case.disposition, Case.prevented_minor, Case.lost_minor,
        ).where(*chosen).limit(MAX_CASES + 1)
    ).all()  # fmt: skip
    if len(cases) > MAX_CASES:
        raise TooManyCasesError(f"more than {MAX_CASES} cases")
    ids = select(Case.case_id).where(*chosen)
    reached, visited = _contacts(session, ids)
    over = _channels(session, ids)
    released = _released(session, ids)
    rows: dict[tuple[str, str, str], CaseFigures] = {}
    name_of = _period_names(period, zone)
    for case in cases:
        known = CaseFigures(
            warned=1,
            reached=int(case.case_id in reached or bool({"voice", "three_way", "patrol"} & over.confirmed(case.case_id))),
            visited=int(case.case_id in visited or "patrol" in over.confirmed(case.case_id)),
            in_time=int(case.responded_at_ms is not None and case.responded_at_ms <= case.deadline_ms),
            dissuaded=int(case.disposition == "dissuaded"),
            lost=int(case.disposition == "loss_occurred"),
            false_alarms=int(case.disposition == "false_alarm"),
            released=released.get(case.case_id, 0),
            again=int(case.watched),
            prevented_minor=case.prevented_minor,
            lost_minor=case.lost_minor,
        )  # fmt: skip
        when = name_of(case.opened_at_ms)
        for value, figures in _values(by, case, known, over):
            rows.setdefault((when, value, case.currency), CaseFigures()).add(figures)
    return [FigureRow(*key, figures) for key, figures in sorted(rows.items())]


def period_of(at_ms: int, period: Period, zone: ZoneInfo) -> str:
    """The local day (``2026-11-30``), month (``2026-11``) or quarter (``2026-Q4``) of a moment."""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
    if period == "day":
        return local.strftime("%Y-%m-%d")
    if period == "month":
        return local.strftime("%Y-%m")
    return f"{local.year:04d}-Q{(local.month + 2) // 3}"


class _Channels:
    """The channels over which each case was warned, and those that were confirmed."""

    def __init__(self, rows: Iterable[tuple[str, str, str]]) -> None:
        self._sent: dict[str, set[str]] = {}
        self._confirmed: dict[str, set[str]] = {}
        for case_id, channel, state in rows:
            self._sent.setdefault(case_id, set()).add(channel)
            if state == "confirmed":
                self._confirmed.setdefault(case_id, set()).add(channel)

    def sent(self, case_id: str) -> Collection[str]:
        return self._sent.get(case_id, frozenset())

    def confirmed(self, case_id: str) -> set[str]:
        return self._confirmed.get(case_id, set())


def _values(
    by: FigureDimension, case: object, known: CaseFigures, over: _Channels
) -> Iterable[tuple[str, CaseFigures]]:
    """The values of the dimension that a case counts under, with its figures there."""
    if by != "channel":
        return [(getattr(case, by) or "", known)]
    case_id = case.case_id  # type: ignore[attr-defined]  # a row of the query above
    found = []
    for channel in over.sent(case_id):
        answered = int(channel in over.confirmed(case_id))
        visited = answered if channel == "patrol" else 0
        values = {one.name: getattr(known, one.name) for one in fields(known)}
        found.append((channel, CaseFigures(**(values | {"reached": answered, "visited": visited}))))
    return found


def _chosen(scope: Scope, from_ms: int, to_ms: int) -> Sequence[ColumnElement[bool]]:
    return (
        Case.opened_at_ms >= from_ms,
        Case.opened_at_ms < to_ms,
        scope.condition(Case.tenant, Case.district),
    )


def _contacts(session: Session, ids: Select[str]) -> tuple[set[str], set[str]]:
    """Cases whose person was reached, and visited, as responders recorded it and did not take back."""
    events = session.execute(
        select(CaseEvent.event_no, CaseEvent.case_id, CaseEvent.kind, CaseEvent.detail).where(
            CaseEvent.case_id.in_(ids), CaseEvent.kind.in_(("contact_made", "contact_withdrawn"))
        )
    ).all()
    withdrawn = {detail["event_no"] for _, _, kind, detail in events if kind == "contact_withdrawn"}
    made = [row for row in events if row.kind == "contact_made" and row.event_no not in withdrawn]
    return {row.case_id for row in made}, {
        row.case_id for row in made if row.detail.get("method") == "visit"
    }


def _channels(session: Session, ids: Select[str]) -> _Channels:
    rows = session.execute(
        select(Delivery.case_id, Delivery.channel, Delivery.state).where(
            Delivery.case_id.in_(ids),
            Delivery.purpose.in_(("protect", "advise")),
            Delivery.state.in_(SENT),
        )
    )
    return _Channels((row[0] or "", row[1], row[2]) for row in rows)


def _released(session: Session, ids: Select[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    rows = session.scalars(
        select(Order.case_id).where(Order.case_id.in_(ids), Order.state.in_(RELEASED))
    )
    for case_id in rows:
        found[case_id] = found.get(case_id, 0) + 1
    return found


def _period_names(period: Period, zone: ZoneInfo) -> Callable[[int], str]:
    """``period_of`` with one conversion a quarter of an hour: zones differ by whole ones."""
    kept: dict[int, str] = {}

    def name_of(at_ms: int) -> str:
        quarter = at_ms // 900_000
        if quarter not in kept:
            kept[quarter] = period_of(at_ms, period, zone)
        return kept[quarter]

    return name_of
