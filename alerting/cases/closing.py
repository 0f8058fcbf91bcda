"""Closing, reopening and late losses: where a case meets the ledger and the outbox.

All in one transaction: the state, the ledger, the outcome messages, the sweeps and the audit line
are either all there or not at all, so a crash at any point counts nothing twice.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases.lifecycle import decide_disposition
from alerting.cases.outcome import outcomes_of
from alerting.cases.service import CaseDesk, Done, facts_of, record
from alerting.cases.summary import in_force
from alerting.clock import Clock
from alerting.contacts import requests as sweeps
from alerting.db.cases import Case, Warning_
from alerting.db.engine import Database
from alerting.errors import InvalidRequestError, StepRefusedError
from alerting.ledger import book
from alerting.ledger.decide import NOT_A_TRANSFER, confirm, estimate, take_back
from alerting.outbox.write import put_outcome
from alerting.timers import schedule
from forewarn.events.outcomes import Disposition

DISPOSITION_HINTS = {
    "no_contact_was_tried": "Record an attempt to reach the person first.",
    "loss_needs_an_amount": "Give lost_minor.",
    "amount_lost_without_a_loss": "Close as loss_occurred, or leave lost_minor out.",
    "duplicate_needs_the_other_case": "Give duplicate_of with the disposition duplicate only.",
}


FRAUD: tuple[Disposition, ...] = ("dissuaded", "loss_occurred")
"""Dispositions that say that it was a fraud."""


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


@dataclass(frozen=True, slots=True)
class LateLoss:
    """A loss that became known after the warning; ``transfer_id`` where it is known.

    ``report_id`` makes a repeated report count once where no transfer is named.
    """

    lost_minor: int
    transfer_id: str | None = None
    report_id: str = ""
    known_at_ms: int | None = None


class ClosingDesk(CaseDesk):
    """All steps of a case, closing ones included."""

    def __init__(self, db: Database, clock: Clock, *, zone: ZoneInfo, window_ms: int) -> None:
        super().__init__(db, clock)
        self._zone = zone
        self._window_ms = window_ms

    def close(
        self, case_id: str, who: Principal, closure: Closure, *, version: int | None = None
    ) -> Case:
        """Close a case with its outcome.

        Raises:
            NotFoundError, StepRefusedError, ConflictError: as for every step.
            InvalidRequestError: ``duplicate_of`` is the case itself.
        """

        def act(session: Session, case: Case, now_ms: int) -> Done:
            self._check(session, case, who, closure)
            rows = _warnings(session, case)
            owners = book.claim_transfers(session, rows)
            prevented = confirm(
                closure.disposition,
                book.warned_money(rows, owners),
                stated_minor=closure.prevented_minor,
                window_ms=self._window_ms,
            )
            self._close(session, case, rows, closure, prevented, now_ms)
            case.closed_by = who.subject
            detail = {
                "disposition": closure.disposition,
                "prevented_minor": case.prevented_minor,
                "lost_minor": case.lost_minor,
                "note": closure.note,
            }
            if closure.duplicate_of:
                detail["duplicate_of"] = closure.duplicate_of
            return Done("closed", detail)

        return self.step("close", case_id, who, act, version=version)

    def reopen(self, case_id: str, who: Principal, *, reason: str) -> Case:
        """Open a closed case again: what it confirmed is an estimate again."""

        def act(session: Session, case: Case, now_ms: int) -> Done:
            rows = _warnings(session, case)
            owners = book.claim_transfers(session, rows)
            self._settle(session, case, "confirmed", {}, "reopened", now_ms)
            money = book.warned_money(in_force(rows), owners)
            self._settle(session, case, "estimated", estimate(money), "reopened", now_ms)
            detail = {"reason": reason, "disposition": case.disposition}
            case.disposition = case.closed_at_ms = case.closed_by = case.duplicate_of = None
            case.holder = case.responded_at_ms = None
            case.prevented_minor, case.escalation_level = 0, 0
            # The clock starts anew: the old deadline says nothing about a case that was closed.
            case.deadline_ms = now_ms + (case.deadline_ms - case.opened_at_ms)
            case.opened_at_ms = now_ms
            schedule.start(session, case, now_ms)
            return Done("reopened", detail)

        return self.step("reopen", case_id, who, act)

    def report_loss(self, case_id: str, who: Principal, loss: LateLoss) -> Case:
        """Record money lost after the warning; what was prevented is taken back by as much.

        A repeated report of the same transfer counts the largest amount once.

        Raises:
            NotFoundError: no such case in the caller's scope.
            InvalidRequestError: no amount.
        """
        if loss.lost_minor <= 0:
            raise InvalidRequestError("A loss needs an amount.", code="loss_needs_an_amount")
        now_ms = self.clock()
        with self.db.write() as session:
            case = self.locked(session, case_id, who)
            self._apply_loss(session, case, loss, "loss_reported", who.subject, now_ms)
        return case

    def see_losses(
        self,
        session: Session,
        case_ids: Iterable[str],
        losses_of: Callable[[Case], Iterable[LateLoss]],
        actor: str,
        now_ms: int,
    ) -> list[str]:
        """Take back what the streams show to have gone through, in the caller's transaction.

        The consumers of warnings and of transfers may see one payment at the same moment, so the
        cases are locked before anything of them is read, and all at once and in one order.

        Args:
            losses_of: the losses of a locked case; asked only of cases that are closed as a fraud.

        Returns:
            The case of each loss that was not known.
        """
        statement = (
            select(Case)
            .where(
                Case.case_id.in_(sorted(set(case_ids))),
                Case.state == "closed",
                Case.disposition.in_(FRAUD),
            )
            .order_by(Case.case_id)
            .execution_options(populate_existing=True)
        )
        return [
            case.case_id
            for case in session.scalars(self.db.for_update(statement)).all()
            for loss in losses_of(case)
            if self._apply_loss(session, case, loss, "loss_seen", actor, now_ms)
        ]

    def _apply_loss(
        self, session: Session, case: Case, loss: LateLoss, kind: str, actor: str, now_ms: int
    ) -> bool:
        """Count a loss of a locked case; False if it was known already."""
        key = loss.transfer_id or (f"report:{loss.report_id}"[:64] if loss.report_id else "")
        lost = _held(session, case, "lost")
        fresh_minor = loss.lost_minor - lost.get(key, 0)
        if fresh_minor <= 0:
            return False
        # An amount that was given without a transfer at closing is this money, not more of it.
        named_now = min(lost.get(NOT_A_TRANSFER, 0), fresh_minor) if key else 0
        lost[NOT_A_TRANSFER] = lost.get(NOT_A_TRANSFER, 0) - named_now
        lost[key] = lost.get(key, 0) + fresh_minor
        left = take_back(
            _held(session, case, "confirmed"),
            transfer_id=loss.transfer_id,
            lost_minor=fresh_minor - named_now,
        )
        self._settle(session, case, "lost", lost, "late_loss", now_ms)
        self._settle(session, case, "confirmed", left, "late_loss", now_ms)
        case.lost_minor = sum(lost.values())
        case.prevented_minor = sum(left.values())
        case.version += 1
        if case.state == "closed":
            case.disposition = "loss_occurred"
            known = now_ms if loss.known_at_ms is None else loss.known_at_ms
            self._publish(session, case, _warnings(session, case), left, lost, known, now_ms)
        detail = {"lost_minor": loss.lost_minor, "transfer_id": loss.transfer_id}
        record(self.db, session, case, Done(kind, detail), actor, now_ms)
        return True

    def _check(self, session: Session, case: Case, who: Principal, closure: Closure) -> None:
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
        if closure.duplicate_of == case.case_id:
            raise InvalidRequestError("A case is no duplicate of itself.", code="duplicate_of_self")
        if closure.duplicate_of:
            self.locked(session, closure.duplicate_of, who)

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
        self._settle(session, case, "estimated", {}, "closed", now_ms)
        self._settle(session, case, "confirmed", prevented, "closed", now_ms)
        merged = _held(session, case, "lost")
        known_lost = sum(merged.values())
        if closure.lost_minor > known_lost:  # losses reported while open are part of the total
            merged[NOT_A_TRANSFER] = merged.get(NOT_A_TRANSFER, 0) + closure.lost_minor - known_lost
        self._settle(session, case, "lost", merged, "closed", now_ms)
        case.disposition = closure.disposition
        case.duplicate_of = closure.duplicate_of
        case.closed_at_ms = now_ms
        case.prevented_minor = sum(prevented.values())
        case.lost_minor = sum(merged.values())
        schedule.stop(session, case.case_id)
        self._publish(session, case, rows, prevented, merged, known, now_ms)
        if closure.disposition in FRAUD:
            sweeps.request(session, case, rows, now_ms)

    def _publish(
        self,
        session: Session,
        case: Case,
        rows: list[Warning_],
        prevented: Mapping[str, int],
        lost: Mapping[str, int],
        known_at_ms: int,
        now_ms: int,
    ) -> None:
        if case.erased_at_ms is not None:  # nobody's any more: there is no key to send it under
            return
        case.outcome_revision += 1
        disposition: Disposition = case.disposition  # type: ignore[assignment]  # closed: it has one
        for outcome in outcomes_of(
            case, rows, disposition, prevented=prevented, lost=lost, known_at_ms=known_at_ms
        ):
            put_outcome(session, outcome, now_ms)

    def _settle(
        self,
        session: Session,
        case: Case,
        account: book.Account,
        target: Mapping[str, int],
        reason: book.EntryReason,
        now_ms: int,
    ) -> None:
        book.settle(session, case, account, target, reason=reason, now_ms=now_ms, zone=self._zone)


def _held(session: Session, case: Case, account: book.Account) -> dict[str, int]:
    lines = book.balances_of(session, [case.case_id], account).get(case.case_id, {})
    return book.by_transfer(lines)


def _warnings(session: Session, case: Case) -> list[Warning_]:
    rows = select(Warning_).where(Warning_.case_id == case.case_id).order_by(Warning_.warning_id)
    return list(session.scalars(rows))
