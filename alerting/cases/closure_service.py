"""Close, reopen and merge cases.

The state, the ledger, the outcome messages, the sweeps and the audit entry are written in one
transaction, so a crash at any point counts nothing twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases import duplicate_cases
from alerting.cases.case_accounts import (
    FRAUD,
    CaseAccounts,
    balance_of,
    refuse_merged,
    warnings_of,
)
from alerting.cases.case_reopening import open_again
from alerting.cases.case_steps import CaseSteps, StepRecord, facts_of
from alerting.cases.case_summary import in_force
from alerting.cases.closure_reviews import ReviewSample
from alerting.cases.contact_records import contacts_of
from alerting.cases.history import CaseHistory
from alerting.cases.ledger import ledger_entries
from alerting.cases.ledger.loss_estimate import NOT_A_TRANSFER, confirm, estimate, take_back
from alerting.cases.lifecycle import decide_disposition
from alerting.cases.playbooks.task_service import TaskService
from alerting.cases.severity import Deadlines
from alerting.cases.timers import timer_schedule
from alerting.cases.visits.return_visits import ReturnVisits
from alerting.db.case_tables import Case, CaseEvent, Warning_
from alerting.db.dispatch_tables import Delivery
from alerting.linkage import sweep_requests as sweeps
from alerting.linkage.lists.list_service import ListService
from alerting.orders.order_release import hand_over_orders, has_orders, settle_orders
from alerting.orders.order_rules import OrderOptions
from alerting.service_errors import InvalidRequestError, StepRefusedError
from forewarn.contracts.outcome import Disposition

DISPOSITION_HINTS = {
    "dissuaded_needs_contact": "Record the contact, or let another person close the case.",
    "release_needs_contact": "It would release orders: record that the person was reached, or let a supervisor close.",
    "no_contact_was_tried": "Record an attempt to reach the person first.",
    "loss_needs_an_amount": "Give lost_minor.",
    "amount_lost_without_a_loss": "Close as loss_occurred, or leave lost_minor out.",
    "duplicate_needs_the_other_case": "Give duplicate_of with the disposition duplicate only.",
    "duplicate_of_self": "Name another case.",
    "duplicate_of_another_person": "Only cases of one person can be merged; link others by a note.",
    "duplicate_in_another_currency": "Close them one by one.",
    "duplicate_of_a_duplicate": "Name the case that the other one is a duplicate of.",
}


NOT_THE_PERSON = frozenset({"bank", "operator"})
"""Ways of contact that reach an institution, and neither the person nor a relative beside them."""

TAKEN_UP = ("claimed", "acknowledged", "contact_made", "contact_failed", "noted")
"""What a holder does themselves; being assigned a case is another person's act."""


@dataclass(frozen=True, slots=True)
class Closure:
    """How a case ended, as the responder enters it; amounts in minor units.

    ``prevented_minor`` None counts the stopped transfers; above the bound of the case it is cut, or
    with ``refuse_excess`` refused. ``known_at_ms`` is in UTC milliseconds, None for now.
    """

    disposition: Disposition
    prevented_minor: int | None = None
    lost_minor: int = 0
    note: str = ""
    duplicate_of: str | None = None
    known_at_ms: int | None = None
    refuse_excess: bool = False


