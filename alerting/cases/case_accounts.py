"""The accounts of a case in the ledger, and the outcome that they add up to."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.cases.ledger import ledger_entries
from alerting.cases.outcome_events import outcomes_of
from alerting.db.case_tables import Case, Warning_
from alerting.messaging.outbox import put_outcome
from alerting.service_errors import StepRefusedError
from forewarn.contracts.outcome import Disposition

FRAUD: tuple[Disposition, ...] = ("dissuaded", "loss_occurred")
"""Dispositions of a case that was a fraud."""


class CaseAccounts:
    """Settles accounts of cases and publishes their outcomes, in the caller's transaction.

    Args:
        zone: in which a day of the report begins.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone

    def settle(
        self,
        session: Session,
        case: Case,
        account: ledger_entries.Account,
        target: Mapping[str, int],
        reason: ledger_entries.EntryReason,
        now_ms: int,
    ) -> None:
        """Bring an account of the case to its target, in minor units per transfer id."""
        ledger_entries.settle(
            session, case, account, target, reason=reason, now_ms=now_ms, zone=self.zone
        )

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
        """Publish the outcome of a closed case as it stands now: one more revision of it.

        Args:
            session: the caller's transaction.
            case: the closed case.
            rows: its warnings.
            prevented: its confirmed account per transfer id, in minor units.
            lost: its lost account per transfer id, in minor units.
            known_at_ms: when the outcome became known, UTC milliseconds.
            now_ms: UTC milliseconds.
        """
        # An erased case has no subscriber, so there is no key to send its outcome under.
        if case.erased_at_ms is not None or not rows:
            return
        case.outcome_revision += 1
        disposition: Disposition = case.disposition  # type: ignore[assignment]  # closed: it has one
        for outcome in outcomes_of(
            case, rows, disposition, prevented=prevented, lost=lost, known_at_ms=known_at_ms
        ):
            put_outcome(session, outcome, now_ms)


def balance_of(session: Session, case: Case, account: ledger_entries.Account) -> dict[str, int]:
    """The balance of an account of a case, in minor units per transfer id."""
    lines = ledger_entries.balances_of(session, [case.case_id], account).get(case.case_id, {})
    return ledger_entries.by_transfer(lines)


def warnings_of(session: Session, case: Case) -> list[Warning_]:
    """The warnings of a case, in order of their ids."""
    rows = select(Warning_).where(Warning_.case_id == case.case_id).order_by(Warning_.warning_id)
    return list(session.scalars(rows))


def refuse_merged(case: Case) -> None:
    """Raise StepRefusedError if the case was merged into another one."""
    if case.duplicate_of is not None:
        raise StepRefusedError(
            f"Case {case.case_id} was merged into {case.duplicate_of}.",
            code="went_over_to_another",
            hint=f"Use case {case.duplicate_of}.",
        )
