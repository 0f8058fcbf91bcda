"""Notices of silences: when one begins, fifteen minutes before it ends, and when it has ended."""

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import select

from alerting.db.dispatch_tables import Silence
from alerting.notify.notices.notice_watch import NoticeWatch, on_call_addresses
from alerting.notify.notices.notice_writer import Notice, team_addresses

SOON_MS = 15 * 60_000
LATE_MS = 3_600_000
"""A notice that could not be written for an hour says nothing new, and is left out."""

MAX_SILENCES = 500


class SilenceWatch(NoticeWatch):
    """Writes the notices.

    They go to the fixed pages of the root receiver's team and to the owner, where the owner is on
    call. Each is written once.
    """

    lease = "silences"
    every_seconds = 20.0

    def look(self, now_ms: int) -> list[str]:
        """Write the notices that are due; return the ids of the new deliveries."""
        written: list[str] = []
        with self._db.write() as session:
            rows = session.scalars(
                select(Silence)
                .where(
                    Silence.state == "active",
                    Silence.starts_at_ms <= now_ms,
                    Silence.expires_at_ms > now_ms - LATE_MS,
                )
                .order_by(Silence.expires_at_ms)
                .limit(MAX_SILENCES)
            ).all()
            for row in rows:
                to = team_addresses(self._routing.current, "")
                to += on_call_addresses(session, row.tenant, row.owner, now_ms)
                for template in due_notices(row.starts_at_ms, row.expires_at_ms, now_ms):
                    notice = Notice(
                        row.tenant,
                        row.matchers.get("district", "").rstrip("*")[:12],
                        template,
                        f"{row.silence_id}/{row.starts_at_ms}",
                        self._content(row),
                    )
                    written += self._notices.write(session, notice, to, now_ms)
        return written

    def _content(self, row: Silence) -> dict[str, object]:
        until = datetime.fromtimestamp(row.expires_at_ms / 1000, UTC).astimezone(self._zone)
        return {
            "what": ", ".join(f"{label}={pattern}" for label, pattern in row.matchers.items()),
            "until": f"{until:%m-%d %H:%M}",
            "who": row.owner,
            "url": f"{self._notices.public_url}/console/routing",
        }


def due_notices(starts_at_ms: int, expires_at_ms: int, now_ms: int) -> Iterator[str]:
    """The templates that are due for a silence now; a short one gets no notice of its near end."""
    if expires_at_ms <= now_ms:
        yield "silence_ended"
        return
    if now_ms - LATE_MS < starts_at_ms <= now_ms:
        yield "silence_begun"
    if expires_at_ms - starts_at_ms > 2 * SOON_MS and expires_at_ms - now_ms <= SOON_MS:
        yield "silence_ends_soon"
