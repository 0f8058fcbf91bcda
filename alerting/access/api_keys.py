"""API keys of services: shown once when made, stored as a hash, limited in time and scope.

A key reads ``fwk_<id>_<secret>``: the id finds the row and names the key in the audit log, the
prefix lets secret scanners recognise one that was leaked.
"""

import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from alerting.access.grants import Grants
from alerting.access.principal import Principal
from alerting.access.scope import EVERYTHING, Scope
from alerting.access.sessions import token_hash
from alerting.cases import history
from alerting.cases.history import AuditEntry
from alerting.cases.history.audit_actions import AuditAction
from alerting.db.access_tables import api_keys
from alerting.db.database import Database

PREFIX = "fwk_"
DAY_MS = 86_400_000

REMEMBERED_MS = 1_000
"""How long a key that was checked stands without the database: so long a revocation takes to reach other replicas.

A source that sends 200 warnings a second would ask for its key's row as often.
"""

MAX_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key as listed: all but its secret."""

    key_id: str
    name: str
    grants: Grants
    created_by: str
    created_at_ms: int
    expires_at_ms: int
    revoked_at_ms: int | None


class KeyStore:
    """API keys in the database.

    Args:
        database: where ``access_api_keys`` is.
        bootstrap: one whole key from the settings that is valid without a row (role service,
            everything in scope), so that a fresh installation can be driven; empty for none.
    """

    def __init__(self, database: Database, *, bootstrap: str = "") -> None:
        self._database = database
        self._bootstrap_hash = token_hash(bootstrap) if bootstrap else None
        self._lock = threading.Lock()
        self._checked: OrderedDict[str, tuple[Principal, int]] = OrderedDict()
        self._revocations = 0

    def create(
        self, *, name: str, grants: Grants, created_by: str, days: int, now_ms: int
    ) -> tuple[KeyInfo, str]:
        """Make a key, and record it; the second value is the key itself and cannot be had again."""
        key_id, secret = secrets.token_hex(6), secrets.token_hex(32)
        info = KeyInfo(
            key_id=key_id,
            name=name,
            grants=grants,
            created_by=created_by,
            created_at_ms=now_ms,
            expires_at_ms=now_ms + days * DAY_MS,
            revoked_at_ms=None,
        )
        with self._database.write() as transaction:
            transaction.execute(
                insert(api_keys).values(
                    key_id=key_id,
                    name=name,
                    secret_hash=token_hash(secret),
                    grants=grants.to_json(),
                    created_by=created_by,
                    created_at_ms=now_ms,
                    expires_at_ms=info.expires_at_ms,
                )
            )
            tenants, districts = grants.scope.lists()
            detail = {
                "purpose": sorted(grants.roles),
                "tenants": tenants,
                "districts": districts,
                "days": days,
            }
            self._record(transaction, created_by, "access.key_made", key_id, detail, now_ms)
        return info, f"{PREFIX}{key_id}_{secret}"

    def remembered(self, key: str, now_ms: int) -> Principal | None:
        """Who a key stands for that needs no look at the database; None says nothing about it."""
        hashed = token_hash(key)
        if self._bootstrap_hash and hmac.compare_digest(hashed, self._bootstrap_hash):
            return _BOOTSTRAP
        with self._lock:
            principal, at_ms = self._checked.get(hashed, (None, 0))
        return principal if 0 <= now_ms - at_ms < REMEMBERED_MS else None

    def check(self, key: str, now_ms: int) -> Principal | None:
        """Who the key stands for, or None if it is unknown, expired or revoked."""
        known = self.remembered(key, now_ms)
        if known is not None or not key.startswith(PREFIX):
            return known
        key_id, _, secret = key.removeprefix(PREFIX).partition("_")
        with self._lock:
            generation = self._revocations
        row = self._alive(key_id, now_ms)
        if row is None or not hmac.compare_digest(row.secret_hash, token_hash(secret)):
            return None
        principal = _principal(row)
        self._remember(token_hash(key), principal, now_ms, generation)
        return principal

    def still(self, principal: Principal, now_ms: int) -> Principal | None:
        """The principal of a key that was checked before, or None once it is over."""
        if principal is _BOOTSTRAP:
            return principal
        row = self._alive(principal.subject.removeprefix("key:"), now_ms)
        return None if row is None else _principal(row)

    def revoke(self, key_id: str, *, within: Scope, by: str, now_ms: int) -> bool:
        """End a key, and record it; False if none of that id is alive within the scope."""
        alive = (api_keys.c.key_id == key_id, api_keys.c.revoked_at_ms.is_(None))
        with self._database.write() as transaction:
            statement = self._database.for_update(select(api_keys.c.grants).where(*alive))
            grants = transaction.scalar(statement)
            if grants is None or not within.covers(Grants.from_json(grants).scope):
                return False
            transaction.execute(update(api_keys).where(*alive).values(revoked_at_ms=now_ms))
            self._record(transaction, by, "access.key_revoked", key_id, {}, now_ms)
        with self._lock:
            self._revocations += 1
            self._checked.clear()
        return True

    def all(self, within: Scope) -> Sequence[KeyInfo]:
        """Every key whose scope lies within this one, newest first."""
        with self._database.read() as transaction:
            rows = transaction.execute(select(api_keys).order_by(api_keys.c.created_at_ms.desc()))
            found = [
                KeyInfo(
                    key_id=row.key_id,
                    name=row.name,
                    grants=Grants.from_json(row.grants),
                    created_by=row.created_by,
                    created_at_ms=row.created_at_ms,
                    expires_at_ms=row.expires_at_ms,
                    revoked_at_ms=row.revoked_at_ms,
                )
                for row in rows
            ]
        return [key for key in found if within.covers(key.grants.scope)]

    def _remember(self, hashed: str, principal: Principal, now_ms: int, revocations: int) -> None:
        """Remember a key, unless one was revoked since its row was read."""
        with self._lock:
            if revocations != self._revocations:
                return
            self._checked[hashed] = (principal, now_ms)
            self._checked.move_to_end(hashed)
            while len(self._checked) > MAX_REMEMBERED:
                self._checked.popitem(last=False)

    def _alive(self, key_id: str, now_ms: int) -> Any:
        statement = select(api_keys).where(
            api_keys.c.key_id == key_id,
            api_keys.c.revoked_at_ms.is_(None),
            api_keys.c.expires_at_ms > now_ms,
        )
        with self._database.read() as transaction:
            return transaction.execute(statement).one_or_none()

    def _record(
        self,
        transaction: Session,
        actor: str,
        action: AuditAction,
        key_id: str,
        detail: dict[str, Any],
        now_ms: int,
    ) -> None:
        entry = AuditEntry(now_ms, actor, action, f"key:{key_id}", detail)
        history.append(transaction, [entry])


def _principal(row: Any) -> Principal:
    grants = Grants.from_json(row.grants)
    return Principal(f"key:{row.key_id}", row.name, grants.roles, grants.scope, "api_key")


_BOOTSTRAP = Principal("key:settings", "service", frozenset({"service"}), EVERYTHING, "api_key")
