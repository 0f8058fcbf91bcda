"""Pauses after failed sign-ins, counted in the database so that they hold over all replicas.

Two counters: one for a name from one address, which pauses soon, and one for the name from
anywhere, which pauses late, so that a stranger cannot easily keep a responder out by failing in
their name. Names and addresses are stored as hashes only. A pause doubles with every further
failure up to a quarter of an hour, and is over after a day without any.
"""

import hashlib
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from alerting.db.access_tables import failures
from alerting.db.database import Database


@dataclass(frozen=True, slots=True)
class LockoutPolicy:
    """After how many failures in a row signing in pauses, and for how long."""

    failures_from_one_address: int = 5
    failures_from_anywhere: int = 50
    first_pause_seconds: int = 30
    longest_pause_seconds: int = 15 * 60
    forget_seconds: int = 24 * 3600


def pause_seconds(count: int, threshold: int, policy: LockoutPolicy) -> int:
    """How long to pause after the ``count``-th failure in a row."""
    if count < threshold:
        return 0
    doublings = min(count - threshold, 20)  # bounds the integer, far beyond the longest pause
    return int(min(policy.first_pause_seconds << doublings, policy.longest_pause_seconds))


class Lockout:
    """Counts failures and says whether a name may try now."""

    def __init__(self, database: Database, policy: LockoutPolicy) -> None:
        self._database = database
        self._policy = policy

    def locked(self, name: str, address: str, now_ms: int) -> bool:
        """Whether the name is paused, from this address or from everywhere."""
        keys = [key for key, _ in self._keys(name, address)]
        with self._database.read() as transaction:
            found = transaction.execute(
                select(failures.c.key_hash).where(
                    failures.c.key_hash.in_(keys), failures.c.locked_until_ms > now_ms
                )
            ).first()
        return found is not None

    def failed(self, name: str, address: str, now_ms: int) -> None:
        """Count a failure; forgets old ones first, which bounds the table."""
        cutoff_ms = now_ms - self._policy.forget_seconds * 1000
        keys = self._keys(name, address)
        with self._database.write() as transaction:
            self._database.lock(transaction, [key for key, _ in keys])
            transaction.execute(delete(failures).where(failures.c.last_at_ms <= cutoff_ms))
            for key, threshold in keys:
                self._count(transaction, key, threshold, now_ms)

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of this name from this address."""
        key, _ = self._keys(name, address)[0]
        with self._database.write() as transaction:
            transaction.execute(delete(failures).where(failures.c.key_hash == key))

    def _count(self, transaction: Session, key: str, threshold: int, now_ms: int) -> None:
        before = transaction.execute(
            select(failures.c.count).where(failures.c.key_hash == key)
        ).scalar_one_or_none()
        count = (before or 0) + 1
        values = {
            "count": count,
            "last_at_ms": now_ms,
            "locked_until_ms": now_ms + pause_seconds(count, threshold, self._policy) * 1000,
        }
        if before is None:
            transaction.execute(insert(failures).values(key_hash=key, **values))
        else:
            transaction.execute(update(failures).where(failures.c.key_hash == key).values(**values))

    def _keys(self, name: str, address: str) -> list[tuple[str, int]]:
        policy = self._policy
        return [
            (_hash(f"{name}\n{address}"), policy.failures_from_one_address),
            (_hash(name), policy.failures_from_anywhere),
        ]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
