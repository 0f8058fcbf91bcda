"""What a gateway's answer, or a person on the telephone, changes on an order."""

from sqlalchemy.orm import Session

from alerting.cases.history import CaseHistory
from alerting.cases.history.audit_actions import AuditAction
from alerting.db.case_tables import Case
from alerting.db.dispatch_tables import Delivery
from alerting.db.order_tables import Order
from alerting.notify.dispatch.delivery_rows import RELEASE
from alerting.orders.order_messages import order_of
from alerting.orders.order_rows import look_at_orders
from alerting.orders.order_states import OrderState


def note_delivery(
    session: Session, row: Delivery, state: str, *, by_refusal: bool, actor: str, now_ms: int
) -> None:
    """Change the order of a delivery whose state changed; other deliveries have none.

    Args:
        session: a transaction that holds the case's row.
        row: the delivery.
        state: its new state.
        by_refusal: whether the gateway refused it. One that was given up may have arrived all the same,
            so its order goes on, and is released in the end.
        actor: who reported it.
        now_ms: UTC milliseconds.
    """
    order = order_of(session, row)
    if order is None:
        return
    if row.purpose == RELEASE:
        if state == "confirmed":
            released(session, order, actor, now_ms)
        elif state == "failed":
            _look(session, order, now_ms)
    elif state == "confirmed":
        confirmed(session, order, row.provider_reference, actor, now_ms)
    elif state == "failed" and by_refusal:
        refused(session, order, actor, now_ms)
        _look(session, order, now_ms)


def note_cancelled(session: Session, row: Delivery, actor: str, now_ms: int) -> None:
    """End the order of a message that never left; one that was tried may have arrived."""
    order = order_of(session, row)
    if order is None or row.purpose == RELEASE or row.attempts > 0:
        return
    if order.state == "ordered":
        _end(session, order, "cancelled", "order_cancelled", actor, now_ms)


def confirmed(
    session: Session, order: Order, reference: str, actor: str, now_ms: int, note: str = ""
) -> None:
    """The order is carried out: it is in force."""
    if order.state != "ordered":
        return
    order.state, order.confirmed_at_ms = "in_force", now_ms
    order.reference = reference or order.reference
    _record(session, order, "order_confirmed", actor, now_ms, note)
    _look(session, order, now_ms)


def released(session: Session, order: Order, actor: str, now_ms: int, note: str = "") -> None:
    """The release is carried out: the order is over."""
    if order.state == "release_ordered":
        _end(session, order, "released", "release_confirmed", actor, now_ms, note)
        _look(session, order, now_ms)


def refused(session: Session, order: Order, actor: str, now_ms: int, note: str = "") -> None:
    """The bank or operator does not carry the order out."""
    if order.state == "ordered":
        _end(session, order, "refused", "order_refused", actor, now_ms, note)


def _end(
    session: Session,
    order: Order,
    state: OrderState,
    action: AuditAction,
    actor: str,
    now_ms: int,
    note: str = "",
) -> None:
    order.state, order.ended_at_ms = state, now_ms
    _record(session, order, action, actor, now_ms, note)


def _record(
    session: Session, order: Order, action: AuditAction, actor: str, now_ms: int, note: str = ""
) -> None:
    detail = {"order_id": order.order_id, "kind": order.kind}
    written = {"note": note} if note else {}
    CaseHistory(session, actor, now_ms).record(order.case_id, action, detail, free_text=written)


def _look(session: Session, order: Order, now_ms: int) -> None:
    case = session.get(Case, order.case_id)
    if case is not None:
        look_at_orders(session, case, now_ms)
