"""Sums over the whole ledger for the metrics, without reading the whole ledger at each scrape.

The ledger only grows, so a sum over old entries stays valid. Entries get their numbers before they
are committed, so for a while a lower number may still appear: sums are kept up to an entry that is
older than any transaction, and later entries are read each time.
"""

import threading

from sqlalchemy import case as sql_case
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerting.db.ledger_tables import LedgerEntry

SETTLED_MS = 600_000
"""An entry of this age has none below its number that is still to be committed."""

LABELS = ("tenant", "district", "typology", "model_version", "currency")

Sums = dict[tuple[str, ...], tuple[int, int]]
"""Added and subtracted amounts, per account and labels."""


class LedgerTotals:
    """Keeps the sums of old entries; several threads may read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: Sums = {}
        self._upto = 0

    def read(self, session: Session, now_ms: int) -> Sums:
        """The exact sums over all committed entries."""
        with self._lock:
            settled = (
                session.scalar(
                    select(LedgerEntry.entry_no)
                    .where(LedgerEntry.at_ms <= now_ms - SETTLED_MS)
                    .order_by(LedgerEntry.entry_no.desc())
                    .limit(1)
                )
                or 0
            )
            if settled > self._upto:
                self._kept = _plus(self._kept, _sums(session, self._upto, settled))
                self._upto = settled
            return _plus(self._kept, _sums(session, self._upto, None))


def _sums(session: Session, after: int, upto: int | None) -> Sums:
    columns = [LedgerEntry.account, *(getattr(LedgerEntry, label) for label in LABELS)]
    amount = LedgerEntry.amount_minor
    gained = func.sum(sql_case((amount > 0, amount), else_=0))
    undone = func.sum(sql_case((amount < 0, -amount), else_=0))
    statement = (
        select(*columns, gained, undone).where(LedgerEntry.entry_no > after).group_by(*columns)
    )
    if upto is not None:
        statement = statement.where(LedgerEntry.entry_no <= upto)
    return {tuple(row[:-2]): (int(row[-2]), int(row[-1])) for row in session.execute(statement)}


def _plus(first: Sums, second: Sums) -> Sums:
    total = dict(first)
    for key, (gained, undone) in second.items():
        before = total.get(key, (0, 0))
        total[key] = (before[0] + gained, before[1] + undone)
    return total
