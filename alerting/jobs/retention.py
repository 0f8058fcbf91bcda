"""Retention (PIPL, article 19): remove personal data after its time.

Rows are removed in batches of bounded size, each a transaction of its own, so that neither the
first run over a full table nor a day's backlog blocks the service.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import structlog
from sqlalchemy import ColumnElement, Table, and_, bindparam, select
from sqlalchemy.orm import DeclarativeBase

from alerting.db.case_tables import Case, EmergencyContact
from alerting.db.contact_tables import Activity, Contact, ListItem, Sweep, SweepTarget
from alerting.db.database import Database
from alerting.db.desk_tables import ClueImport, PageLinkUse
from alerting.db.dispatch_tables import Delivery, Shift, Silence
from alerting.db.journal_tables import IdempotencyKey, OutboxMessage
from alerting.db.lease import hold
from alerting.db.rota_tables import CalendarFeed, Rota, RotaChange
from alerting.db.visit_tables import ReturnVisit
from alerting.jobs.erasure import erase_cases, without_open_orders
from alerting.notify.notices.notice_writer import NOTICE
from forewarn.platform.clock import Clock

ACTOR = "system:retention"
LEASE = "retention"
DAY_MS = 86_400_000
EVERY_SECONDS = 3600.0
CASES_A_TURN = 500
SWEEPS_A_TURN = 50
ROWS_A_BATCH = 5_000
BATCHES_A_TURN = 20
IDEMPOTENCY_DAYS = 7
OUTBOX_DAYS = 7
OVER = ("done", "rejected", "cancelled", "retracted")
"""States of a sweep that is finished."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RetentionOptions:
    """How long each kind of data is kept, in days."""

    timeline_days: int
    contact_days: int
    personal_data_days: int


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows a run removed; ``more`` if it stopped at its bound."""

    activity: int
    contacts: int
    cases: int
    more: bool


class Retention:
    """Runs every hour on one replica, as a background task."""

    def __init__(
        self, db: Database, clock: Clock, options: RetentionOptions, *, owner: str
    ) -> None:
        self._db = db
        self._clock = clock
        self._options = options
        self._owner = owner

    def turn(self, _stop: threading.Event) -> float:
        """Run once; return the seconds until the next run, 0 while there is more to remove."""
        now_ms = self._clock()
        if not hold(self._db, LEASE, self._owner, EVERY_SECONDS / 2, now_ms):
            return EVERY_SECONDS
        return 0.0 if self.run().more else EVERY_SECONDS

    def run(self) -> Erased:
        """Remove rows past their time, in bounded number."""
        now_ms = self._clock()
        removed: dict[type[DeclarativeBase], int] = {}
        more = self._sweeps(now_ms)
        for table, condition in self._by_age(now_ms):
            removed[table], left = self._delete(table, condition)
            more |= left
        cases = self._cases(now_ms)
        done = Erased(
            removed[Activity], removed[Contact], cases, more=more or cases == CASES_A_TURN
        )
        _log.info(
            "retention_done", activity=done.activity, contacts=done.contacts, cases=done.cases
        )
        return done

    def _by_age(self, now_ms: int) -> Iterator[tuple[type[DeclarativeBase], ColumnElement[bool]]]:
        """Tables whose rows are deleted as a whole, each with its condition."""
        options = self._options
        contacts_ms = now_ms - options.contact_days * DAY_MS
        yield Activity, Activity.at_ms < now_ms - options.timeline_days * DAY_MS
        yield Contact, Contact.last_event_ms < contacts_ms
        yield IdempotencyKey, IdempotencyKey.created_at_ms < now_ms - IDEMPOTENCY_DAYS * DAY_MS
        yield OutboxMessage, OutboxMessage.sent_at_ms < now_ms - OUTBOX_DAYS * DAY_MS
        yield (
            ListItem,
            and_(
                ListItem.state.in_(("removed", "expired", "rejected")),
                ListItem.changed_at_ms < contacts_ms,
            ),
        )
        yield Shift, Shift.ends_at_ms < contacts_ms
        yield RotaChange, RotaChange.ends_at_ms < contacts_ms
        changed = select(RotaChange.rota_id)
        yield Rota, and_(Rota.ends_at_ms < contacts_ms, Rota.rota_id.not_in(changed))
        yield PageLinkUse, PageLinkUse.used_at_ms < contacts_ms
        yield ClueImport, ClueImport.created_at_ms < contacts_ms
        yield ReturnVisit, ReturnVisit.due_ms < contacts_ms
        yield CalendarFeed, CalendarFeed.expires_at_ms < now_ms
        yield (
            Delivery,
            and_(Delivery.purpose == NOTICE, Delivery.created_at_ms < contacts_ms),
        )
        yield Silence, Silence.expires_at_ms < contacts_ms
        yield (
            EmergencyContact,
            EmergencyContact.added_at_ms < now_ms - options.personal_data_days * DAY_MS,
        )

    def _sweeps(self, now_ms: int) -> bool:
        """Remove old sweeps, which hold contacts, after the same time; return True if there are more."""
        before_ms = now_ms - self._options.contact_days * DAY_MS
        old = and_(Sweep.state.in_(OVER), Sweep.requested_at_ms < before_ms)
        with self._db.read() as session:
            ids = session.scalars(select(Sweep.sweep_id).where(old).limit(SWEEPS_A_TURN)).all()
        if not ids:
            return False
        for table, of_sweep in (
            (SweepTarget, SweepTarget.sweep_id.in_(ids)),
            (Delivery, Delivery.sweep_id.in_(ids)),
        ):
            if self._delete(table, of_sweep)[1]:
                return True  # the sweeps go last: their remaining rows are found through them
        self._delete(Sweep, Sweep.sweep_id.in_(ids))
        return len(ids) == SWEEPS_A_TURN

    def _cases(self, now_ms: int) -> int:
        with self._db.write() as session:
            due = session.scalars(
                self._db.skip_locked(
                    select(Case)
                    .where(
                        Case.state == "closed",
                        Case.closed_at_ms < now_ms - self._options.personal_data_days * DAY_MS,
                        Case.erased_at_ms.is_(None),
                        *without_open_orders(),
                    )
                    .limit(CASES_A_TURN)
                )
            ).all()
            erase_cases(session, due, ACTOR, now_ms)
        return len(due)

    def _delete(
        self, table: type[DeclarativeBase], condition: ColumnElement[bool]
    ) -> tuple[int, bool]:
        """Delete in batches by primary key.

        Returns:
            How many rows, and whether it stopped at its bound.
        """
        core = cast("Table", table.__table__)
        keys = list(core.primary_key)
        by_key = core.delete().where(*(key == bindparam(f"k_{key.name}") for key in keys))
        removed = 0
        for _ in range(BATCHES_A_TURN):
            with self._db.write() as session:
                rows = session.execute(select(*keys).where(condition).limit(ROWS_A_BATCH)).all()
                if rows:
                    names = [f"k_{key.name}" for key in keys]
                    given = [dict(zip(names, row, strict=True)) for row in rows]
                    session.connection().execute(by_key, given)
            removed += len(rows)
            if len(rows) < ROWS_A_BATCH:
                return removed, False
        return removed, True
