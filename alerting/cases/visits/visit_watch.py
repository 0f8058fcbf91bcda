"""Gives notice of return visits that are due, as a background task."""

from sqlalchemy import select

from alerting.db.visit_tables import ReturnVisit
from alerting.notify.notices.notice_watch import NoticeWatch, on_call_addresses
from alerting.notify.notices.notice_writer import Notice, team_addresses

VISITS_A_TURN = 100


class VisitWatch(NoticeWatch):
    """Writes one notice for each due visit: to the holder of the case if on call, else to the team."""

    lease = "return_visits"
    every_seconds = 30.0

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
                to = on_call_addresses(session, row.tenant, row.holder, now_ms) or team_addresses(
                    self._routing.current, ""
                )
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
