"""Sessions: what a browser holds after signing in.

A token is issued at sign-in and never taken from the request, so a planted one is worth nothing.
It is replaced every quarter of an hour; the old one lives on for a few seconds, because a page has
several requests under way. Sessions end when idle, when their whole life is over, at sign-out, and
when the person or their password is no longer what it was.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, insert, select, update

from alerting.access.grants import Grants
from alerting.db.access_tables import sessions
from alerting.db.database import Database

_SEEN_STEP_MS = 60_000  # a page that polls would otherwise write at every request


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long sessions live."""

    idle_seconds: int = 30 * 60
    life_seconds: int = 12 * 3600  # one shift
    rotate_seconds: int = 15 * 60
    overlap_seconds: int = 30  # for requests under way with the token just replaced


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is alive; ``token`` is set only where it was just issued.

    ``family`` names the sign-in, whichever of its tokens is in use, and is not secret.
    """

    subject: str
    name: str
    grants: Grants
    credential: str
    csrf_token: str
    family: str
    signed_in_at_ms: int
    seen_at_ms: int
    token: str | None = None


def token_hash(token: str) -> str:
    """How a token or key secret is stored and looked up."""
    return hashlib.sha256(token.encode()).hexdigest()


class SessionStore:
    """Sessions in the database, so that every replica knows them."""

    def __init__(self, database: Database, limits: SessionLimits) -> None:
        self._database = database
        self._limits = limits

    def open(
        self, *, subject: str, name: str, grants: Grants, credential: str, now_ms: int
    ) -> Session:
        """Start a session with a fresh token and purge those that are over."""
        session = Session(
            subject=subject,
            name=name,
            grants=grants,
            credential=credential,
            csrf_token=secrets.token_urlsafe(32),
            family=secrets.token_hex(16),
            signed_in_at_ms=now_ms,
            seen_at_ms=now_ms,
            token=secrets.token_urlsafe(32),
        )
        with self._database.write() as transaction:
            transaction.execute(delete(sessions).where(sessions.c.expires_at_ms <= now_ms))
            transaction.execute(insert(sessions).values(self._row(session, now_ms, now_ms)))
        return session

    def find(self, token: str, now_ms: int) -> Session | None:
        """The session of a token if it is alive, with a new ``token`` if it was due for one."""
        with self._database.read() as transaction:
            row = transaction.execute(
                select(sessions).where(sessions.c.token_hash == token_hash(token))
            ).one_or_none()
        if row is None or not self._alive(row, now_ms):
            return None
        session = _session(row)
        if now_ms - row.issued_at_ms >= self._limits.rotate_seconds * 1000:
            return self._rotate(row, session, now_ms)
        if now_ms - row.seen_at_ms >= _SEEN_STEP_MS:
            with self._database.write() as transaction:
                transaction.execute(
                    update(sessions)
                    .where(sessions.c.token_hash == row.token_hash)
                    .values(seen_at_ms=now_ms)
                )
        return session

    def still(self, family: str, now_ms: int) -> Session | None:
        """The session of one sign-in, if it is alive; asking does not count as use and renews nothing."""
        statement = (
            select(sessions)
            .where(sessions.c.family == family)
            .order_by(sessions.c.seen_at_ms.desc(), sessions.c.expires_at_ms.desc())
            .limit(1)
        )
        with self._database.read() as transaction:
            row = transaction.execute(statement).first()
        return _session(row) if row is not None and self._alive(row, now_ms) else None

    def alive(self, now_ms: int, *, limit: int = 1000) -> list[Session]:
        """Sessions that have not ended, those seen last first."""
        since_ms = now_ms - self._limits.idle_seconds * 1000
        statement = (
            select(sessions)
            .where(sessions.c.expires_at_ms > now_ms, sessions.c.seen_at_ms > since_ms)
            .order_by(sessions.c.seen_at_ms.desc())
            .limit(limit)
        )
        with self._database.read() as transaction:
            return [_session(row) for row in transaction.execute(statement)]

    def names_of(self, subjects: Iterable[str]) -> dict[str, str]:
        """The names under which these subjects signed in, where a session of theirs is kept."""
        wanted = sorted(subjects)
        if not wanted:
            return {}
        statement = select(sessions.c.subject, sessions.c.name).where(
            sessions.c.subject.in_(wanted)
        )
        with self._database.read() as transaction:
            return {row.subject: row.name for row in transaction.execute(statement)}

    def close(self, family: str) -> None:
        """End one sign-in, whichever of its tokens is in use."""
        with self._database.write() as transaction:
            transaction.execute(delete(sessions).where(sessions.c.family == family))

    def close_all(self, subject: str) -> None:
        """End every session of a person."""
        with self._database.write() as transaction:
            transaction.execute(delete(sessions).where(sessions.c.subject == subject))

    def _alive(self, row: Any, now_ms: int) -> bool:
        idle_ms = now_ms - row.seen_at_ms
        return bool(now_ms < row.expires_at_ms and idle_ms < self._limits.idle_seconds * 1000)

    def _rotate(self, row: Any, session: Session, now_ms: int) -> Session:
        """Issue the next token; of two requests that come at once only one does."""
        overlap_ends_ms = min(row.expires_at_ms, now_ms + self._limits.overlap_seconds * 1000)
        fresh = replace(session, token=secrets.token_urlsafe(32))
        with self._database.write() as transaction:
            won = transaction.execute(
                update(sessions)
                .where(
                    sessions.c.token_hash == row.token_hash,
                    sessions.c.issued_at_ms == row.issued_at_ms,
                )
                # Issued in this moment as far as rotation goes, so that the old token is not the
                # start of a second line of tokens while it still lives.
                .values(issued_at_ms=now_ms, seen_at_ms=now_ms, expires_at_ms=overlap_ends_ms)
                .returning(sessions.c.token_hash)
            ).first()
            if won is None:
                return session
            transaction.execute(
                insert(sessions).values(self._row(fresh, row.signed_in_at_ms, now_ms))
            )
        return fresh

    def _row(self, session: Session, signed_in_at_ms: int, now_ms: int) -> dict[str, object]:
        assert session.token is not None  # noqa: S101  (a programmer's error, not an input's)
        return {
            "token_hash": token_hash(session.token),
            "family": session.family,
            "subject": session.subject,
            "name": session.name,
            "grants": session.grants.to_json(),
            "credential": session.credential,
            "csrf_token": session.csrf_token,
            "signed_in_at_ms": signed_in_at_ms,
            "issued_at_ms": now_ms,
            "seen_at_ms": now_ms,
            "expires_at_ms": signed_in_at_ms + self._limits.life_seconds * 1000,
        }


def _session(row: Any) -> Session:
    return Session(
        subject=row.subject,
        name=row.name,
        grants=Grants.from_json(row.grants),
        credential=row.credential,
        csrf_token=row.csrf_token,
        family=row.family,
        signed_in_at_ms=row.signed_in_at_ms,
        seen_at_ms=row.seen_at_ms,
    )
