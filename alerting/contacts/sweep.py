"""Sweeps: once a caller or payee is confirmed, everybody else it touched is warned or listed.

A sweep is asked for in the transaction that closes a case and done by any one replica, in one
transaction: found, written, published, or not at all.
"""

import hashlib
import threading
import time
from collections.abc import Sequence

import structlog
from sqlalchemy import distinct, func, insert, select
from sqlalchemy.orm import Session, aliased

from alerting import audit
from alerting.audit import AuditEntry
from alerting.clock import Clock
from alerting.contacts.decide import (
    SHARED_BY_AT_LEAST,
    Decision,
    Touched,
    decide_first_degree,
    decide_second_degree,
    is_neighbour,
)
from alerting.db.cases import Case, CaseEvent
from alerting.db.contacts import Contact, Sweep, SweepTarget
from alerting.db.dispatch import Delivery
from alerting.db.engine import Database
from alerting.lists.service import ListDesk
from alerting.metrics import SWEEP_SECONDS
from alerting.timers.schedule import ADVISE
from forewarn.events.lists import PeerKind

ACTOR = "system:sweep"
MAX_FIRST_DEGREE = 20_000
MAX_NEIGHBOURS = 200
MAX_SECOND_DEGREE = 20_000
WATCH_DAYS = 30
DAY_MS = 86_400_000
IDLE_SECONDS = 0.5
SWEEP_PRIORITY = 0
"""Behind every delivery of a case: a case is happening now, a sweep is about what has been."""

_log = structlog.get_logger(__name__)


