"""Messages of the ``dead-letters`` topic: what was rejected, why, and the bytes as received."""

from typing import Literal

import msgspec

DeadLetterReason = Literal[
    "not_json",
    "unknown_type",
    "schema_version",
    "invalid_field",
    "key_mismatch",
    "empty",
    "too_large",
    "from_the_future",
    "too_old",
    "bad_row",
    "processing_failed",
]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="dead_letter"):
    """A rejected record; ``key`` and ``value`` are base64 of the bytes as received.

    Of a key or value longer than 256 KiB it is the beginning; the rest is in the source topic.
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
