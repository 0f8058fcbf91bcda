"""Closing, reopening and merging: where a case meets the ledger and the outbox.

All in one transaction: the state, the ledger, the outcome messages, the sweeps and the audit line
are either all there or not at all, so a crash at any point counts nothing twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases import duplicate_cases
from alerting.cases.case_reopening import open_again
from alerting.cases.case_service import Done, facts_of, record
from alerting.cases.case_summary import in_force
from alerting.cases.follow_up import FollowUps
from alerting.cases.late_loss_service import (
    FRAUD,
    LateLossService,
    held,
    refuse_merged,
    warnings_of,
)
from alerting.cases.ledger import ledger_entries
from alerting.cases.ledger.loss_estimate import NOT_A_TRANSFER, confirm, estimate, take_back
from alerting.cases.lifecycle import decide_disposition
from alerting.cases.severity import Deadlines
from alerting.cases.timers import timer_schedule
from alerting.db.case_tables import Case, Warning_
from alerting.db.database import Database
from alerting.linkage import sweep_requests as sweeps
from alerting.linkage.lists.list_service import ListService
from alerting.service_errors import InvalidRequestError, StepRefusedError
from forewarn.contracts.outcome import Disposition
from forewarn.platform.clock import Clock

DISPOSITION_HINTS = {
    "no_contact_was_tried": "Record an attempt to reach the person first.",
    "loss_needs_an_amount": "Give lost_minor.",
    "amount_lost_without_a_loss": "Close as loss_occurred, or leave lost_minor out.",
    "duplicate_needs_the_other_case": "Give duplicate_of with the disposition duplicate only.",
    "duplicate_of_self": "Name another case.",
    "duplicate_of_another_person": "Only cases of one person can be one; link others by a note.",
    "duplicate_in_another_currency": "Close them one by one.",
    "duplicate_of_a_duplicate": "Name the case that the other one is a duplicate of.",
}


@dataclass(frozen=True, slots=True)
class Closure:
    """What the responder says about the end of a case; amounts in minor units.

    ``prevented_minor`` None counts the stopped transfers; ``known_at_ms`` None means now.
    """

    disposition: Disposition
    prevented_minor: int | None = None
    lost_minor: int = 0
    note: str = ""
    duplicate_of: str | None = None
    known_at_ms: int | None = None


class ClosureService(LateLossService):
    """All steps of a case, closing ones included."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        lists: ListService,
        *,
        zone: ZoneInfo,
        window_ms: int,
        deadlines: Deadlines = Deadlines(),  # noqa: B008 - frozen
        follow_ups: FollowUps = FollowUps(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__(
            db, clock, zone=zone, window_ms=window_ms, deadlines=deadlines, follow_ups=follow_ups
        )
        self._lists = lists

    def close(
        self, case_id: str, who: Principal, closure: Closure, *, version: int | None = None
    ) -> Case:
        """Close a case with its outcome.

        Raises:
            NotFoundError, StepRefusedError, ConflictError: as for every step.
            InvalidRequestError: the case cannot be a duplicate of ``duplicate_of``.
        """

        def act(session: Session, case: Case, now_ms: int) -> Done:
            other = self._check(session, case, closure)
            rows = warnings_of(session, case)
            owners = ledger_entries.claim_transfers(session, rows)
            prevented = confirm(
                closure.disposition,
                ledger_entries.warned_money(rows, owners),
                stated_minor=closure.prevented_minor,
                window_ms=self._window_ms,
            )
            self._close(session, case, rows, closure, prevented, now_ms)
            case.closed_by = who.subject
            if other is not None:
                self._merge(session, case, other, who.subject, now_ms)
            detail = {
                "disposition": closure.disposition,
                "prevented_minor": case.prevented_minor,
                "lost_minor": case.lost_minor,
                "note": closure.note,
            }
            if closure.duplicate_of:
                detail["duplicate_of"] = closure.duplicate_of
            return Done("closed", detail)

        return self.step("close", case_id, who, act, version=version, also=closure.duplicate_of)

    def reopen(self, case_id: str, who: Principal, *, reason: str) -> Case:
        """Open a closed case again: what it confirmed is an estimate again.

        Raises:
            StepRefusedError: its person was erased, or all it had went over to another case.
        """

        def act(session: Session, case: Case, now_ms: int) -> Done:
            rows = warnings_of(session, case)
            _refuse_empty(case, rows)
            owners = ledger_entries.claim_transfers(session, rows)
            self.settle(session, case, "confirmed", {}, "reopened", now_ms)
            money = ledger_entries.warned_money(in_force(rows), owners)
            self.settle(session, case, "estimated", estimate(money), "reopened", now_ms)
            # The clock starts anew: the old deadline says nothing about a case that was closed.
            case.deadline_ms = self.deadlines.deadline_ms(case.severity, now_ms)
            detail = {"reason": reason, "disposition": open_again(case, now_ms)}
            timer_schedule.start(session, case, now_ms)
            sweeps.suspend(session, [case.case_id])
            return Done("reopened", detail)

        return self.step("reopen", case_id, who, act)

    def _check(self, session: Session, case: Case, closure: Closure) -> Case | None:
        """Whether a case may close so; returns the case that it is a duplicate of."""
        fault = decide_disposition(
            closure.disposition,
            facts_of(case),
            lost_minor=closure.lost_minor,
            duplicate_of=closure.duplicate_of,
        )
        if fault:
            raise StepRefusedError(
                f"Case {case.case_id} cannot close so: {fault.replace('_', ' ')}.",
                code=fault,
                hint=DISPOSITION_HINTS[fault],
            )
        # Locked by the step, in scope.
        other = session.get(Case, closure.duplicate_of) if closure.duplicate_of else None
        fault = duplicate_cases.refusal(case, other) if other is not None else None
        if fault:
            raise InvalidRequestError(
                f"Case {case.case_id} cannot close so: {fault.replace('_', ' ')}.",
                code=fault,
                hint=DISPOSITION_HINTS[fault],
            )
        return other

    def _merge(self, session: Session, case: Case, other: Case, actor: str, now_ms: int) -> None:
        """Everything that a duplicate had goes on in the case that it is a duplicate of."""
        moved_minor = duplicate_cases.hand_over(
            session, case, other, now_ms=now_ms, zone=self._zone
        )
        rows = warnings_of(session, other)
        lost = held(session, other, "lost")
        if other.state == "closed":
            left = take_back(
                held(session, other, "confirmed"), transfer_id=None, lost_minor=moved_minor
            )
            self.settle(session, other, "confirmed", left, "merged", now_ms)
            other.prevented_minor = sum(left.values())
            other.disposition = "loss_occurred" if moved_minor else other.disposition
            self.publish(session, other, rows, left, lost, now_ms, now_ms)
            if other.disposition in FRAUD:
                sweeps.request(session, other, in_force(rows), now_ms)
        else:
            duplicate_cases.refresh_open(session, case, other, rows, now_ms)
            owners = ledger_entries.claim_transfers(session, rows)
            money = ledger_entries.warned_money(in_force(rows), owners)
            self.settle(session, other, "estimated", estimate(money), "merged", now_ms)
        done = Done("merged", {"duplicate": case.case_id, "lost_minor": moved_minor})
        record(self.db, session, other, done, actor, now_ms)

    def _close(
        self,
        session: Session,
        case: Case,
        rows: list[Warning_],
        closure: Closure,
        prevented: Mapping[str, int],
        now_ms: int,
    ) -> None:
        known = now_ms if closure.known_at_ms is None else closure.known_at_ms
        self.settle(session, case, "estimated", {}, "closed", now_ms)
        self.settle(session, case, "confirmed", prevented, "closed", now_ms)
        merged = held(session, case, "lost")
        known_lost = sum(merged.values())
        if closure.lost_minor > known_lost:  # losses reported while open are part of the total
            merged[NOT_A_TRANSFER] = merged.get(NOT_A_TRANSFER, 0) + closure.lost_minor - known_lost
        self.settle(session, case, "lost", merged, "closed", now_ms)
        case.disposition = closure.disposition
        case.duplicate_of = closure.duplicate_of
        case.closed_at_ms = now_ms
        case.prevented_minor = sum(prevented.values())
        case.lost_minor = sum(merged.values())
        case.follow_up_due_ms = None
        timer_schedule.stop(session, case.case_id)
        # What a duplicate lost is told by the case that it goes over to.
        told = {} if closure.disposition == "duplicate" else merged
        self.publish(session, case, rows, prevented, told, known, now_ms)
        if closure.disposition in FRAUD:
            sweeps.request(session, case, in_force(rows), now_ms)
        else:  # it may have been closed as a fraud before
            sweeps.retract(session, case)
            self._lists.take_back(session, case.case_id, now_ms)


def _refuse_empty(case: Case, rows: list[Warning_]) -> None:
    """Nothing can be done in a case that has no person or no warning any more."""
    if case.erased_at_ms is not None:
        raise StepRefusedError(
            f"Case {case.case_id}: its personal data was erased.", code="case_was_erased"
        )
    if not rows:
        refuse_merged(case)
