"""Which records are events.

A worker sets aside what does not decode, what is filed under another key, what comes from the
future, and transfers in another currency than the installation's, whose amounts nothing may be added
to. A later reader of the topics (an export, a rebuild) has to take the same records for events: one
call dated 2096 would push the clocks of everyone concerned forward for good.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from forewarn.contracts.event import Event
from forewarn.contracts.transfer import Transfer
from forewarn.errors import ContractError

E = TypeVar("E", bound=Event)


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """What an installation takes for an event, beyond what the contract says.

    Attributes:
        future_ms: how much later than its append an event may be dated.
        currency: of transfers; ISO 4217.
    """

    future_ms: int
    currency: str = "CNY"


def accept(
    decode: Callable[[bytes | None], E],
    key: bytes | None,
    value: bytes | None,
    *,
    appended_at_ms: int,
    acceptance: Acceptance,
) -> E:
    """The event of a record.

    Args:
        decode: of the record's topic.
        key: of the record; has to be the subscriber.
        value: of the record.
        appended_at_ms: the broker's append time, UTC; the verdict is the same on every reading.
        acceptance: of the installation.

    Raises:
        ContractError: with the dead-letter reason.
    """
    event = decode(value)
    if key is None or key != event.subscriber.encode():
        raise ContractError("the key is not the subscriber", reason="key_mismatch")
    if event.event_time_ms > appended_at_ms + acceptance.future_ms:
        ahead_seconds = (event.event_time_ms - appended_at_ms) // 1000
        raise ContractError(f"{ahead_seconds} s ahead", reason="from_the_future")
    if isinstance(event, Transfer) and event.currency != acceptance.currency:
        raise ContractError(f"{event.currency}, not {acceptance.currency}", reason="other_currency")
    return event
