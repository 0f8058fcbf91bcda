"""Composes one message from the deliveries that go out together, at the moment of sending."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.cases.timers.timer_schedule import ADVISE
from alerting.db.case_tables import Warning_
from alerting.db.dispatch_tables import Delivery
from alerting.notify.channels.channel import Message
from alerting.notify.dispatch.message_templates import digest, render
from alerting.orders.order_messages import order_fields


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message for one or more deliveries (more if they are grouped).

    ``bulk``: one text to many people outside cases, recorded as a whole.
    """

    delivery_ids: tuple[str, ...]
    message: Message
    attempts: int
    bulk: bool = False


def compose_message(session: Session, members: Sequence[Delivery]) -> OutgoingMessage:
    """The message of leased deliveries that belong together."""
    first = members[0]
    if first.purpose == ADVISE:
        return _bulk(members)
    texts = [render(row.template, row.language, row.content) for row in members]  # type: ignore[arg-type]  # the column holds zh or en
    order: Mapping[str, object] = {
        "kind": first.template,
        "cases": [row.content for row in members],
    }
    if first.channel in ("bank", "operator"):
        order = _order(session, first)
    message = Message(
        # The key of the batch, so that a retry has the same key when a member drops out.
        delivery_id=first.batch_id,
        channel=first.channel,
        recipient=first.recipient,
        address=first.address,
        text=digest(texts, first.language),  # type: ignore[arg-type]  # as above
        language=first.language,
        order=dict(order),
    )
    ids = tuple(row.delivery_id for row in members)
    return OutgoingMessage(ids, message, max(row.attempts for row in members))


def _bulk(members: Sequence[Delivery]) -> OutgoingMessage:
    """One text to many people.

    Each recipient has an id of its own, by which the gateway recognises a repetition: after a crash
    the same people may be in other groups.
    """
    first = members[0]
    ids = tuple(row.delivery_id for row in members)
    message = Message(
        delivery_id=f"b-{hashlib.blake2b(chr(31).join(ids).encode(), digest_size=12).hexdigest()}",
        channel=first.channel,
        recipient=first.recipient,
        address="",
        text=render(first.template, first.language, first.content),  # type: ignore[arg-type]  # zh or en
        language=first.language,
        order={
            "recipients": [{"delivery_id": row.delivery_id, "to": row.address} for row in members]
        },
    )
    return OutgoingMessage(ids, message, max(row.attempts for row in members), bulk=True)


def _order(session: Session, row: Delivery) -> dict[str, object]:
    """The fields of an order to a bank or operator, read when it is sent.

    They name accounts and numbers, which are stored in the order and the warning only. An order
    that an earlier version sent has no row of its own.
    """
    fields = order_fields(session, row)
    if fields is not None:
        return fields
    known = session.scalars(select(Warning_).where(Warning_.case_id == row.case_id)).all()
    return _hold(row, known) if row.channel == "bank" else _suspension(row, known)


def _hold(row: Delivery, warnings: Sequence[Warning_]) -> dict[str, object]:
    transfer = next((item for item in warnings if item.subject_id == row.address), None)
    return {
        "order": "hold_transfer",
        "case_id": row.case_id,
        "transfer_id": row.address,
        "payer_account": transfer.payer if transfer else None,
        "payee_account": transfer.payee if transfer else None,
        "amount_minor": transfer.amount_at_risk_minor if transfer else None,
        "currency": transfer.currency if transfer else None,
    }


def _suspension(row: Delivery, warnings: Sequence[Warning_]) -> dict[str, object]:
    call = max(
        (item for item in warnings if item.caller),
        key=lambda item: item.event_time_ms,
        default=None,
    )
    return {
        "order": "suspend_line",
        "case_id": row.case_id,
        "number": row.address,
        "caller": call.caller if call else None,
    }
