"""Retention and erasure of personal data (PIPL, articles 19 and 47): what is no longer needed goes.

Timelines and contacts go by age. Cases closed long ago lose whatever names a person (numbers,
accounts, names, remarks) and keep what the ledger and the reports need: amounts, districts, times.
A person's request for erasure does the same to that person's closed cases at once. The audit log
and the ledger hold ids and amounts only and stay whole.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Delete, delete, select, update
from sqlalchemy.orm import Session

from alerting import audit
from alerting.audit import AuditEntry
from alerting.clock import Clock
from alerting.db.cases import Case, CaseEvent, Relative, Warning_
from alerting.db.contacts import Activity, Contact, Sweep, SweepTarget
from alerting.db.dispatch import Delivery
from alerting.db.engine import Database
from alerting.db.journal import IdempotencyKey, OutboxMessage
from alerting.timers.lease import hold

ACTOR = "system:retention"
LEASE = "retention"
DAY_MS = 86_400_000
EVERY_SECONDS = 3600.0
CASES_A_TURN = 500
ERASED = ""
FREE_TEXT = ("note", "reason")
IDEMPOTENCY_DAYS = 7
OUTBOX_DAYS = 30

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RetentionOptions:
    """How long what is kept, in days."""

    timeline_days: int
    contact_days: int
    personal_data_days: int


@dataclass(frozen=True, slots=True)
class Erased:
    """How much a run removed."""

    activity: int
    contacts: int
    cases: int


class Retention:
    """Runs every hour on one replica, driven by a ``Loop``."""

    def __init__(
        self, db: Database, clock: Clock, options: RetentionOptions, *, owner: str
    ) -> None:
        self._db = db
        self._clock = clock
        self._options = options
        self._owner = owner

    def turn(self, _stop: threading.Event) -> float:
        """One run; returns the seconds until the next, none while there is more to do."""
        now_ms = self._clock()
        if not hold(self._db, LEASE, self._owner, EVERY_SECONDS / 2, now_ms):
            return EVERY_SECONDS
        done = self.run()
        return 0.0 if done.cases == CASES_A_TURN else EVERY_SECONDS

    def run(self) -> Erased:
        """Remove what is past its time, cases in bounded number."""
        now_ms = self._clock()
        options = self._options
        with self._db.write() as session:
            activity = _gone(
                session,
                delete(Activity).where(Activity.at_ms < now_ms - options.timeline_days * DAY_MS),
            )
            contacts = _gone(
                session,
                delete(Contact).where(
                    Contact.last_event_ms < now_ms - options.contact_days * DAY_MS
                ),
            )
            session.execute(
                delete(IdempotencyKey).where(
                    IdempotencyKey.created_at_ms < now_ms - IDEMPOTENCY_DAYS * DAY_MS
                )
            )
            session.execute(
                delete(OutboxMessage).where(
                    OutboxMessage.sent_at_ms < now_ms - OUTBOX_DAYS * DAY_MS
                )
            )
        with self._db.write() as session:
            due = session.scalars(
                self._db.skip_locked(
                    select(Case)
                    .where(
                        Case.state == "closed",
                        Case.closed_at_ms < now_ms - options.personal_data_days * DAY_MS,
                        Case.erased_at_ms.is_(None),
                    )
                    .limit(CASES_A_TURN)
                )
            ).all()
            erase_cases(self._db, session, due, ACTOR, now_ms)
        done = Erased(activity, contacts, len(due))
        _log.info("retention_done", activity=activity, contacts=contacts, cases=done.cases)
        return done


def erase_person(db: Database, tenant: str, subscriber: str, actor: str, now_ms: int) -> int:
    """Erase a person on request: closed cases, timeline, contacts, relatives, sweeps.

    Open cases stay until they are closed, since the person is in danger (PIPL, article 13).

    Returns:
        The number of cases erased.
    """
    with db.write() as session:
        db.lock(session, [f"{tenant}/{subscriber}", "contacts"])
        mine = (Case.tenant == tenant, Case.subscriber == subscriber)
        closed = session.scalars(
            db.for_update(select(Case).where(*mine, Case.state == "closed"))
        ).all()
        for table in (Activity, Contact, Relative):
            session.execute(
                delete(table).where(table.tenant == tenant, table.subscriber == subscriber)
            )
        sweeps = select(Sweep.sweep_id).where(Sweep.tenant == tenant)
        session.execute(
            delete(SweepTarget).where(
                SweepTarget.subscriber == subscriber, SweepTarget.sweep_id.in_(sweeps)
            )
        )
        session.execute(
            delete(Delivery).where(
                Delivery.tenant == tenant,
                Delivery.subscriber == subscriber,
                Delivery.case_id.is_(None),
            )
        )
        erase_cases(db, session, closed, actor, now_ms)
    return len(closed)


def erase_cases(
    db: Database, session: Session, cases: Sequence[Case], actor: str, now_ms: int
) -> None:
    """Empty whatever names a person in these cases."""
    if not cases:
        return
    ids = [case.case_id for case in cases]
    for case in cases:
        case.subscriber, case.caller, case.payee = ERASED, None, None
        case.erased_at_ms = now_ms
        case.version += 1
    session.execute(
        update(Warning_)
        .where(Warning_.case_id.in_(ids))
        .values(subscriber=ERASED, caller=None, payee=None, payer=None)
    )
    session.execute(
        update(Delivery).where(Delivery.case_id.in_(ids)).values(subscriber=ERASED, address=ERASED)
    )
    for event in session.scalars(select(CaseEvent).where(CaseEvent.case_id.in_(ids))):
        if any(name in event.detail for name in FREE_TEXT):
            event.detail = {
                name: ERASED if name in FREE_TEXT else value for name, value in event.detail.items()
            }
    entries = [AuditEntry(now_ms, actor, "erased", case_id) for case_id in ids]
    audit.append(db, session, entries)


def _gone(session: Session, statement: Delete) -> int:
    return int(session.execute(statement).rowcount)  # type: ignore[attr-defined]  # a DML result
