"""Composes one message from the deliveries that go out together, at the moment of sending."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.cases.timers.timer_schedule import ADVISE, PAGE
from alerting.db.case_tables import Warning_
from alerting.db.dispatch_tables import Delivery
from alerting.notify.channels.channel import Message
from alerting.notify.dispatch.channel_selection import THREE_WAY
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


KEYS: Mapping[str, str] = {"zh": "按1接手，按2转交。", "en": "Press 1 to take it, 2 to pass it on."}
"""What a page by telephone says after its text."""


def compose_message(
    session: Session,
    members: Sequence[Delivery],
    link_of: Callable[[str], str] | None = None,
) -> OutgoingMessage:
    """The message of leased deliveries that belong together.

    Args:
        session: reads the warnings of an order.
        members: the deliveries.
        link_of: the address by which the person of a page answers it, by the delivery's id.
    """
    first = members[0]
    if first.purpose == ADVISE:
        return _bulk(members)
    texts = [render(row.template, row.language, _fields(row, link_of)) for row in members]  # type: ignore[arg-type]  # the column holds zh or en
    order: Mapping[str, object] = {
        "kind": first.template,
        "cases": [row.content for row in members],
    }
    if first.channel in ("bank", "operator"):
        order = _order(session, first)
    if first.channel == THREE_WAY:
        order = {"with": {"to": first.content["phone"], "role": first.content["other"]}}
    if first.channel == "voice" and _is_for_person(first):
        texts.append(KEYS[first.language])
        order = {**order, "keys": "12"}
    elif (first.channel, first.recipient) == ("voice", "victim"):
        order = {**order, "keys": "1"}
    message = Message(
        # The key of the batch, so that a retry has the same key when a member drops out.
        delivery_id=first.batch_id,
        channel=first.channel,
        recipient=first.recipient,
        address=first.address,
        text=" ".join(texts) if first.channel == "voice" else digest(texts, first.language),  # type: ignore[arg-type]  # as above
        language=first.language,
        order=dict(order),
    )
    ids = tuple(row.delivery_id for row in members)
    return OutgoingMessage(ids, message, max(row.attempts for row in members))


def _is_for_person(row: Delivery) -> bool:
    """Whether a delivery is the page of one responder, who may answer it."""
    return row.purpose == PAGE and row.recipient != "team"


def _fields(row: Delivery, link_of: Callable[[str], str] | None) -> Mapping[str, object]:
    """The fields of a delivery's text; the page of a person leads to the one-time link."""
    if link_of is None or row.channel == "voice" or not _is_for_person(row):
        return row.content
    return {**row.content, "url": link_of(row.delivery_id)}


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
