"""Idempotency keys: a request that is repeated with its key gets the first answer again."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from alerting.db.journal_tables import IdempotencyKey
from alerting.service_errors import ConflictError
from forewarn.platform.clock import Clock


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A status and its JSON body."""

    status: int
    body: dict[str, Any]


Keyed = tuple[str, str, str]
"""A principal, their idempotency key, and the digest of the request."""


class IdempotencyStore:
    """Answers by principal and key. Keys are kept until the retention job removes them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def find(
        self, session: Session, keyed: Sequence[Keyed]
    ) -> dict[Keyed, StoredAnswer | ConflictError]:
        """The answers that were given before; a conflict where the key was for another request."""
        if not keyed:
            return {}
        wanted = {(principal, key) for principal, key, _ in keyed}
        names = tuple_(IdempotencyKey.principal, IdempotencyKey.key)
        rows = {
            (row.principal, row.key): row
            for row in session.scalars(select(IdempotencyKey).where(names.in_(sorted(wanted))))
        }
        found: dict[Keyed, StoredAnswer | ConflictError] = {}
        for principal, key, digest in keyed:
            row = rows.get((principal, key))
            if row is not None:
                same = row.request_digest == digest
                answer = StoredAnswer(row.status, row.response)
                found[principal, key, digest] = answer if same else _reused()
        return found

    def keep(self, session: Session, answers: Sequence[tuple[str, str, str, StoredAnswer]]) -> None:
        """Store answers; of two requests at the same time the first one's stays."""
        if not answers:
            return
        dialect = session.get_bind().dialect.name
        insert = postgresql_insert if dialect == "postgresql" else sqlite_insert
        rows = {
            (principal, key): {
                "principal": principal,
                "key": key,
                "request_digest": digest,
                "status": answer.status,
                "response": answer.body,
                "created_at_ms": self._clock(),
            }
            for principal, key, digest, answer in reversed(answers)
        }
        statement = insert(IdempotencyKey.__table__).on_conflict_do_nothing()  # type: ignore[arg-type]
        session.execute(statement, [rows[name] for name in sorted(rows)])


def digest_of_request(request: bytes) -> str:
    """What tells one request from another under the same key."""
    return hashlib.sha256(request).hexdigest()


def _reused() -> ConflictError:
    return ConflictError(
        "This idempotency key was used for another request.",
        code="idempotency_key_reused",
        hint="Use a new key for a new request.",
    )
