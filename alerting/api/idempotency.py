"""Idempotency keys: a request that is repeated with its key gets the first answer again."""

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError

from alerting.clock import Clock
from alerting.db.engine import Database
from alerting.db.journal import IdempotencyKey
from alerting.errors import ConflictError


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and its JSON body."""

    status: int
    body: dict[str, Any]


class IdempotencyStore:
    """Answers by principal and key. Keys are kept until the retention job removes them."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def find(self, principal: str, key: str, request: bytes) -> Answer | None:
        """The answer that was given before, if any.

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
        return Answer(row.status, row.response)

    def keep(self, principal: str, key: str, request: bytes, answer: Answer) -> None:
        """Remember an answer; of two requests at the same time the first one's stays."""
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
            return  # the requests themselves are harmless to repeat; see apply_warnings


def _digest(request: bytes) -> str:
    return hashlib.sha256(request).hexdigest()
