"""Write the rows of deliveries before they are sent."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.cases.severity import ORDER
from alerting.db.case_tables import Case
from alerting.db.dispatch_tables import Delivery

PROTECT = "protect"
"""Purpose of a delivery that protects the victim; sent whether or not the case has a holder."""

ALARM = "alarm"
"""Purpose of a delivery that reports a failure to the holder of a case, or to its team."""

TRACE = "trace"
"""Purpose of a page that has the money of an extreme case followed, whether or not it has a holder."""

PLACE_ORDER = "order"
"""Purpose of a delivery that places an order of a person with a bank or operator."""

RELEASE = "release"
"""Purpose of a delivery that asks a bank or operator to release what an order stopped."""

ORDER_ALARM = "order_alarm"
"""Purpose of a delivery that reports the state of an order to the holder of a case, or to its team."""

ORDER_NOTICE = "order_notice"
"""Purpose of a text that gives a person whom an order holds or cuts off the reason."""

OUTLIVES_CASE = frozenset({PLACE_ORDER, RELEASE, ORDER_ALARM, ORDER_NOTICE})
"""Purposes of deliveries that are sent whether or not the case is open: an order outlives it."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A delivery to write.

    ``step`` names the deliveries that belong together, and tells apart those that may go to one
    address repeatedly.
    """

    channel: str
    purpose: str
    recipient: str
    address: str
    template: str
    reason: str
    step: str
    team: str = ""
    group_key: str = ""
    not_before_ms: int = 0
    content: dict[str, object] = field(default_factory=dict)

    def identifier(self, case: Case) -> str:
        """The delivery's id, derived from its content and the round of the case, so it is written once."""
        parts = [
            case.case_id,
            str(case.round),
            self.channel,
            self.recipient,
            self.address,
            self.step,
        ]
        return f"d-{hashlib.blake2b(chr(31).join(parts).encode(), digest_size=12).hexdigest()}"


def page_step(case: Case, template: str, occasion: str) -> str:
    """The step of a page. A released case is paged again; its protection is not repeated."""
    return f"{template}/{case.releases}/{occasion}"


def write_deliveries(
    session: Session, case: Case, intents: list[Intent], language: str, now_ms: int
) -> list[Delivery]:
    """Add the deliveries that were not written before, in the caller's transaction.

    A cancelled delivery waits again. A waiting one whose time is later than needed is moved
    forward.

    Returns:
        Those that are new or wait again.
    """
    by_id = {intent.identifier(case): intent for intent in intents}
    statement = select(Delivery).where(Delivery.delivery_id.in_(by_id))
    known = {row.delivery_id: row for row in session.scalars(statement)}
    rows = []
    for delivery_id, intent in by_id.items():
        row = known.get(delivery_id)
        if row is None:
            row = Delivery(delivery_id=delivery_id, **_fields(case, intent, language, now_ms))
            session.add(row)
            rows.append(row)
        elif row.state == "cancelled":
            for name, value in _fields(case, intent, language, now_ms).items():
                setattr(row, name, value)
            rows.append(row)
        elif row.state == "pending" and row.attempts == 0:
            row.not_before_ms = min(row.not_before_ms, intent.not_before_ms or now_ms)
            row.priority = max(row.priority, ORDER[case.severity])
    return rows


def _fields(case: Case, intent: Intent, language: str, now_ms: int) -> Mapping[str, Any]:
    return {
        "case_id": case.case_id,
        "tenant": case.tenant,
        "district": case.district,
        "subscriber": case.subscriber,
        "channel": intent.channel,
        "purpose": intent.purpose,
        "recipient": intent.recipient,
        "address": intent.address,
        "team": intent.team,
        "template": intent.template,
        "language": language,
        "content": intent.content,
        "reason": intent.reason,
        "state": "pending",
        "priority": ORDER[case.severity],
        "group_key": intent.group_key,
        "not_before_ms": intent.not_before_ms or now_ms,
        "lease_owner": "",
        "lease_until_ms": 0,
        "attempts": 0,
        "last_error": "",
        "provider_reference": "",
        "batch_id": "",
        "round": case.round,
        "step": intent.step,
        "created_at_ms": now_ms,
    }
