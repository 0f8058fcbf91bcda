"""Codes of event kinds and the bits of an event's flags, shared by the columns and the kernel."""

from enum import IntEnum
from typing import Final


class EventKind(IntEnum):
    """The kind of an event, as one byte. Outgoing and incoming are from the subscriber's view."""

    CALL_STARTED = 1
    CALL_ENDED = 2
    LINE_CHANGED = 3
    OUT_ATTEMPTED = 4
    OUT_COMPLETED = 5
    OUT_BLOCKED = 6
    OUT_REVERSED = 7
    IN_ATTEMPTED = 8
    IN_COMPLETED = 9
    IN_BLOCKED = 10
    IN_REVERSED = 11
    OUTCOME = 12


KIND_NAMES: Final = ("none", *(kind.name.lower() for kind in EventKind))
"""Name of a kind by its code, as logged with a score."""

INBOUND: Final = 1 << 0
"""The subscriber is the callee."""
ANSWERED: Final = 1 << 1
ATTESTATION_SHIFT: Final = 2
"""Two bits: 0 none, 1 A, 2 B, 3 C (STIR/SHAKEN, RFC 8588)."""
FORWARDING: Final = 1 << 4
"""A line change concerns call forwarding; without the bit, do-not-disturb."""
ACTIVE: Final = 1 << 5
"""The line setting was switched on."""
ACCOUNT: Final = 1 << 6
"""The counterparty is an account; without the bit, a telephone number."""
CONTINUATION: Final = 1 << 7
"""A further row of the same outcome: concerns its counterparty only, not the subscriber."""
PURPOSE_SHIFT: Final = 8
"""Four bits: index into ``PURPOSES``."""
CHANNEL_SHIFT: Final = 12
"""Three bits: index into ``CHANNELS``."""
CONFIRMED: Final = 1 << 15
"""An outcome that confirms fraud (dissuaded or loss)."""
CLEARED: Final = 1 << 16
"""An outcome that clears (false alarm)."""
FOREIGN: Final = 1 << 17
"""The other number is of another country than the subscriber's."""
SHORT_CODE: Final = 1 << 18
"""The other number is a service number of at most six digits."""
REVISION_SHIFT: Final = 22
"""Ten bits: revision of the fact; above 0 it corrects an earlier event."""

PURPOSES: Final = (
    "transfer",
    "purchase",
    "bill",
    "salary",
    "loan",
    "refund",
    "savings_break",
    "cash",
)
CHANNELS: Final = ("app", "web", "counter", "atm", "pos", "phone")
ATTESTATIONS: Final = ("none", "A", "B", "C")
