"""Losses that become known after the warning, and what closing them shares: ledger and outbox.

A loss takes back what was confirmed as prevented, in the transaction that tells of it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases.case_service import CaseService, Done, record
from alerting.cases.follow_up import FollowUps
from alerting.cases.history.audit_actions import AuditAction
from alerting.cases.ledger import ledger_entries
from alerting.cases.ledger.loss_estimate import NOT_A_TRANSFER, take_back
from alerting.cases.outcome_events import outcomes_of
from alerting.cases.severity import Deadlines
from alerting.db.case_tables import Case, Warning_
from alerting.db.database import Database
from alerting.messaging.outbox import put_outcome
from alerting.service_errors import InvalidRequestError, StepRefusedError
from forewarn.contracts.outcome import Disposition
from forewarn.platform.clock import Clock

FRAUD: tuple[Disposition, ...] = ("dissuaded", "loss_occurred")
"""Dispositions that say that it was a fraud."""


@dataclass(frozen=True, slots=True)
class LateLoss:
    """A loss that became known after the warning; ``transfer_id`` where it is known.

    ``report_id`` makes a repeated report count once where no transfer is named.
    """

    lost_minor: int
    transfer_id: str | None = None
    report_id: str = ""
    known_at_ms: int | None = None


class LateLossService(CaseService):
    """The steps short of closing, and losses."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        zone: ZoneInfo,
        window_ms: int,
        deadlines: Deadlines = Deadlines(),  # noqa: B008 - frozen
        follow_ups: FollowUps = FollowUps(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__(db, clock, deadlines=deadlines, follow_ups=follow_ups)
        self._zone = zone
        self._window_ms = window_ms

    def report_loss(self, case_id: str, who: Principal, loss: LateLoss) -> Case:
        """Record money lost after the warning; what was prevented is taken back by as much.

        A repeated report of the same transfer counts the largest amount once.

        Raises:
            NotFoundError: no such case in the caller's scope.
            InvalidRequestError: no amount.
            StepRefusedError: the case went over to another one.
        """
        if loss.lost_minor <= 0:
            raise InvalidRequestError("A loss needs an amount.", code="loss_needs_an_amount")
        now_ms = self.clock()
        with self.db.write() as session:
            case = self.locked(session, case_id, who)
            refuse_merged(case)
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
        self,
        session: Session,
        case: Case,
        loss: LateLoss,
        kind: AuditAction,
        actor: str,
        now_ms: int,
    ) -> bool:
        """Count a loss of a locked case; False if it was known already."""
        key = loss.transfer_id or (f"report:{loss.report_id}"[:64] if loss.report_id else "")
        lost = held(session, case, "lost")
        fresh_minor = loss.lost_minor - lost.get(key, 0)
        if fresh_minor <= 0:
            return False
        # An amount that was given without a transfer at closing is this money, not more of it.
        named_now = min(lost.get(NOT_A_TRANSFER, 0), fresh_minor) if key else 0
        ledger_entries.rename(
            session, case, "lost", NOT_A_TRANSFER, key, named_now, now_ms=now_ms, zone=self._zone
        )
        lost[NOT_A_TRANSFER] = lost.get(NOT_A_TRANSFER, 0) - named_now
        lost[key] = lost.get(key, 0) + fresh_minor
        left = take_back(
            held(session, case, "confirmed"),
            transfer_id=loss.transfer_id,
            lost_minor=fresh_minor - named_now,
        )
        self.settle(session, case, "lost", lost, "late_loss", now_ms)
        self.settle(session, case, "confirmed", left, "late_loss", now_ms)
        case.lost_minor = sum(lost.values())
        case.prevented_minor = sum(left.values())
        case.version += 1
        if case.state == "closed":
            case.disposition = "loss_occurred"
            known = now_ms if loss.known_at_ms is None else loss.known_at_ms
            self.publish(session, case, warnings_of(session, case), left, lost, known, now_ms)
        detail = {"lost_minor": loss.lost_minor, "transfer_id": loss.transfer_id}
        record(self.db, session, case, Done(kind, detail), actor, now_ms)
        return True

    def publish(
        self,
        session: Session,
        case: Case,
        rows: list[Warning_],
        prevented: Mapping[str, int],
        lost: Mapping[str, int],
        known_at_ms: int,
        now_ms: int,
    ) -> None:
        """Tell the outcome of a closed case as it stands now: one more revision of it."""
        # Erased: nobody's any more, so there is no key to send it under.
        if case.erased_at_ms is not None or not rows:
            return
        case.outcome_revision += 1
        disposition: Disposition = case.disposition  # type: ignore[assignment]  # closed: it has one
        for outcome in outcomes_of(
            case, rows, disposition, prevented=prevented, lost=lost, known_at_ms=known_at_ms
        ):
            put_outcome(session, outcome, now_ms)

    def settle(
        self,
        session: Session,
        case: Case,
        account: ledger_entries.Account,
        target: Mapping[str, int],
        reason: ledger_entries.EntryReason,
        now_ms: int,
    ) -> None:
        """Bring an account of the case to its target."""
        ledger_entries.settle(
            session, case, account, target, reason=reason, now_ms=now_ms, zone=self._zone
        )


def held(session: Session, case: Case, account: ledger_entries.Account) -> dict[str, int]:
    """The balance of an account of a case, per transfer id."""
    lines = ledger_entries.balances_of(session, [case.case_id], account).get(case.case_id, {})
    return ledger_entries.by_transfer(lines)


def refuse_merged(case: Case) -> None:
    """Raise StepRefusedError if all that the case had went over to another one."""
    if case.duplicate_of is not None:
        raise StepRefusedError(
            f"Case {case.case_id} went over to {case.duplicate_of}.",
            code="went_over_to_another",
            hint=f"Use case {case.duplicate_of}.",
        )


def warnings_of(session: Session, case: Case) -> list[Warning_]:
    """The warnings of a case."""
    rows = select(Warning_).where(Warning_.case_id == case.case_id).order_by(Warning_.warning_id)
    return list(session.scalars(rows))
