"""Which records are events.

A worker sets aside what does not decode, what is filed under another key, and what comes from the
future. Whoever reads the topics later (an export, a rebuild) has to take the same records for
events: one call dated 2096 would push the clocks of everyone concerned forward for good.
"""

from collections.abc import Callable
from typing import TypeVar

from forewarn.errors import ContractError
from forewarn.events.base import Event

E = TypeVar("E", bound=Event)


def accept(
    decode: Callable[[bytes | None], E],
    key: bytes | None,
    value: bytes | None,
    *,
    appended_at_ms: int,
    future_ms: int,
) -> E:
    """The event of a record.

    Args:
        decode: of the record's topic.
        key: of the record; has to be the subscriber.
        value: of the record.
        appended_at_ms: the broker's append time, UTC; the verdict is the same on every reading.
        future_ms: how much later than its append an event may be dated.

    Raises:
        ContractError: with the dead-letter reason.
    """
    event = decode(value)
    if key is None or key != event.subscriber.encode():
        raise ContractError("the key is not the subscriber", reason="key_mismatch")
    if event.event_time_ms > appended_at_ms + future_ms:
        ahead_seconds = (event.event_time_ms - appended_at_ms) // 1000
        raise ContractError(f"{ahead_seconds} s ahead", reason="from_the_future")
    return event
