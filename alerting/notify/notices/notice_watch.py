"""A background task that looks for what notices are due of, on one replica at a time."""

import threading
from abc import ABC, abstractmethod
from typing import ClassVar
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from alerting.db.database import Database
from alerting.db.lease import hold
from alerting.notify.notices.notice_writer import NoticeAddress, NoticeWriter
from alerting.notify.rota.rota_store import on_call_as
from alerting.notify.routing.routing_source import RoutingSource
from forewarn.platform.clock import Clock


class NoticeWatch(ABC):
    """Looks at every interval; the subclass says for what.

    Args:
        db: the database.
        clock: UTC milliseconds.
        routing: the teams' fixed pages, where notices go.
        notices: writes them.
        zone: of local times in notices.
        owner: the replica's name in leases.

    Attributes:
        lease: names the lease of the replica that looks.
        every_seconds: between two looks.
        lease_intervals: intervals that the lease lasts.
    """

    lease: ClassVar[str]
    every_seconds: ClassVar[float]
    lease_intervals: ClassVar[int] = 3

    def __init__(
        self,
        db: Database,
        clock: Clock,
        routing: RoutingSource,
        notices: NoticeWriter,
        zone: ZoneInfo,
        *,
        owner: str,
    ) -> None:
        self._db = db
        self._clock = clock
        self._routing = routing
        self._notices = notices
        self._zone = zone
        self._owner = owner

    def turn(self, _stop: threading.Event) -> float:
        """Look once; return the seconds until the next look."""
        now_ms = self._clock()
        lease_seconds = self.every_seconds * self.lease_intervals
        if hold(self._db, self.lease, self._owner, lease_seconds, now_ms):
            self.look(now_ms)
        return self.every_seconds

    def close(self) -> None:  # noqa: B027 - a watch holds nothing open
        """Free nothing."""

    @abstractmethod
    def look(self, now_ms: int) -> object:
        """Write the notices that are due."""


def on_call_addresses(
    session: Session, tenant: str, responder: str, now_ms: int
) -> list[NoticeAddress]:
    """Where a responder gets notices now; none unless the responder is on call."""
    return [
        NoticeAddress(one.channel, one.responder, one.address)
        for one in on_call_as(session, tenant, responder, now_ms)
    ]
