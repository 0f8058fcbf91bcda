"""Messages of the ``dead-letters`` topic: what was rejected, why, and the bytes as received."""

import base64
from typing import Literal

import msgspec

MAX_KEPT_BYTES = 262_144
"""Of a rejected key or value: in base64 the largest record would not fit through the broker."""

DeadLetterReason = Literal[
    "not_json",
    "unknown_type",
    "schema_version",
    "invalid_field",
    "impossible_amount",
    "impossible_time",
    "key_mismatch",
    "empty",
    "too_large",
    "from_the_future",
    "other_currency",
    "too_old",
    "bad_row",
    "processing_failed",
    "replayed",
]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="dead_letter"):
    """A rejected record; ``key`` and ``value`` are base64 of the bytes as received.

    Of a key or value longer than 256 KiB it is the beginning; the rest is in the source topic.
    The reason ``replayed`` marks that everything before ``offset`` of this topic was sent again
    or passed over; such a marker is younger than what it covers, so it outlives it.
    """

    schema_version: int = 1
    reason: DeadLetterReason
    detail: str
    topic: str
    partition: int
    offset: int
    appended_at_ms: int
    rejected_at_ms: int
    key: str
    value: str


def kept(data: bytes | None) -> str:
    """A key or value as a dead letter holds it."""
    return base64.b64encode((data or b"")[:MAX_KEPT_BYTES]).decode()
