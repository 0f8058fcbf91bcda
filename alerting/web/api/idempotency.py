"""Idempotency keys: a request that is repeated with its key gets the first answer again."""

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError

from alerting.db.database import Database
from alerting.db.journal_tables import IdempotencyKey
from alerting.service_errors import ConflictError
from forewarn.platform.clock import Clock


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A status and its JSON body."""

    status: int
    body: dict[str, Any]


class IdempotencyStore:
    """Answers by principal and key. Keys are kept until the retention job removes them."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def find(self, principal: str, key: str, request: bytes) -> StoredAnswer | None:
        """The answer that was given before, or None.

        Raises:
            ConflictError: the key was used for another request.
        """
        with self._db.read() as session:
            row = session.get(IdempotencyKey, (principal, key))
        if row is None:
            return None
        if row.request_digest != _digest(request):
            raise ConflictError(
                "This idempotency key was used for another request.",
                code="idempotency_key_reused",
                hint="Use a new key for a new request.",
            )
        return StoredAnswer(row.status, row.response)

    def keep(self, principal: str, key: str, request: bytes, answer: StoredAnswer) -> None:
        """Store an answer; of two requests at the same time the first one's stays."""
        try:
            with self._db.write() as session:
                session.add(
                    IdempotencyKey(
                        principal=principal,
                        key=key,
                        request_digest=_digest(request),
                        status=answer.status,
                        response=answer.body,
                        created_at_ms=self._clock(),
                    )
                )
        except IntegrityError:
            return  # repeating the request is harmless, see apply_warnings


def _digest(request: bytes) -> str:
    return hashlib.sha256(request).hexdigest()
