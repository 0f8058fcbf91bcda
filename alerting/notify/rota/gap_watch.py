"""Warns of times without anyone on call before they come, as a background task."""

from zoneinfo import ZoneInfo

from sqlalchemy import or_, select

from alerting.db.rota_tables import Rota
from alerting.notify.notices.notice_watch import NoticeWatch
from alerting.notify.notices.notice_writer import Notice, team_addresses
from alerting.notify.rota.rota_service import gaps_of, written_period
from alerting.service_metrics import ROTA_GAP

DAY_MS = 86_400_000
AHEAD_DAYS = 2
"""A gap is warned of two days ahead, once; one that lasts over midnight, once more each day."""

METRIC_DAYS = 7
MAX_ROTAS = 2_000


class GapWatch(NoticeWatch):
    """Looks for gaps once a minute."""

    lease = "rota_gaps"
    every_seconds = 60.0
    lease_intervals = 2

    def look(self, now_ms: int) -> list[str]:
        """Write the notices that are due; return the ids of the new deliveries."""
        day_ms = now_ms // DAY_MS * DAY_MS  # so that a gap has the same start at every look
        written: list[str] = []
        with self._db.write() as session:
            rotas = session.scalars(
                select(Rota)
                .where(or_(Rota.ends_at_ms.is_(None), Rota.ends_at_ms > now_ms))
                .limit(MAX_ROTAS)
            ).all()
            found = [
                gap
                for gap in gaps_of(session, rotas, day_ms, day_ms + METRIC_DAYS * DAY_MS)
                if gap.ends_at_ms > now_ms
            ]
            for gap in found:
                if gap.starts_at_ms >= now_ms + AHEAD_DAYS * DAY_MS:
                    continue
                content = {
                    "team": gap.team,
                    "district": gap.district,
                    "times": written_period(
                        gap.starts_at_ms, gap.ends_at_ms, ZoneInfo(gap.timezone)
                    ),
                    "url": f"{self._notices.public_url}/console/rotas",
                }
                key = f"{gap.team}/{gap.district}/{gap.starts_at_ms}/{gap.ends_at_ms}"
                notice = Notice(gap.tenant, gap.district, "rota_gap", key, content)
                to = team_addresses(self._routing.current, gap.team)
                written += self._notices.write(session, notice, to, now_ms)
        ROTA_GAP.set(sum(gap.ends_at_ms - max(gap.starts_at_ms, now_ms) for gap in found) / 1000)
        return written
