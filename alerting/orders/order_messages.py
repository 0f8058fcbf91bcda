"""The messages of an order to its gateway: one to stop, one to release, each with its fields."""

from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.db.case_tables import Case
from alerting.db.dispatch_tables import Delivery
from alerting.db.order_tables import Order
from alerting.notify.dispatch.delivery_rows import PLACE_ORDER, RELEASE, Intent, write_deliveries
from alerting.orders.order_notices import notice_text
from alerting.orders.order_rules import OrderOptions
from alerting.orders.order_states import CHANNELS, RELEASES, OrderKind

STATED = (
    "transfer_id", "payer_name", "payer_account", "payee_name", "payee_account", "number", "caller",
    "amount_minor", "currency", "occurred_at_ms",
)  # fmt: skip
"""What an order states as far as it is known; a field that is not known is null."""


def send_order(
    session: Session, case: Case, order: Order, options: OrderOptions, now_ms: int
) -> None:
    """Write the message that places an order; without a gateway it is placed by telephone."""
    if options.has_gateway(kind_of(order)):
        order.delivery_id = _send(session, case, order, PLACE_ORDER, order.kind, options, now_ms)


def send_release(
    session: Session, case: Case, order: Order, options: OrderOptions, now_ms: int
) -> None:
    """Write the message that asks for a release; each repetition is a message of its own."""
    if options.has_gateway(kind_of(order)):
        what = RELEASES[kind_of(order)]
        order.release_delivery_id = _send(session, case, order, RELEASE, what, options, now_ms)


def order_fields(session: Session, delivery: Delivery) -> dict[str, object] | None:
    """The body of a message about an order, read when it is sent; None for any other delivery.

    The message itself holds no number and no name: they stand in the order's row alone, which
    erasure empties.
    """
    order = order_of(session, delivery)
    if order is None:
        return None
    release = delivery.purpose == RELEASE
    fields: dict[str, object] = {
        "order": RELEASES[kind_of(order)] if release else order.kind,
        "order_id": order.order_id,
        "case_id": order.case_id,
        **{name: getattr(order, name) or None for name in STATED},
    }
    if release:
        return fields | {"reason": order.release_reason, "reference": order.reference or None}
    return fields | {
        # The bank passes it on to whom it concerns, of whom the centre knows the account alone.
        "notice": delivery.content.get("notice"),
        "legal_basis": order.legal_basis or None,
        "reason": order.reason or None,
        "ordered_by": order.ordered_by,
        "ordered_at_ms": order.ordered_at_ms,
        "holds_until_ms": order.expires_at_ms,
    }


def order_of(session: Session, delivery: Delivery) -> Order | None:
    """The order that a delivery places or releases."""
    if delivery.channel not in CHANNELS.values():
        return None
    column = Order.release_delivery_id if delivery.purpose == RELEASE else Order.delivery_id
    found: Order | None = session.scalar(
        select(Order).where(column == delivery.delivery_id).limit(1)
    )
    return found


def kind_of(order: Order) -> OrderKind:
    """The kind of an order, of which the column holds no other value."""
    return cast("OrderKind", order.kind)


def _send(
    session: Session,
    case: Case,
    order: Order,
    purpose: str,
    what: str,
    options: OrderOptions,
    now_ms: int,
) -> str:
    content: dict[str, object] = {"order": what, "order_id": order.order_id}
    if purpose == PLACE_ORDER:
        content["notice"] = notice_text(order, "stopped", options)
    intent = Intent(
        channel=CHANNELS[kind_of(order)],
        purpose=purpose,
        recipient=CHANNELS[kind_of(order)],
        address=order.order_id,
        template="order",
        reason=what,
        # A cancelled order that is placed again and a repeated release are messages of their own.
        step=f"{what}/{order.extensions}/{order.chases}/{now_ms}",
        content=content,
    )
    write_deliveries(session, case, [intent], options.language, now_ms)
    return intent.identifier(case)