class ClosureService:
    """Closes, reopens and merges cases.

    Args:
        steps: takes the steps.
        accounts: what each case has in the ledger of prevented and lost money.
        lists: where a confirmed number or account stands.
        window_ms: attribution window, see ``loss_estimate.confirm``.
        deadlines: time to first response of a reopened case.
        orders: how what the case stopped is released.
        sample: chooses the closures that a second person reviews.
        tasks: keeps the tasks of the playbook that a closure left out; None keeps none.
        visits: plans return visits to people who were dissuaded; None plans none.
    """

    def __init__(
        self,
        steps: CaseSteps,
        accounts: CaseAccounts,
        lists: ListService,
        *,
        window_ms: int,
        deadlines: Deadlines = Deadlines(),  # noqa: B008 - frozen
        orders: OrderOptions = OrderOptions(),  # noqa: B008 - frozen
        sample: ReviewSample | None = None,
        tasks: TaskService | None = None,
        visits: ReturnVisits | None = None,
    ) -> None:
        self._tasks = tasks
        self._visits = visits
        self._orders = orders
        self._sample = sample or ReviewSample(0.0)
        self._steps = steps
        self._accounts = accounts
        self._lists = lists
        self._window_ms = window_ms
        self._deadlines = deadlines

    def close(
        self, case_id: str, who: Principal, closure: Closure, *, version: int | None = None
    ) -> Case:
        """Close a case with its outcome.

        Raises:
            NotFoundError, StepRefusedError, ConflictError: as for every step.
            InvalidRequestError: the case cannot be a duplicate of ``duplicate_of``.
        """

        def act(session: Session, case: Case, now_ms: int) -> StepRecord:
            other = self._check(session, case, closure, who)
            rows = warnings_of(session, case)
            owners = ledger_entries.claim_transfers(session, rows)
            prevented = confirm(
                closure.disposition,
                ledger_entries.warned_money(rows, owners),
                stated_minor=closure.prevented_minor,
                window_ms=self._window_ms,
            )
            _check_excess(case, closure, sum(prevented.values()))
            self._close(session, case, rows, closure, prevented, now_ms)
            case.closed_by = who.subject
            settle_orders(session, case, self._orders, who.subject, now_ms)
            if self._tasks is not None:
                self._tasks.record_skipped(session, case, now_ms)
            if self._visits is not None:
                self._visits.plan(session, case, now_ms)
            if other is not None:
                hand_over_orders(session, case, other, now_ms)
                self._merge(session, case, other, who.subject, now_ms)
            detail: dict[str, Any] = {
                "disposition": closure.disposition,
                "prevented_minor": case.prevented_minor,
                "lost_minor": case.lost_minor,
            }
            if closure.duplicate_of:
                detail["duplicate_of"] = closure.duplicate_of
            self._sample.choose(session, case, now_ms)
            return StepRecord("closed", detail, {"note": closure.note})

        return self._steps.take(
            "close", case_id, who, act, version=version, also=closure.duplicate_of
        )

    def reopen(self, case_id: str, who: Principal, *, reason: str) -> Case:
        """Open a closed case again: what it confirmed is an estimate again.

        Raises:
            StepRefusedError: its personal data was erased, or it was merged into another case.
        """

        def act(session: Session, case: Case, now_ms: int) -> StepRecord:
            rows = warnings_of(session, case)
            _refuse_empty(case, rows)
            owners = ledger_entries.claim_transfers(session, rows)
            self._accounts.settle(session, case, "confirmed", {}, "reopened", now_ms)
            money = ledger_entries.warned_money(in_force(rows), owners)
            self._accounts.settle(session, case, "estimated", estimate(money), "reopened", now_ms)
            # The old deadline says nothing about a case that was closed.
            case.deadline_ms = self._deadlines.deadline_ms(case.severity, now_ms)
            detail = {"disposition": open_again(case, now_ms)}
            timer_schedule.start(session, case, now_ms)
            sweeps.suspend(session, [case.case_id])
            if self._visits is not None:
                self._visits.cancel(session, case.case_id)
            return StepRecord("reopened", detail, {"reason": reason})

        return self._steps.take("reopen", case_id, who, act)

    def _check(self, session: Session, case: Case, closure: Closure, who: Principal) -> Case | None:
        """Check that a case may close this way; return the case that it is a duplicate of."""
        fault = decide_disposition(
            closure.disposition,
            facts_of(case),
            lost_minor=closure.lost_minor,
            duplicate_of=closure.duplicate_of,
            witnessed=_victim_was_reached(session, case)
            or _two_persons(session, case, who.subject),
            # Orders are looked up for a false alarm only: no other closure releases them.
            releases=closure.disposition == "false_alarm"
            and not who.may("order.decide")
            and has_orders(session, case),
        )
        if fault:
            raise StepRefusedError(
                f"Case {case.case_id} cannot close this way: {fault.replace('_', ' ')}.",
                code=fault,
                hint=DISPOSITION_HINTS[fault],
            )
        # The step has locked it, in scope.
        other = session.get(Case, closure.duplicate_of) if closure.duplicate_of else None
        fault = duplicate_cases.refusal(case, other) if other is not None else None
        if fault:
            raise InvalidRequestError(
                f"Case {case.case_id} cannot close this way: {fault.replace('_', ' ')}.",
                code=fault,
                hint=DISPOSITION_HINTS[fault],
            )
        return other

    def _merge(self, session: Session, case: Case, other: Case, actor: str, now_ms: int) -> None:
        """Move everything of a duplicate to the case that it is a duplicate of."""
        moved_minor = duplicate_cases.hand_over(
            session, case, other, now_ms=now_ms, zone=self._accounts.zone
        )
        rows = warnings_of(session, other)
        lost = balance_of(session, other, "lost")
        if other.state == "closed":
            left = take_back(
                balance_of(session, other, "confirmed"), transfer_id=None, lost_minor=moved_minor
            )
            self._accounts.settle(session, other, "confirmed", left, "merged", now_ms)
            other.prevented_minor = sum(left.values())
            other.disposition = "loss_occurred" if moved_minor else other.disposition
            self._accounts.publish(session, other, rows, left, lost, now_ms, now_ms)
            if other.disposition in FRAUD:
                sweeps.request(session, other, in_force(rows), now_ms)
        else:
            duplicate_cases.refresh_open(session, case, other, rows, now_ms)
            owners = ledger_entries.claim_transfers(session, rows)
            money = ledger_entries.warned_money(in_force(rows), owners)
            self._accounts.settle(session, other, "estimated", estimate(money), "merged", now_ms)
        detail = {"duplicate": case.case_id, "lost_minor": moved_minor}
        CaseHistory(session, actor, now_ms).record(other.case_id, "merged", detail)

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
        self._accounts.settle(session, case, "estimated", {}, "closed", now_ms)
        self._accounts.settle(session, case, "confirmed", prevented, "closed", now_ms)
        merged = balance_of(session, case, "lost")
        known_lost = sum(merged.values())
        if closure.lost_minor > known_lost:  # losses reported while open are part of the total
            merged[NOT_A_TRANSFER] = merged.get(NOT_A_TRANSFER, 0) + closure.lost_minor - known_lost
        self._accounts.settle(session, case, "lost", merged, "closed", now_ms)
        case.disposition = closure.disposition
        case.duplicate_of = closure.duplicate_of
        case.closed_at_ms = now_ms
        case.prevented_minor = sum(prevented.values())
        case.lost_minor = sum(merged.values())
        case.follow_up_due_ms = None
        timer_schedule.stop(session, case.case_id)
        # The loss of a duplicate is published by the case that it is merged into.
        published = {} if closure.disposition == "duplicate" else merged
        self._accounts.publish(session, case, rows, prevented, published, known, now_ms)
        if closure.disposition in FRAUD:
            sweeps.request(session, case, in_force(rows), now_ms)
        else:  # it may have been closed as a fraud before
            sweeps.retract(session, case)
            self._lists.take_back(session, case.case_id, now_ms)


