"""The prevented-loss report: sums of the ledger per day, district, typology and model version."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, func, select
from sqlalchemy import case as sql_case

from alerting.access import Scope
from alerting.db.database import Database
from alerting.db.ledger_tables import LedgerEntry

Dimension = Literal["day", "district", "typology", "model_version"]
DIMENSIONS: tuple[Dimension, ...] = ("day", "district", "typology", "model_version")
MAX_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One line: the values of the dimensions asked for, a currency, and sums in minor units.

    ``prevented_minor`` is the confirmed loss before any is taken back, as the counter
    ``forewarn_alerting_prevented_loss_minor_total`` shows it; less ``taken_back_minor`` it is the
    net prevented loss. ``lost_minor`` is a balance: a loss may move to the transfer that it turns
    out to be, or to the case that a duplicate belongs to.
    """

    values: tuple[str, ...]
    currency: str
    estimated_minor: int
    released_minor: int
    prevented_minor: int
    taken_back_minor: int
    lost_minor: int

    @property
    def net_prevented_minor(self) -> int:
        """The prevented loss less the part taken back."""
        return self.prevented_minor - self.taken_back_minor


def report(
    db: Database,
    scope: Scope,
    by: Sequence[Dimension],
    *,
    from_day: str | None = None,
    to_day: str | None = None,
) -> list[ReportRow]:
    """Sums over the ledger.

    Args:
        by: dimensions of a line, in order.
        from_day: first local day, YYYY-MM-DD, inclusive.
        to_day: last local day, inclusive.
    """
    columns = [getattr(LedgerEntry, name) for name in by]
    statement = (
        select(
            *columns,
            LedgerEntry.currency,
            _sum("estimated", gained=True),
            _sum("estimated", gained=False),
            _sum("confirmed", gained=True),
            _sum("confirmed", gained=False),
            _balance("lost"),
        )
        .where(scope.condition(LedgerEntry.tenant, LedgerEntry.district))
        .group_by(*columns, LedgerEntry.currency)
        .order_by(*columns, LedgerEntry.currency)
        .limit(MAX_ROWS)
    )
    if from_day:
        statement = statement.where(LedgerEntry.day >= from_day)
    if to_day:
        statement = statement.where(LedgerEntry.day <= to_day)
    width = len(by)
    with db.read() as session:
        return [
            ReportRow(
                tuple(str(value) for value in row[:width]),
                row[width],
                *(int(amount or 0) for amount in row[width + 1 :]),
            )
            for row in session.execute(statement)
        ]


def _sum(account: str, *, gained: bool) -> ColumnElement[int]:
    sign = LedgerEntry.amount_minor > 0 if gained else LedgerEntry.amount_minor < 0
    amount = LedgerEntry.amount_minor if gained else -LedgerEntry.amount_minor
    return func.sum(sql_case((sign & (LedgerEntry.account == account), amount), else_=0))


def _balance(account: str) -> ColumnElement[int]:
    return func.sum(sql_case((LedgerEntry.account == account, LedgerEntry.amount_minor), else_=0))
