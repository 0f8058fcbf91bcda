"""Secret addresses of calendars: who has the address reads that person's duties, and nothing else.

Calendar programs cannot sign in, so the address itself is the secret: 256 random bits, stored as a
hash, one a person, replaced by the next one and over after a year.
"""

import secrets
from typing import Literal

from sqlalchemy import delete, select

from alerting.access import Principal, Scope
from alerting.access.sessions import token_hash
from alerting.db.database import Database
from alerting.db.dispatch_tables import Shift
from alerting.db.rota_tables import CalendarFeed, Rota
from alerting.notify.rota.calendar_file import CalendarEntry, calendar_file
from alerting.notify.rota.rota_service import record
from alerting.notify.rota.rota_store import MAX_ROTAS, duties_of
from alerting.notify.routing.scope_checks import of_tenants
from forewarn.platform.clock import Clock

DAY_MS = 86_400_000
LIFE_DAYS = 365
PAST_DAYS, FUTURE_DAYS = 7, 90
MAX_SHIFTS = 1_000


class CalendarFeeds:
    """Opens, ends and reads the calendars of people."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def open(self, who: Principal, language: Literal["zh", "en"]) -> str:
        """The secret part of a new address, which is shown once; an earlier one ends."""
        now_ms, token = self._clock(), secrets.token_urlsafe(32)
        with self._db.write() as session:
            session.execute(delete(CalendarFeed).where(CalendarFeed.subject == who.subject))
            session.add(
                CalendarFeed(
                    token_hash=token_hash(token),
                    subject=who.subject,
                    tenants=who.scope.lists()[0],
                    language=language,
                    created_at_ms=now_ms,
                    expires_at_ms=now_ms + LIFE_DAYS * DAY_MS,
                )
            )
            record(session, who.subject, "calendar_opened", who.subject, {}, now_ms)
        return token

    def close(self, who: Principal) -> bool:
        """End the person's address; False if there was none."""
        now_ms = self._clock()
        with self._db.write() as session:
            gone = session.execute(
                delete(CalendarFeed)
                .where(CalendarFeed.subject == who.subject)
                .returning(CalendarFeed.subject)
            ).first()
            if gone is not None:
                record(session, who.subject, "calendar_closed", who.subject, {}, now_ms)
        return gone is not None

    def owner(self, token: str) -> str | None:
        """The person whose calendar an address shows; None for an unknown or expired one."""
        feed = self._feed(token)
        return None if feed is None else feed.subject

    def is_open(self, who: Principal) -> bool:
        """Whether the person has an address in force."""
        with self._db.read() as session:
            found = session.scalar(
                select(CalendarFeed.token_hash).where(
                    CalendarFeed.subject == who.subject,
                    CalendarFeed.expires_at_ms > self._clock(),
                )
            )
        return found is not None

    def read(self, token: str) -> bytes | None:
        """The calendar of an address, from a week ago to 90 days ahead; None for an unknown one."""
        feed = self._feed(token)
        if feed is None:
            return None
        now_ms = self._clock()
        from_ms, to_ms = now_ms - PAST_DAYS * DAY_MS, now_ms + FUTURE_DAYS * DAY_MS
        scope = Scope.of(feed.tenants, ["*"])
        with self._db.read() as session:
            rotas = session.scalars(
                select(Rota).where(of_tenants(scope, Rota.tenant)).limit(MAX_ROTAS)
            ).all()
            entries = [
                CalendarEntry(
                    f"{row.rota_id}-{duty.starts_at_ms}",
                    row.name,
                    row.district,
                    duty.starts_at_ms,
                    duty.ends_at_ms,
                )
                for row in rotas
                for duty in duties_of(session, [row], from_ms, to_ms)[row.rota_id]
                if duty.member.responder == feed.subject
            ]
            shifts = session.scalars(
                select(Shift)
                .where(
                    Shift.responder == feed.subject,
                    of_tenants(scope, Shift.tenant),
                    Shift.starts_at_ms < to_ms,
                    Shift.ends_at_ms > from_ms,
                )
                .limit(MAX_SHIFTS)
            )
            entries += [
                CalendarEntry(
                    row.shift_id, row.team, row.district, row.starts_at_ms, row.ends_at_ms
                )
                for row in shifts
            ]
        language: Literal["zh", "en"] = "en" if feed.language == "en" else "zh"
        return calendar_file(entries, language, now_ms)

    def _feed(self, token: str) -> CalendarFeed | None:
        with self._db.read() as session:
            feed = session.get(CalendarFeed, token_hash(token))
        return None if feed is None or feed.expires_at_ms <= self._clock() else feed
