"""Record the result of a delivery, and its consequences for the case."""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from alerting.cases.history import CaseHistory
from alerting.cases.history.audit_actions import AuditAction
from alerting.cases.lifecycle import WAITING_STATES
from alerting.cases.timers.timer_schedule import DISPATCH, PAGE, hasten, set_timer
from alerting.db.case_tables import Case
from alerting.db.database import Database
from alerting.db.dispatch_tables import Delivery
from alerting.notify.dispatch.delivery_rows import PROTECT, page_step
from alerting.notify.dispatch.retry_decision import Next, State
from alerting.notify.dispatch.suppression import suppression_reason
from alerting.orders.order_results import note_cancelled, note_delivery

ACTOR = "system:deliveries"
KINDS: dict[State, AuditAction] = {
    "sent": "delivery_sent",
    "confirmed": "delivery_confirmed",
    "unanswered": "delivery_unanswered",
    "failed": "delivery_failed",
}
"""The action that the history records for each final state."""

MAY_ARRIVE = ("pending", "sending", "awaiting", "sent", "confirmed")
FEED = "patrol-feed"


def attempt(
    db: Database,
    session: Session,
    delivery_id: str,
    owner: str,
    following: Next,
    *,
    reference: str,
    fault: str,
    now_ms: int,
) -> None:
    """Record an attempt; a replica that has lost the lease records nothing."""
    row = _locked(db, session, delivery_id)
    if row is None or row.state != "sending" or row.lease_owner != owner:
        return
    row.last_error = fault[:500]
    row.provider_reference = reference or row.provider_reference
    if not fault:
        row.sent_at_ms = row.sent_at_ms or now_ms
    row.not_before_ms = following.not_before_ms
    _enter(db, session, row, following.state, ACTOR, now_ms, refused=following.refused)


def bulk(
    session: Session,
    delivery_ids: Sequence[str],
    owner: str,
    following: Next,
    fault: str,
    now_ms: int,
) -> None:
    """Record an attempt of many deliveries outside cases."""
    values = {
        "state": following.state,
        "not_before_ms": following.not_before_ms,
        "last_error": fault[:500],
    }
    if not fault:
        values["sent_at_ms"] = now_ms
    session.execute(
        update(Delivery)
        .where(
            Delivery.delivery_id.in_(delivery_ids),
            Delivery.state == "sending",
            Delivery.lease_owner == owner,
        )
        .values(**values)
    )


def report(
    db: Database,
    session: Session,
    delivery_id: str,
    state: State,
    actor: str,
    now_ms: int,
    *,
    missing: str = "",
) -> bool:
    """Record a gateway's later report; False if the delivery does not exist or is settled.

    ``missing`` says who did not answer a three-way call if it was not the person.
    """
    row = _locked(db, session, delivery_id)
    if row is None or row.state in ("cancelled", "confirmed", "unanswered"):
        return False
    _enter(db, session, row, state, actor, now_ms, refused=state == "failed", missing=missing)
    return True


def cancel(db: Database, session: Session, delivery_id: str, owner: str, now_ms: int) -> None:
    """Cancel a delivery that must not be sent any more, and record the reason.

    A victim who was to be called is then reached another way. If the reason is gone once the case
    is locked, the delivery waits again.
    """
    row = _locked(db, session, delivery_id)
    if row is None or row.state != "sending" or row.lease_owner != owner:
        return
    case = session.get(Case, row.case_id)
    reason = suppression_reason(row, case)
    row.attempts -= 1
    if case is None or reason is None:
        row.state, row.not_before_ms = "pending", now_ms
        return
    row.state, row.last_error, row.lease_until_ms = "cancelled", reason, now_ms
    note_cancelled(session, row, ACTOR, now_ms)
    if row.purpose != PROTECT or reason == "case_is_over":
        return
    detail = {"channel": row.channel, "recipient": row.recipient, "reason": reason}
    case.version += 1
    set_timer(session, case, DISPATCH, now_ms)
    CaseHistory(session, ACTOR, now_ms).record(case.case_id, "delivery_cancelled", detail)


def _locked(db: Database, session: Session, delivery_id: str) -> Delivery | None:
    """The delivery with its row locked, after its case's row, as everywhere."""
    case_id = session.scalar(select(Delivery.case_id).where(Delivery.delivery_id == delivery_id))
    if case_id is not None:
        session.scalar(db.for_update(select(Case).where(Case.case_id == case_id)))
    row: Delivery | None = session.scalar(
        db.for_update(select(Delivery).where(Delivery.delivery_id == delivery_id))
    )
    return row


def _enter(
    db: Database,
    session: Session,
    row: Delivery,
    state: State,
    actor: str,
    now_ms: int,
    *,
    refused: bool,
    missing: str = "",
) -> None:
    row.state = state
    if row.channel == "patrol" and state == "sent" and row.feed_no is None:
        _number(db, session, row)
    if state == "confirmed":
        row.confirmed_at_ms = now_ms
    note_delivery(session, row, state, by_refusal=refused, actor=actor, now_ms=now_ms)
    if state not in KINDS or row.case_id is None:
        return
    detail = {
        "delivery_id": row.delivery_id,
        "channel": row.channel,
        "recipient": row.recipient,
        "attempts": row.attempts,
        "state": state,
    }
    if missing:
        detail["missing"] = missing
    CaseHistory(session, actor, now_ms).record(row.case_id, KINDS[state], detail)
    _follow_up(session, row, state, now_ms)


def _number(db: Database, session: Session, row: Delivery) -> None:
    """Give the delivery the next number of the patrol feed.

    Transactions take numbers one after the other, so that no number becomes visible after a higher
    one that a terminal has already read.
    """
    db.lock(session, [FEED])
    last = session.scalar(select(func.max(Delivery.feed_no)).where(Delivery.channel == "patrol"))
    row.feed_no = (last or 0) + 1


def _follow_up(session: Session, row: Delivery, state: State, now_ms: int) -> None:
    """Dispatch again when protection failed, and escalate at once when no page arrived."""
    if state not in ("failed", "unanswered"):
        return
    case = session.get(Case, row.case_id)
    if case is None or case.state == "closed" or case.withdrawn:
        return
    if row.purpose == PROTECT:
        case.version += 1
        set_timer(session, case, DISPATCH, now_ms)
    elif _all_pages_failed(session, row, case):
        case.version += 1
        hasten(session, case, now_ms)


def _all_pages_failed(session: Session, row: Delivery, case: Case) -> bool:
    """Whether the case still waits and this was the last of its first pages, none of which arrived."""
    current = row.step == page_step(case, "page", case.severity) and row.round == case.round
    if row.purpose != PAGE or not current or case.state not in WAITING_STATES:
        return False
    other = select(Delivery.delivery_id).where(
        Delivery.case_id == case.case_id,
        Delivery.round == row.round,
        Delivery.step == row.step,
        Delivery.delivery_id != row.delivery_id,
        Delivery.state.in_(MAY_ARRIVE),
    )
    return session.scalar(other.limit(1)) is None
