"""Sweeps: once a caller or payee is confirmed, everyone else in contact with it is warned or listed.

The transaction that closes a case requests the sweep. One replica carries it out in one
transaction, so its texts, targets and list entries are written together or not at all.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.cases.history import CaseHistory
from alerting.db.bulk_insert import insert_rows
from alerting.db.case_tables import Case
from alerting.db.contact_tables import Sweep, SweepTarget
from alerting.db.database import Database
from alerting.db.dispatch_tables import Delivery
from alerting.linkage import contact_search
from alerting.linkage.lists.list_service import ListService
from alerting.linkage.lists.peer_numbers import is_service_number
from alerting.linkage.sweep_decision import (
    SweepDecision,
    Touched,
    decide_first_degree,
    decide_hold,
    decide_second_degree,
)
from alerting.linkage.sweep_service import record_sweep
from alerting.linkage.sweep_texts import DAY_MS, advice, texts_of
from alerting.service_metrics import SWEEP_SECONDS
from forewarn.contracts.list_entry import PeerKind
from forewarn.platform.clock import Clock

ACTOR = "system:sweep"
WATCH_DAYS = 30
IDLE_SECONDS = 0.5

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """Bounds of sweeps.

    Args:
        can_text: whether there is an SMS gateway; without one people are only listed.
        language: of the texts.
        quiet_days: a person gets one text about a number or account within so many days.
        budget_per_day: messages that a person gets in 24 hours.
        max_contacts: with more contacts than this, a supervisor has to approve the sweep.
    """

    can_text: bool
    language: str
    quiet_days: int
    budget_per_day: int
    max_contacts: int


class _CaseIsBusyError(Exception):
    """Another transaction holds the case; the sweep waits for the next turn."""


class Sweeper:
    """Carries out requested sweeps, as a background task."""

    def __init__(
        self, db: Database, clock: Clock, lists: ListService, options: SweepOptions
    ) -> None:
        self._db = db
        self._clock = clock
        self._lists = lists
        self._options = options

    def turn(self, _stop: threading.Event) -> float:
        """Carry out one sweep; return the pause after it, in seconds."""
        return 0.0 if self.run_one() else IDLE_SECONDS

    def run_one(self) -> bool:
        """Carry out the oldest pending sweep; return False if there is none."""
        try:
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
        except _CaseIsBusyError:
            return False
        if sweep.state == "done":
            SWEEP_SECONDS.observe((self._clock() - sweep.requested_at_ms) / 1000)
        _log.info(
            "sweep_" + sweep.state,
            sweep_id=sweep.sweep_id,
            first_degree=sweep.first_degree,
            second_degree=sweep.second_degree,
        )
        return True

    def _sweep(self, session: Session, sweep: Sweep, now_ms: int) -> None:
        reason = self._hold(session, sweep, now_ms)
        if reason is not None:
            self._lock_case(session, sweep)
            sweep.state, sweep.held_because = "held", reason
            record_sweep(session, sweep, "sweep_held", ACTOR, now_ms)
            return
        victim = session.scalar(select(Case.subscriber).where(Case.case_id == sweep.case_id)) or ""
        first = contact_search.first_degree(session, sweep, victim)
        near = contact_search.neighbours(session, sweep, len(first))
        known = {person.subscriber for person in first} | {victim}
        second = contact_search.second_degree(session, sweep, near, known)
        texts = texts_of(
            session,
            sweep,
            can_text=self._options.can_text,
            quiet_days=self._options.quiet_days,
            budget_per_day=self._options.budget_per_day,
            now_ms=now_ms,
        )
        # After the search, which may take seconds, so that it does not block steps of the case.
        self._lock_case(session, sweep)
        decided = [(person, decide_first_degree(person, texts)) for person in first]
        self._write(session, sweep, decided, second, now_ms)
        self._list(session, sweep, near, now_ms)
        self._finish(session, sweep, (len(first), len(second), len(near)), now_ms)

    def _hold(self, session: Session, sweep: Sweep, now_ms: int) -> str | None:
        """The reason why a supervisor has to decide first; None if one has decided."""
        if sweep.decided_by is not None:
            return None
        most = self._options.max_contacts
        return decide_hold(
            trusted=self._lists.trusts(session, sweep.tenant, sweep.kind, sweep.peer, now_ms),
            service=is_service_number(sweep.kind, sweep.peer),
            contacts=contact_search.count_contacts(session, sweep, at_most=most + 1),
            most=most,
        )

    def _lock_case(self, session: Session, sweep: Sweep) -> None:
        """Lock the case without waiting: every other step locks the case before its sweeps."""
        case = select(Case.case_id).where(Case.case_id == sweep.case_id)
        if session.scalar(self._db.skip_locked(case)) is None:
            raise _CaseIsBusyError

    def _write(
        self,
        session: Session,
        sweep: Sweep,
        first: Sequence[tuple[Touched, SweepDecision]],
        second: Sequence[tuple[str, str, str]],
        now_ms: int,
    ) -> None:
        targets = [
            _target(sweep, person.subscriber, person.district, 1, sweep.peer, decision)
            for person, decision in first
        ]
        listed = decide_second_degree()
        targets += [
            _target(sweep, subscriber, district, 2, via, listed)
            for subscriber, district, via in second
        ]
        if targets:
            insert_rows(session, SweepTarget, targets)
        texts = [
            advice(sweep, person, decision.reason, self._options.language, now_ms)
            for person, decision in first
            if decision.action == "warn"
        ]
        if texts:
            insert_rows(session, Delivery, texts)

    def _list(
        self, session: Session, sweep: Sweep, near: Sequence[tuple[PeerKind, str]], now_ms: int
    ) -> None:
        kind: PeerKind = sweep.kind  # type: ignore[assignment]  # the column holds kinds only
        blocked = [] if is_service_number(kind, sweep.peer) else [(kind, sweep.peer)]
        self._lists.add_confirmed(
            session,
            sweep.tenant,
            "block",
            blocked,
            case_id=sweep.case_id,
            reason=f"confirmed in {sweep.case_id}",
            expires_at_ms=None,
            now_ms=now_ms,
        )
        self._lists.add_confirmed(
            session,
            sweep.tenant,
            "watch",
            near,
            case_id=sweep.case_id,
            reason=f"near {sweep.sweep_id}",
            expires_at_ms=now_ms + WATCH_DAYS * DAY_MS,
            now_ms=now_ms,
        )

    def _finish(
        self, session: Session, sweep: Sweep, found: tuple[int, int, int], now_ms: int
    ) -> None:
        sweep.state, sweep.finished_at_ms = "done", now_ms
        sweep.first_degree, sweep.second_degree, sweep.peers_listed = found
        sweep.truncated = (
            sweep.first_degree == contact_search.MAX_FIRST_DEGREE
            or sweep.second_degree == contact_search.MAX_SECOND_DEGREE
        )
        detail = {
            "sweep_id": sweep.sweep_id,
            "kind": sweep.kind,
            "first_degree": sweep.first_degree,
            "second_degree": sweep.second_degree,
            "peers_listed": sweep.peers_listed,
            "truncated": sweep.truncated,
        }
        CaseHistory(session, ACTOR, now_ms).record(sweep.case_id, "swept", detail)


def _target(
    sweep: Sweep, subscriber: str, district: str, degree: int, via: str, decision: SweepDecision
) -> dict[str, object]:
    return {
        "sweep_id": sweep.sweep_id,
        "subscriber": subscriber,
        "district": district,
        "degree": degree,
        "via": via,
        "action": decision.action,
        "reason": decision.reason,
    }
