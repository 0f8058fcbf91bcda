"""Districts and trends: open work now, and the cases and amounts of the last days."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from alerting.access import Scope
from alerting.cases.lifecycle import OPEN_STATES
from alerting.console.queries.figures import DayAmount, Share, days_until, shares, sums
from alerting.db.cases import Case
from alerting.db.ledger import LedgerEntry


@dataclass(frozen=True, slots=True)
class DistrictRow:
    """One district."""

    district: str
    open: int
    overdue: int
    cases: int
    dissuaded: int
    false_alarms: int
    prevented_minor: int
    lost_minor: int


@dataclass(frozen=True, slots=True)
class Districts:
    """All districts in scope, with the trend of cases over all of them."""

    rows: list[DistrictRow]
    trend: list[DayAmount]
    typologies: list[Share]


def load_districts(
    session: Session,
    scope: Scope,
    currency: str,
    today: str,
    day_starts_ms: Sequence[int],
    now_ms: int,
) -> Districts:
    """Read the figures of each district.

    Args:
        today: the local day.
        day_starts_ms: when each of the days shown began, oldest first.
    """
    days = days_until(today, len(day_starts_ms))
    visible = scope.condition(Case.tenant, Case.district)
    recent = (visible, Case.opened_at_ms >= day_starts_ms[0])
    waits = (Case.responded_at_ms.is_(None), Case.deadline_ms < now_ms)
    is_open = Case.state.in_(OPEN_STATES)
    opened = _counts(session, visible, is_open)
    overdue = _counts(session, visible, is_open, *waits)
    cases = _counts(session, *recent)
    dissuaded = _counts(session, *recent, Case.disposition == "dissuaded")
    false_alarms = _counts(session, *recent, Case.disposition == "false_alarm")
    prevented = sums(session, scope, currency, "confirmed", days[0], LedgerEntry.district)
    lost = sums(session, scope, currency, "lost", days[0], LedgerEntry.district)
    rows = [
        DistrictRow(
            district=name,
            open=opened.get(name, 0),
            overdue=overdue.get(name, 0),
            cases=cases.get(name, 0),
            dissuaded=dissuaded.get(name, 0),
            false_alarms=false_alarms.get(name, 0),
            prevented_minor=prevented.get(name, 0),
            lost_minor=lost.get(name, 0),
        )
        for name in {*opened, *cases, *prevented, *lost}
    ]
    by_typology = select(Case.typology, func.count()).where(*recent).group_by(Case.typology)
    return Districts(
        rows=sorted(rows, key=lambda row: (-row.open, -row.cases, row.district)),
        trend=per_day(
            session.scalars(select(Case.opened_at_ms).where(*recent)).all(), days, day_starts_ms
        ),
        typologies=shares({name: int(count) for name, count in session.execute(by_typology)}),
    )


def per_day(
    times_ms: Sequence[int], days: Sequence[str], day_starts_ms: Sequence[int]
) -> list[DayAmount]:
    """How many of the times fall on each day; days are local, so they are not all equally long."""
    counts = [0] * len(days)
    for at_ms in times_ms:
        counts[max(0, bisect_right(day_starts_ms, at_ms) - 1)] += 1
    return [DayAmount(day, count) for day, count in zip(days, counts, strict=True)]


def _counts(session: Session, *conditions: ColumnElement[bool]) -> dict[str, int]:
    rows = session.execute(
        select(Case.district, func.count()).where(*conditions).group_by(Case.district)
    )
    return {name: int(count) for name, count in rows}