def _victim_was_reached(session: Session, case: Case) -> bool:
    """Whether a responder, a patrol or a call reached the victim since the case was opened."""
    delivery = select(Delivery.delivery_id).where(
        Delivery.case_id == case.case_id,
        Delivery.round == case.round,
        Delivery.channel.in_(("voice", "three_way", "patrol")),
        Delivery.recipient.in_(("victim", "patrol")),
        Delivery.state == "confirmed",
    )
    reached = (row for row in contacts_of(session, case) if row.kind == "contact_made")
    if any(row.detail.get("method") not in NOT_THE_PERSON for row in reached):
        return True
    return session.scalar(delivery.limit(1)) is not None


def _two_persons(session: Session, case: Case, actor: str) -> bool:
    """Whether the person who closes is another one than a holder who took the case up.

    A supervisor who closes a case that no responder took up, or that they assigned a moment ago, is alone.
    """
    if case.holder is None or case.holder == actor:
        return False
    own_step = select(CaseEvent.event_no).where(
        CaseEvent.case_id == case.case_id,
        CaseEvent.actor == case.holder,
        CaseEvent.kind.in_(TAKEN_UP),
        CaseEvent.at_ms >= case.opened_at_ms,
    )
    return session.scalar(own_step.limit(1)) is not None


def _check_excess(case: Case, closure: Closure, booked_minor: int) -> None:
    """Refuse an amount above the bound, so that a cut is announced before it is committed."""
    if closure.refuse_excess and (closure.prevented_minor or 0) > booked_minor:
        raise InvalidRequestError(
            f"Case {case.case_id}: at most {booked_minor} minor units can be booked as prevented.",
            code="prevented_above_the_bound",
            hint="State at most that amount, or leave prevented_minor out.",
        )


def _refuse_empty(case: Case, rows: list[Warning_]) -> None:
    """Raise StepRefusedError if the case has no personal data or no warnings any more."""
    if case.erased_at_ms is not None:
        raise StepRefusedError(
            f"Case {case.case_id}: its personal data was erased.", code="case_was_erased"
        )
    if not rows:
        refuse_merged(case)
