"""Gives notice of return visits that are due, as a background task."""

import threading

from sqlalchemy import select

from alerting.db.database import Database
from alerting.db.lease import hold
from alerting.db.visit_tables import ReturnVisit
from alerting.notify.notices.notice_writer import (
    Notice,
    NoticeAddress,
    NoticeWriter,
    team_addresses,
)
from alerting.notify.rota.rota_store import on_call_as
from alerting.notify.routing.routing_source import RoutingSource
from forewarn.platform.clock import Clock

LEASE = "return_visits"
EVERY_SECONDS = 30.0
VISITS_A_TURN = 100


class VisitWatch:
    """Writes one notice for each due visit: to the holder of the case if on call, else to the team."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        routing: RoutingSource,
        notices: NoticeWriter,
        *,
        owner: str,
    ) -> None:
        self._db = db
        self._clock = clock
        self._routing = routing
        self._notices = notices
        self._owner = owner

    def turn(self, _stop: threading.Event) -> float:
        """Look once; return the seconds until the next look."""
        now_ms = self._clock()
        if hold(self._db, LEASE, self._owner, EVERY_SECONDS * 3, now_ms):
            self.look(now_ms)
        return EVERY_SECONDS

    def close(self) -> None:
        """Free nothing."""

    def look(self, now_ms: int) -> int:
        """Write the notices that are due; return of how many visits."""
        with self._db.write() as session:
            rows = session.scalars(
                select(ReturnVisit)
                .where(
                    ReturnVisit.state == "planned",
                    ReturnVisit.due_ms <= now_ms,
                    ReturnVisit.noticed_at_ms.is_(None),
                )
                .order_by(ReturnVisit.due_ms)
                .limit(VISITS_A_TURN)
            ).all()
            for row in rows:
                row.noticed_at_ms = now_ms
                to = [
                    NoticeAddress(one.channel, one.responder, one.address)
                    for one in on_call_as(session, row.tenant, row.holder, now_ms)
                ] or team_addresses(self._routing.current, "")
                content = {
                    "case_id": row.case_id,
                    "hours": row.hours,
                    "district": row.district,
                    "url": f"{self._notices.public_url}/console/return-visits",
                }
                key = f"{row.case_id}/{row.hours}/{row.due_ms}"
                notice = Notice(row.tenant, row.district, "return_visit_due", key, content)
                self._notices.write(session, notice, to, now_ms)
        return len(rows)
