"""Release what an order stopped: by hand, on appeal, when its time is up, or with the case."""

from typing import cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from alerting.cases.case_accounts import FRAUD
from alerting.cases.history import CaseHistory
from alerting.db.case_tables import Case
from alerting.db.dispatch_tables import Delivery
from alerting.db.order_tables import Appeal, Order
from alerting.orders.appeal_rows import settle_appeal
from alerting.orders.order_messages import send_release
from alerting.orders.order_results import note_cancelled
from alerting.orders.order_rows import look_at_orders
from alerting.orders.order_rules import OrderOptions
from alerting.orders.order_states import HOLDING, HONEST, OPEN, ReleaseReason

BY_CLOCK = "system:orders"


def order_release(
    session: Session,
    case: Case,
    order: Order,
    reason: ReleaseReason,
    options: OrderOptions,
    actor: str,
    now_ms: int,
    *,
    note: str = "",
) -> None:
    """Ask for the release of what an order stops, in the caller's transaction; the case is locked.

    An order that was not sent yet is cancelled instead. The release is confirmed by the gateway,
    or by a person on the telephone, like the order.
    """
    order.hit_honest = order.hit_honest or reason in HONEST
    if _withdraw_unsent(session, order, actor, now_ms) or order.state not in HOLDING:
        return
    order.state = "release_ordered"
    order.release_reason, order.release_note, order.released_by = reason, note, actor
    order.release_ordered_at_ms = now_ms
    settle_appeal(session, order, actor, now_ms)
    order.chases, order.chased_at_ms = 0, None
    send_release(session, case, order, options, now_ms)
    detail = {"order_id": order.order_id, "kind": order.kind, "why": reason}
    written = {"note": note} if note else {}
    CaseHistory(session, actor, now_ms).record(
        order.case_id, "release_ordered", detail, free_text=written
    )
    look_at_orders(session, case, now_ms)


def has_orders(session: Session, case: Case) -> bool:
    """Whether an order of the case stops something, or may do so."""
    found = select(Order.order_id).where(Order.case_id == case.case_id, Order.state.in_(HOLDING))
    return session.scalar(found.limit(1)) is not None


def settle_orders(
    session: Session, case: Case, options: OrderOptions, actor: str, now_ms: int
) -> None:
    """Follow the outcome of a closed case: a false alarm releases everything that it stopped.

    After another outcome an order holds to the end of its time, since the money is stopped to be
    given back.
    """
    orders = session.scalars(
        select(Order).where(Order.case_id == case.case_id).order_by(Order.order_id)
    ).all()
    for order in orders:
        if case.disposition == "false_alarm":
            order.hit_honest = True
            order_release(session, case, order, "false_alarm", options, actor, now_ms)
        elif case.disposition in FRAUD and order.release_reason != "appeal":
            order.hit_honest = False


def hand_over_orders(session: Session, case: Case, other: Case, now_ms: int) -> None:
    """Move the orders of a duplicate to the case that it is a duplicate of; both are locked."""
    session.execute(
        update(Appeal).where(Appeal.case_id == case.case_id).values(case_id=other.case_id)
    )
    moved = session.execute(
        update(Order)
        .where(Order.case_id == case.case_id)
        .values(case_id=other.case_id)
        .returning(Order.state)
        .execution_options(synchronize_session="fetch")
    ).scalars()
    if any(state in OPEN for state in moved):
        look_at_orders(session, other, now_ms)


def _withdraw_unsent(session: Session, order: Order, actor: str, now_ms: int) -> bool:
    """Cancel the message of an order that did not leave yet; whether the order is cancelled now."""
    if order.state != "ordered" or order.delivery_id is None:
        return False
    row = cast("Delivery | None", session.get(Delivery, order.delivery_id))
    if row is not None and row.state == "pending" and row.attempts == 0:
        row.state, row.last_error = "cancelled", "order_was_lifted"
        note_cancelled(session, row, actor, now_ms)
    return order.state == "cancelled"
