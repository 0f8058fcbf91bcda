"""Figures over the ledger: prevented and lost amounts by day, district and typology."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from alerting.access import Scope
from alerting.db.ledger_tables import LedgerEntry

TREND_DAYS = 30
Dimension = Literal["district", "typology", "model_version"]


@dataclass(frozen=True, slots=True)
class AmountShare:
    """One slice of a sum: its name, its amount, and how it compares with the largest (0 to 1)."""

    name: str
    amount_minor: int
    share: float


@dataclass(frozen=True, slots=True)
class DayAmount:
    """The change of an account in a day; negative when losses took back more than was confirmed."""

    day: str
    amount: int


@dataclass(frozen=True, slots=True)
class Report:
    """Prevented loss in one currency, over the days up to today; currencies are never added up."""

    currency: str
    today_minor: int
    estimated_minor: int
    confirmed_minor: int
    lost_minor: int
    trend: list[DayAmount]
    by: dict[Dimension, list[AmountShare]]


def days_until(today: str, count: int) -> list[str]:
    """The last ``count`` days up to today as YYYY-MM-DD, oldest first."""
    last = date.fromisoformat(today)
    return [(last - timedelta(days=back)).isoformat() for back in range(count - 1, -1, -1)]


def currencies(session: Session, scope: Scope, own: str) -> list[str]:
    """The installation's currency, and every other one of the ledger in scope."""
    found = session.scalars(
        select(LedgerEntry.currency)
        .where(scope.condition(LedgerEntry.tenant, LedgerEntry.district))
        .distinct()
    )
    return [own, *sorted(set(found) - {own})]


def load_report(session: Session, scope: Scope, currency: str, today: str) -> Report:
    """Sum the ledger, the only source of the page's figures."""
    days = days_until(today, TREND_DAYS)
    per_day = sums(session, scope, currency, "confirmed", days[0], LedgerEntry.day)
    dimensions: dict[Dimension, InstrumentedAttribute[str]] = {
        "district": LedgerEntry.district,
        "typology": LedgerEntry.typology,
        "model_version": LedgerEntry.model_version,
    }
    estimated = session.scalar(
        _of(scope, currency, "estimated").with_only_columns(func.sum(LedgerEntry.amount_minor))
    )
    return Report(
        currency=currency,
        today_minor=per_day.get(today, 0),
        estimated_minor=int(estimated or 0),
        confirmed_minor=sum(per_day.values()),
        lost_minor=sum(sums(session, scope, currency, "lost", days[0], LedgerEntry.day).values()),
        trend=[DayAmount(day, per_day.get(day, 0)) for day in days],
        by={
            name: shares(sums(session, scope, currency, "confirmed", days[0], column))
            for name, column in dimensions.items()
        },
    )


def shares(amounts: dict[str, int]) -> list[AmountShare]:
    """The slices of a sum, largest first, without empty ones."""
    top = max(amounts.values(), default=0)
    return [
        AmountShare(name, amount, max(0.0, amount / top) if top > 0 else 0.0)
        for name, amount in sorted(amounts.items(), key=lambda item: (-item[1], item[0]))
        if amount
    ]


def sums(
    session: Session,
    scope: Scope,
    currency: str,
    account: str,
    since_day: str,
    column: InstrumentedAttribute[str],
) -> dict[str, int]:
    """An account's entries since a day, summed by a column."""
    statement = (
        _of(scope, currency, account)
        .with_only_columns(column, func.sum(LedgerEntry.amount_minor))
        .where(LedgerEntry.day >= since_day)
        .group_by(column)
    )
    return {str(name): int(amount) for name, amount in session.execute(statement)}


def _of(scope: Scope, currency: str, account: str) -> Select[object]:
    return select(LedgerEntry).where(
        scope.condition(LedgerEntry.tenant, LedgerEntry.district),
        LedgerEntry.currency == currency,
        LedgerEntry.account == account,
    )
