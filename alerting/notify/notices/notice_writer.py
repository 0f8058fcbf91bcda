"""Writes notices as deliveries, in the transaction of what they are about."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.db.dispatch_tables import Delivery
from alerting.notify.routing.routing_tree import Routing

NOTICE = "notice"
"""Purpose of a delivery to colleagues that belongs to no case."""


@dataclass(frozen=True, slots=True)
class NoticeAddress:
    """Where a notice goes; ``recipient`` is a responder, or ``team``."""

    channel: str
    recipient: str
    address: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice to write; ``occasion`` tells it apart from others of its template."""

    tenant: str
    district: str
    template: str
    occasion: str
    content: Mapping[str, object]


class NoticeWriter:
    """Writes notices to the channels that have a gateway.

    Args:
        available: channels with a gateway.
        language: of the texts.
        public_url: how browsers reach the console.
    """

    def __init__(self, available: frozenset[str], language: str, public_url: str) -> None:
        self.available = available
        self.language = language
        self.public_url = public_url

    def write(
        self, session: Session, notice: Notice, to: Iterable[NoticeAddress], now_ms: int
    ) -> list[str]:
        """Add the deliveries of a notice; those that were written before are left alone.

        Returns:
            The ids of the new ones.
        """
        rows = {
            _identifier(notice, target): target for target in to if target.channel in self.available
        }
        known = set(
            session.scalars(select(Delivery.delivery_id).where(Delivery.delivery_id.in_(rows)))
        )
        for delivery_id, target in rows.items():
            if delivery_id not in known:
                session.add(self._row(delivery_id, notice, target, now_ms))
        return [delivery_id for delivery_id in rows if delivery_id not in known]

    def _row(
        self, delivery_id: str, notice: Notice, target: NoticeAddress, now_ms: int
    ) -> Delivery:
        return Delivery(
            delivery_id=delivery_id,
            tenant=notice.tenant,
            district=notice.district,
            subscriber="",
            channel=target.channel,
            purpose=NOTICE,
            recipient=target.recipient,
            address=target.address,
            template=notice.template,
            language=self.language,
            content=dict(notice.content),
            reason=notice.template,
            step=notice.occasion,
            not_before_ms=now_ms,
            created_at_ms=now_ms,
        )


def team_addresses(routing: Routing, team: str) -> list[NoticeAddress]:
    """The fixed pages of a team in the routing file; those of the root if the team has none."""
    for name in (team, _root_team(routing)):
        found = [
            NoticeAddress(
                page.channel,
                "team",
                # The address of a chat or webhook holds a secret, so the row names its place only.
                f"{receiver.name}#{number}"
                if page.channel in ("chat", "webhook")
                else page.address,
            )
            for receiver in routing.receivers
            if receiver.team == name
            for number, page in enumerate(receiver.pages)
            if page.channel != "oncall"
        ]
        if found:
            return found
    return []


def _root_team(routing: Routing) -> str:
    root = next((row for row in routing.receivers if row.name == routing.route.receiver), None)
    return root.team if root else ""


def _identifier(notice: Notice, target: NoticeAddress) -> str:
    parts = (
        notice.tenant,
        notice.template,
        notice.occasion,
        target.channel,
        target.recipient,
        target.address,
    )
    return f"n-{hashlib.blake2b(chr(31).join(parts).encode(), digest_size=12).hexdigest()}"