class Sweeper:
    """Does the sweeps that were asked for, driven by a ``Loop``.

    Args:
        can_text: whether there is an SMS gateway; without one people are listed only.
    """

    def __init__(
        self, db: Database, clock: Clock, lists: ListDesk, *, can_text: bool, language: str
    ) -> None:
        self._db = db
        self._clock = clock
        self._lists = lists
        self._can_text = can_text
        self._language = language

    def turn(self, _stop: threading.Event) -> float:
        """Do one sweep; returns the pause after it."""
        return 0.0 if self.run_one() else IDLE_SECONDS

    def run_one(self) -> bool:
        """Do the oldest sweep that waits; False if none does."""
        began = time.monotonic()
        with self._db.write() as session:
            sweep = session.scalar(
                self._db.skip_locked(
                    select(Sweep)
                    .where(Sweep.state == "pending")
                    .order_by(Sweep.requested_at_ms, Sweep.sweep_id)
                    .limit(1)
                )
            )
            if sweep is None:
                return False
            self._sweep(session, sweep, self._clock())
        SWEEP_SECONDS.observe(time.monotonic() - began)
        _log.info(
            "sweep_done",
            sweep_id=sweep.sweep_id,
            first_degree=sweep.first_degree,
            second_degree=sweep.second_degree,
        )
        return True

    def _sweep(self, session: Session, sweep: Sweep, now_ms: int) -> None:
        case = session.get(Case, sweep.case_id)
        victim = case.subscriber if case else ""
        first = self._first_degree(session, sweep, victim)
        neighbours = self._neighbours(session, sweep)
        known = {person.subscriber for person in first} | {victim}
        second = self._second_degree(session, sweep, neighbours, known)
        decisions = {person.subscriber: decide_first_degree(person) for person in first}
        targets = [
            _target(sweep, person.subscriber, person.district, 1, sweep.peer, decisions)
            for person in first
        ]
        decisions |= {subscriber: decide_second_degree() for subscriber, _, _ in second}
        targets += [
            _target(sweep, subscriber, district, 2, via, decisions)
            for subscriber, district, via in second
        ]
        if targets:
            session.execute(insert(SweepTarget), targets)
        if self._can_text:
            self._text(session, sweep, first, now_ms)
        self._list(session, sweep, neighbours, now_ms)
        sweep.state, sweep.finished_at_ms = "done", now_ms
        sweep.first_degree, sweep.second_degree = len(first), len(second)
        sweep.peers_listed = len(neighbours)
        sweep.truncated = len(first) == MAX_FIRST_DEGREE or len(second) == MAX_SECOND_DEGREE
        detail = {
            "sweep_id": sweep.sweep_id,
            "kind": sweep.kind,
            "first_degree": len(first),
            "second_degree": len(second),
            "peers_listed": len(neighbours),
            "truncated": sweep.truncated,
        }
        session.add(
            CaseEvent(case_id=sweep.case_id, at_ms=now_ms, kind="swept", actor=ACTOR, detail=detail)
        )
        audit.append(self._db, session, [AuditEntry(now_ms, ACTOR, "swept", sweep.case_id, detail)])

    @staticmethod
    def _first_degree(session: Session, sweep: Sweep, victim: str) -> list[Touched]:
        rows = session.execute(
            select(Contact.subscriber, Contact.district, Contact.events, Contact.paid_minor)
            .where(
                Contact.tenant == sweep.tenant,
                Contact.kind == sweep.kind,
                Contact.peer == sweep.peer,
                Contact.subscriber != victim,
            )
            # The most harmed first, in case the bound cuts some off.
            .order_by(Contact.paid_minor.desc(), Contact.last_event_ms.desc())
            .limit(MAX_FIRST_DEGREE)
        )
        return [Touched(*row) for row in rows]

    @staticmethod
    def _neighbours(session: Session, sweep: Sweep) -> list[tuple[PeerKind, str]]:
        """Numbers and accounts that people of the first degree share, and few others know."""
        near, other = aliased(Contact), aliased(Contact)
        shared_by = func.count(distinct(other.subscriber))
        candidates = session.execute(
            select(other.kind, other.peer, shared_by)
            .join(near, (near.tenant == other.tenant) & (near.subscriber == other.subscriber))
            .where(
                near.tenant == sweep.tenant,
                near.kind == sweep.kind,
                near.peer == sweep.peer,
                ~((other.kind == sweep.kind) & (other.peer == sweep.peer)),
            )
            .group_by(other.kind, other.peer)
            .having(shared_by >= SHARED_BY_AT_LEAST)
            .order_by(shared_by.desc(), other.peer)
            .limit(MAX_NEIGHBOURS)
        ).all()
        found: list[tuple[PeerKind, str]] = []
        for kind, peer, shared in candidates:
            contacts = session.scalar(
                select(func.count()).where(
                    Contact.tenant == sweep.tenant, Contact.kind == kind, Contact.peer == peer
                )
            )
            if is_neighbour(shared, contacts or 0):
                found.append((kind, peer))  # type: ignore[arg-type]  # the column holds kinds only
        return found

    @staticmethod
    def _second_degree(
        session: Session,
        sweep: Sweep,
        neighbours: Sequence[tuple[PeerKind, str]],
        known: set[str],
    ) -> list[tuple[str, str, str]]:
        people: dict[str, tuple[str, str, str]] = {}
        for kind, peer in neighbours:
            rows = session.execute(
                select(Contact.subscriber, Contact.district)
                .where(Contact.tenant == sweep.tenant, Contact.kind == kind, Contact.peer == peer)
                .order_by(Contact.last_event_ms.desc())
                .limit(MAX_SECOND_DEGREE)
            )
            for subscriber, district in rows:
                if subscriber not in known:
                    people.setdefault(subscriber, (subscriber, district, peer))
            if len(people) >= MAX_SECOND_DEGREE:
                break
        return list(people.values())[:MAX_SECOND_DEGREE]

    def _list(
        self,
        session: Session,
        sweep: Sweep,
        neighbours: Sequence[tuple[PeerKind, str]],
        now_ms: int,
    ) -> None:
        kind: PeerKind = sweep.kind  # type: ignore[assignment]  # the column holds kinds only
        self._lists.add_confirmed(
            session,
            sweep.tenant,
            "block",
            [(kind, sweep.peer)],
            reason=f"confirmed in {sweep.case_id}",
            expires_at_ms=None,
            now_ms=now_ms,
        )
        self._lists.add_confirmed(
            session,
            sweep.tenant,
            "watch",
            neighbours,
            reason=f"near {sweep.sweep_id}",
            expires_at_ms=now_ms + WATCH_DAYS * DAY_MS,
            now_ms=now_ms,
        )

    def _text(self, session: Session, sweep: Sweep, people: Sequence[Touched], now_ms: int) -> None:
        """One text a person and case, however many of its confirmed peers they met."""
        texted = set(
            session.scalars(
                select(Delivery.subscriber).where(
                    Delivery.tenant == sweep.tenant,
                    Delivery.sweep_id.in_(
                        select(Sweep.sweep_id).where(Sweep.case_id == sweep.case_id)
                    ),
                )
            )
        )
        rows = [
            self._advice(sweep, person, now_ms)
            for person in people
            if person.subscriber not in texted
        ]
        if rows:
            session.execute(insert(Delivery), rows)

    def _advice(self, sweep: Sweep, person: Touched, now_ms: int) -> dict[str, object]:
        name = f"{sweep.sweep_id}/{person.subscriber}"
        return {
            "delivery_id": f"d-{hashlib.blake2b(name.encode(), digest_size=12).hexdigest()}",
            "case_id": None,
            "sweep_id": sweep.sweep_id,
            "tenant": sweep.tenant,
            "district": person.district,
            "subscriber": person.subscriber,
            "channel": "sms",
            "purpose": ADVISE,
            "recipient": "victim",
            "address": person.subscriber,
            "team": "",
            "template": "sweep_advice",
            "language": self._language,
            "content": {},
            "reason": "paid_the_swindler" if person.paid_minor else "spoke_with_the_swindler",
            "state": "pending",
            "priority": SWEEP_PRIORITY,
            "group_key": sweep.sweep_id,
            "not_before_ms": now_ms,
            "lease_owner": "",
            "lease_until_ms": 0,
            "attempts": 0,
            "last_error": "",
            "provider_reference": "",
            "batch_id": "",
            "created_at_ms": now_ms,
        }


def _target(
    sweep: Sweep,
    subscriber: str,
    district: str,
    degree: int,
    via: str,
    decisions: dict[str, Decision],
) -> dict[str, object]:
    decision = decisions[subscriber]
    return {
        "sweep_id": sweep.sweep_id,
        "subscriber": subscriber,
        "district": district,
        "degree": degree,
        "via": via,
        "action": decision.action,
        "reason": decision.reason,
    }
