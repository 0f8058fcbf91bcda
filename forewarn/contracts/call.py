"""Events of the ``calls`` topic: a call starts, a call ends, a line setting changes.

Start and end are separate events, because a CDR written at the end of the call arrives too late
to help someone who is still on the line.
"""

from typing import Annotated, Literal

import msgspec

from forewarn.contracts.event import Event, EventMs, Identifier, Phone

Direction = Literal["inbound", "outbound"]
"""Seen from the subscriber: ``inbound`` means that the subscriber is the callee."""

Attestation = Literal["A", "B", "C", "none"]
"""STIR/SHAKEN attestation of the calling number (RFC 8588); ``none`` where not signed."""

Caller = Phone | None
"""The number that called. ``null`` says that it was withheld or not transmitted: that is evidence, and it
stands for no particular party, so no history is kept under it. The field itself has to be there."""

DurationMs = Annotated[int, msgspec.Meta(ge=0, le=7 * 86_400_000)]


class CallStarted(Event, frozen=True, kw_only=True, tag_field="type", tag="call_started"):
    """The called party answered (or the network set the call up); the call is open from now."""

    call_id: Identifier
    direction: Direction
    caller: Caller
    callee: Phone
    attestation: Attestation = "none"
    device: str = ""


class CallEnded(Event, frozen=True, kw_only=True, tag_field="type", tag="call_ended"):
    """The call detail record (CDR): also sent for unanswered calls."""

    call_id: Identifier
    direction: Direction
    caller: Caller
    callee: Phone
    started_at_ms: EventMs
    duration_ms: DurationMs
    answered: bool
    attestation: Attestation = "none"
    device: str = ""


class LineChanged(Event, frozen=True, kw_only=True, tag_field="type", tag="line_changed"):
    """Call forwarding or do-not-disturb was switched on or off for the subscriber's line."""

    setting: Literal["call_forwarding", "do_not_disturb"]
    active: bool
    forwarded_to: Phone | None = None


CallEvent = CallStarted | CallEnded | LineChanged
