"""Fields that all events share: schema version, times, and the bounds of identifiers.

Times are event times in UTC milliseconds since 1970. Money is an integer in minor units (fen,
cents) with an ISO 4217 currency. The *subscriber* is the protected person's phone number in
E.164 form and the key of every topic, so that all that concerns one person is in one partition.
"""

from typing import Annotated, Literal

import msgspec

SCHEMA_VERSION = 1

Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
"""An opaque identifier given by the source: printable ASCII, 1 to 64 characters."""

Phone = Annotated[
    str,
    msgspec.Meta(
        min_length=3, max_length=20, pattern=r"^\+?[0-9]+$", description="E.164 or a short code"
    ),
]
"""A telephone number as the network shows it: E.164, or a short code such as 96110."""

Account = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
"""A bank account, card or wallet identifier."""

EARLIEST_MS = 946_684_800_000
"""2000-01-01T00:00:00Z. Whatever is earlier was no time: 0 for never, or seconds taken for milliseconds.
One such event would make a stranger an acquaintance of half a century."""

LATEST_MS = 4_102_444_800_000
"""2100-01-01T00:00:00Z: microseconds taken for milliseconds lie far behind it."""

EpochMs = Annotated[int, msgspec.Meta(ge=0, le=LATEST_MS, description="UTC milliseconds")]
"""UTC milliseconds since 1970, up to the year 2100."""

EventMs = Annotated[
    int, msgspec.Meta(ge=EARLIEST_MS, le=LATEST_MS, description="UTC milliseconds, 2000 to 2100")
]
"""UTC milliseconds since 1970 of something that a source reports, from the year 2000 up to 2100."""

AmountMinor = Annotated[
    int, msgspec.Meta(ge=0, le=10**13, description="integer minor units (fen, cents)")
]
"""Money in minor units; 10**13 fen is a hundred thousand million yuan, more is a mistake."""

MovedMinor = Annotated[
    int, msgspec.Meta(ge=1, le=10**13, description="integer minor units (fen, cents), at least one")
]
"""Money that a transfer moves. Nothing is no transfer: it would be a new payee and lift the stage of a victim."""

Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$", description="ISO 4217")]
Tenant = Annotated[str, msgspec.Meta(max_length=32, pattern=r"^[a-z0-9-]*$")]
District = Annotated[str, msgspec.Meta(max_length=12, pattern=r"^[0-9A-Za-z-]*$")]


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The fields of every event.

    ``event_id`` is unique per fact and the same in every redelivery of it. A *correction* of an
    earlier event carries the same ``call_id`` or ``transfer_id`` and a higher ``revision``.
    """

    schema_version: Literal[1] = 1
    event_id: Identifier
    event_time_ms: EventMs
    subscriber: Phone
    tenant: Tenant = "default"
    district: District = ""
    revision: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
