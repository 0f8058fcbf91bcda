"""Districts and trends: open work now, and the cases and amounts of the last days."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy import case as sql_case
from sqlalchemy.orm import Session

from alerting.access import Scope
from alerting.cases.due_columns import overdue_sql
from alerting.cases.lifecycle import OPEN_STATES
from alerting.db.case_tables import Case
from alerting.db.ledger_tables import LedgerEntry
from alerting.web.console.queries.figures_query import (
    AmountShare,
    DayAmount,
    days_until,
    shares,
    sums,
)


@dataclass(frozen=True, slots=True)
class DistrictRow:
    """One district; amounts by currency."""

    district: str
    open: int
    overdue: int
    cases: int
    dissuaded: int
    false_alarms: int
    prevented_minor: dict[str, int]
    lost_minor: dict[str, int]


@dataclass(frozen=True, slots=True)
class Districts:
    """All districts in scope, with the trend of cases over all of them."""

    rows: list[DistrictRow]
    trend: list[DayAmount]
    typologies: list[AmountShare]


def load_districts(
    session: Session,
    scope: Scope,
    currencies: Sequence[str],
    today: str,
    day_starts_ms: Sequence[int],
    now_ms: int,
) -> Districts:
    """Read the figures of each district.

    Args:
        currencies: a district has amounts in each of them; they are not added up.
        today: the local day.
        day_starts_ms: when each of the days shown began, oldest first.
    """
    days = days_until(today, len(day_starts_ms))
    visible = scope.condition(Case.tenant, Case.district)
    recent = (visible, Case.opened_at_ms >= day_starts_ms[0])
    is_open = Case.state.in_(OPEN_STATES)
    opened = _counts(session, visible, is_open)
    overdue = _counts(session, visible, overdue_sql(now_ms))
    lately = _lately(session, recent, day_starts_ms)
    cases = lately.by_district()
    dissuaded = lately.by_district("dissuaded")
    false_alarms = lately.by_district("false_alarm")
    prevented, lost = (
        {
            currency: sums(session, scope, currency, account, days[0], LedgerEntry.district)
            for currency in currencies
        }
        for account in ("confirmed", "lost")
    )
    with_money = {name for sums_of in (*prevented.values(), *lost.values()) for name in sums_of}
    rows = [
        DistrictRow(
            district=name,
            open=opened.get(name, 0),
            overdue=overdue.get(name, 0),
            cases=cases.get(name, 0),
            dissuaded=dissuaded.get(name, 0),
            false_alarms=false_alarms.get(name, 0),
            prevented_minor={key: amounts.get(name, 0) for key, amounts in prevented.items()},
            lost_minor={key: amounts.get(name, 0) for key, amounts in lost.items()},
        )
        for name in {*opened, *cases, *with_money}
    ]
    return Districts(
        rows=sorted(rows, key=lambda row: (-row.open, -row.cases, row.district)),
        trend=[DayAmount(day, lately.on_day(number)) for number, day in enumerate(days)],
        typologies=shares(lately.by_typology()),
    )


@dataclass(frozen=True, slots=True)
class _Lately:
    """Counts of the cases opened in the days shown, by day, district, disposition and typology."""

    rows: list[tuple[int, str, str, str, int]]

    def by_district(self, disposition: str | None = None) -> dict[str, int]:
        counts: dict[str, int] = {}
        for _, district, outcome, _, count in self.rows:
            if disposition in (None, outcome):
                counts[district] = counts.get(district, 0) + count
        return counts

    def by_typology(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for _, _, _, typology, count in self.rows:
            counts[typology] = counts.get(typology, 0) + count
        return counts

    def on_day(self, number: int) -> int:
        return sum(count for day, _, _, _, count in self.rows if day == number)


def _lately(
    session: Session, recent: tuple[ColumnElement[bool], ...], day_starts_ms: Sequence[int]
) -> _Lately:
    """Count in the database, in one pass, so that the cases of a month are not loaded.

    Days are local, so they are not all equally long.
    """
    later = list(enumerate(day_starts_ms))[1:]
    day = (
        sql_case(
            *[(Case.opened_at_ms < start, number - 1) for number, start in later], else_=len(later)
        )
        if later
        else literal(0)
    ).label("day")
    cases = select(day, Case.district, Case.disposition, Case.typology).where(*recent).subquery()
    rows = session.execute(select(*cases.c, func.count()).group_by(*cases.c))
    return _Lately([(row[0], row[1], row[2] or "", row[3], row[4]) for row in rows.all()])


def _counts(session: Session, *conditions: ColumnElement[bool]) -> dict[str, int]:
    rows = session.execute(
        select(Case.district, func.count()).where(*conditions).group_by(Case.district)
    )
    return {name: int(count) for name, count in rows}
