"""Losses that become known after the warning.

A loss takes back what was confirmed as prevented, in the transaction that records it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases.case_accounts import (
    FRAUD,
    CaseAccounts,
    balance_of,
    refuse_merged,
    warnings_of,
)
from alerting.cases.case_steps import lock_case
from alerting.cases.history import CaseHistory
from alerting.cases.history.audit_actions import AuditAction
from alerting.cases.ledger import ledger_entries
from alerting.cases.ledger.loss_estimate import NOT_A_TRANSFER, take_back
from alerting.db.case_tables import Case
from alerting.db.database import Database
from alerting.service_errors import InvalidRequestError
from forewarn.platform.clock import Clock


@dataclass(frozen=True, slots=True)
class LateLoss:
    """A loss that became known after the warning.

    ``lost_minor`` is in minor units. ``transfer_id`` names the transfer where it is known;
    ``report_id`` makes a repeated report count once where it is not. ``known_at_ms`` is in UTC
    milliseconds, None for now.
    """

    lost_minor: int
    transfer_id: str | None = None
    report_id: str = ""
    known_at_ms: int | None = None


class LateLossService:
    """Records late losses, reported by people or seen in the streams.

    Args:
        db: of the cases.
        clock: UTC milliseconds.
        accounts: what each case has in the ledger of prevented and lost money.
    """

    def __init__(self, db: Database, clock: Clock, accounts: CaseAccounts) -> None:
        self._db = db
        self._clock = clock
        self._accounts = accounts

    def report_loss(self, case_id: str, who: Principal, loss: LateLoss) -> Case:
        """Record money lost after the warning; what was prevented is taken back by as much.

        A repeated report of one transfer counts once, with the largest amount.

        Raises:
            NotFoundError: no such case in the caller's scope.
            InvalidRequestError: the amount is zero or less.
            StepRefusedError: the case was merged into another one.
        """
        if loss.lost_minor <= 0:
            raise InvalidRequestError("A loss needs an amount.", code="loss_needs_an_amount")
        now_ms = self._clock()
        with self._db.write() as session:
            case = lock_case(session, case_id, who)
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
        """Record the payments that the streams show to have gone through after all.

        The consumers of warnings and of transfers may see one payment at the same moment, so all
        cases are locked, in one order, before anything of them is read.

        Args:
            session: the caller's write transaction.
            case_ids: cases that the payments may concern.
            losses_of: the losses of a locked case; called only for cases closed as a fraud.
            actor: which consumer saw them.
            now_ms: UTC milliseconds.

        Returns:
            The case of each loss that was not known before.
        """
        statement = (
            select(Case)
            .where(
                Case.case_id.in_(sorted(set(case_ids))),
                Case.state == "closed",
                Case.disposition.in_(FRAUD),
            )
            .order_by(Case.case_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return [
            case.case_id
            for case in session.scalars(statement).all()
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
        """Count a loss of a locked case; return False if it was known already."""
        key = loss.transfer_id or (f"report:{loss.report_id}"[:64] if loss.report_id else "")
        lost = balance_of(session, case, "lost")
        fresh_minor = loss.lost_minor - lost.get(key, 0)
        if fresh_minor <= 0:
            return False
        # An amount given at closing without a transfer is the same money.
        named_now = min(lost.get(NOT_A_TRANSFER, 0), fresh_minor) if key else 0
        ledger_entries.rename(
            session,
            case,
            "lost",
            NOT_A_TRANSFER,
            key,
            named_now,
            now_ms=now_ms,
            zone=self._accounts.zone,
        )
        lost[NOT_A_TRANSFER] = lost.get(NOT_A_TRANSFER, 0) - named_now
        lost[key] = lost.get(key, 0) + fresh_minor
        left = take_back(
            balance_of(session, case, "confirmed"),
            transfer_id=loss.transfer_id,
            lost_minor=fresh_minor - named_now,
        )
        self._accounts.settle(session, case, "lost", lost, "late_loss", now_ms)
        self._accounts.settle(session, case, "confirmed", left, "late_loss", now_ms)
        case.lost_minor = sum(lost.values())
        case.prevented_minor = sum(left.values())
        case.version += 1
        if case.state == "closed":
            case.disposition = "loss_occurred"
            known = now_ms if loss.known_at_ms is None else loss.known_at_ms
            rows = warnings_of(session, case)
            self._accounts.publish(session, case, rows, left, lost, known, now_ms)
        detail = {"lost_minor": loss.lost_minor, "transfer_id": loss.transfer_id}
        CaseHistory(session, actor, now_ms).record(case.case_id, kind, detail)
        return True
