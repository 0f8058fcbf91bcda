"""Notices to people whom an order holds or cuts off, by text message or through the bank."""

from datetime import UTC, datetime
from typing import Literal, cast

from sqlalchemy.orm import Session

from alerting.db.case_tables import Case
from alerting.db.order_tables import Appeal, Order
from alerting.notify.dispatch.delivery_rows import ORDER_NOTICE, Intent, write_deliveries
from alerting.notify.dispatch.message_templates import typology_name
from alerting.orders.notice_texts import Language, NoticeOccasion, choose_text
from alerting.orders.order_rules import OrderOptions

Via = Literal["sms", "bank", "none"]
"""The way a notice takes: ``bank`` where the order carries the text, ``none`` where no one can be sent it."""

REASONS: dict[NoticeOccasion, str] = {
    "stopped": "order_stopped",
    "released": "order_released",
    "objection_refused": "order_objection_refused",
}
"""Reason of the message, by occasion."""


def notice_text(
    order: Order, occasion: NoticeOccasion, options: OrderOptions, *, reason: str = ""
) -> str:
    """The text of a notice about an order, in the language of messages to people.

    Args:
        order: which stops something.
        occasion: what the notice is about.
        options: texts, zone and contact.
        reason: of a refused objection, as its decider wrote it.
    """
    language = cast("Language", options.language)
    text = choose_text(
        options.texts, occasion, language,
        tenant=order.tenant, typology=order.typology, kind=order.kind,
    )  # fmt: skip
    until = datetime.fromtimestamp(order.expires_at_ms / 1000, UTC).astimezone(options.zone)
    fields = {
        "typology": typology_name(order.typology, language),
        "until": until.strftime("%Y-%m-%d %H:%M"),
        "contact": options.contact,
        "order_id": order.order_id,
        "reason": reason,
    }
    return text.format_map(fields)


def phone_of(order: Order, case: Case) -> str:
    """Where the person who is held or cut off reads a text message; empty if it is not known."""
    if order.notify_phone:
        return order.notify_phone
    return {"hold_transfer": case.subscriber, "suspend_line": order.number}.get(order.kind, "")


def write_notice(
    session: Session,
    case: Case,
    order: Order,
    occasion: NoticeOccasion,
    options: OrderOptions,
    now_ms: int,
    *,
    appeal: Appeal | None = None,
) -> Via:
    """Write the notice of an order; the case is locked.

    A message about an objection goes to the phone that it names.

    Returns:
        The way that it takes.
    """
    phone = (appeal.phone if appeal else "") or phone_of(order, case)
    if not phone or "sms" not in options.available:
        return "bank" if order.kind != "suspend_line" and order.delivery_id else "none"
    reason = appeal.decision_note if appeal else ""
    intent = Intent(
        channel="sms",
        purpose=ORDER_NOTICE,
        recipient="person",
        address=phone,
        template="order_notice",
        reason=REASONS[occasion],
        step=f"{occasion}/{order.order_id}/{appeal.appeal_id if appeal else ''}",
        content={"text": notice_text(order, occasion, options, reason=reason)},
    )
    write_deliveries(session, case, [intent], options.language, now_ms)
    return "sms"
