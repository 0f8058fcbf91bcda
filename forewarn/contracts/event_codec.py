"""Bytes to events and back, with a dead-letter reason for everything that does not fit."""

import re
from typing import TypeVar

import msgspec

from forewarn.contracts.call import CallEvent
from forewarn.contracts.event import SCHEMA_VERSION
from forewarn.contracts.lenient_decoder import plain_call, plain_transfer
from forewarn.contracts.outcome import Outcome
from forewarn.contracts.transfer import Transfer
from forewarn.errors import ContractError

MAX_EVENT_BYTES = 16_384
"""Longest accepted record; the longest honest event is under 1,000 bytes."""

T = TypeVar("T")

_calls: msgspec.json.Decoder[CallEvent] = msgspec.json.Decoder(CallEvent)
_transfers = msgspec.json.Decoder(Transfer)
_outcomes = msgspec.json.Decoder(Outcome)
_encoder = msgspec.json.Encoder()


class _Envelope(msgspec.Struct):
    """The two fields that explain why the rest may not fit."""

    type: str | None = None
    schema_version: int = SCHEMA_VERSION


_envelopes = msgspec.json.Decoder(_Envelope)


def encode(event: msgspec.Struct) -> bytes:
    """Encode an event as JSON bytes."""
    return _encoder.encode(event)


def decode_call(value: bytes | None) -> CallEvent:
    """Decode a record of the ``calls`` topic.

    Raises:
        ContractError: with the dead-letter reason.
    """
    plain = plain_call(value) if value and len(value) <= MAX_EVENT_BYTES else None
    return _decode(_calls, value) if plain is None else plain


def decode_transfer(value: bytes | None) -> Transfer:
    """Decode a record of the ``transfers`` topic; raises ContractError."""
    plain = plain_transfer(value) if value and len(value) <= MAX_EVENT_BYTES else None
    return _decode(_transfers, value) if plain is None else plain


def decode_outcome(value: bytes | None) -> Outcome:
    """Decode a record of the ``outcomes`` topic; raises ContractError."""
    return _decode(_outcomes, value)


def _decode(decoder: msgspec.json.Decoder[T], value: bytes | None) -> T:
    if not value:
        raise ContractError("the record has no value", reason="empty")
    if len(value) > MAX_EVENT_BYTES:
        raise ContractError(f"{len(value)} bytes, at most {MAX_EVENT_BYTES}", reason="too_large")
    try:
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        raise ContractError(str(error), reason=_why_invalid(value, str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ContractError(str(error), reason="not_json") from None


_TIME_OUT_OF_BOUNDS = re.compile(r"Expected `int` [<>]=.* - at `\$\.\w+_(?:at|time)_ms`")
_AMOUNT_OUT_OF_BOUNDS = re.compile(r"Expected `int` [<>]=.* - at `\$\.amount_minor`")


def _why_invalid(value: bytes, error: str) -> str:
    """Distinguish a newer schema, an unknown type, and times and amounts out of bounds from other wrong fields."""
    try:
        envelope = _envelopes.decode(value)
    except msgspec.MsgspecError:
        return "invalid_field"
    if envelope.schema_version != SCHEMA_VERSION:
        return "schema_version"
    known = {"call_started", "call_ended", "line_changed", "transfer", "outcome"}
    if envelope.type not in known:
        return "unknown_type"
    if _AMOUNT_OUT_OF_BOUNDS.match(error):
        return "impossible_amount"
    return "impossible_time" if _TIME_OUT_OF_BOUNDS.match(error) else "invalid_field"
