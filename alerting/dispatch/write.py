"""Write deliveries: what is sent to whom and why, before anything is sent."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.cases.severity import ORDER
from alerting.db.cases import Case
from alerting.db.dispatch import Delivery


@dataclass(frozen=True, slots=True)
class Intent:
    """One delivery to be. ``occasion`` tells apart what may be sent to one address repeatedly."""

    channel: str
    purpose: str
    recipient: str
    address: str
    template: str
    reason: str
    team: str = ""
    group_key: str = ""
    not_before_ms: int = 0
    occasion: str = ""
    content: dict[str, Any] = field(default_factory=dict)

    def identifier(self, case: Case) -> str:
        """The same for the same thing in the same round of the case, so it is written once."""
        parts = [
            case.case_id,
            str(case.opened_at_ms),  # a reopened case is a new round
            self.channel,
            self.recipient,
            self.address,
            self.template,
            self.occasion,
        ]
        return f"d-{hashlib.blake2b(chr(31).join(parts).encode(), digest_size=12).hexdigest()}"


def write_deliveries(
    session: Session, case: Case, intents: list[Intent], language: str, now_ms: int
) -> list[Delivery]:
    """Add the deliveries that were not written before, in the caller's transaction."""
    wanted = {intent.identifier(case): intent for intent in intents}
    known = set(
        session.scalars(select(Delivery.delivery_id).where(Delivery.delivery_id.in_(wanted)))
    )
    rows = [
        Delivery(
            delivery_id=delivery_id,
            case_id=case.case_id,
            tenant=case.tenant,
            district=case.district,
            subscriber=case.subscriber,
            channel=intent.channel,
            purpose=intent.purpose,
            recipient=intent.recipient,
            address=intent.address,
            team=intent.team,
            template=intent.template,
            language=language,
            content=intent.content,
            reason=intent.reason,
            state="pending",
            priority=ORDER[case.severity],
            group_key=intent.group_key,
            not_before_ms=intent.not_before_ms or now_ms,
            lease_owner="",
            lease_until_ms=0,
            attempts=0,
            last_error="",
            provider_reference="",
            batch_id="",
            created_at_ms=now_ms,
        )
        for delivery_id, intent in wanted.items()
        if delivery_id not in known
    ]
    session.add_all(rows)
    return rows
