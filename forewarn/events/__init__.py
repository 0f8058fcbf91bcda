"""The event contracts: what travels on each topic, validated by msgspec.

The structs are the single definition; ``docs/schemas`` is generated from them and checked by a
test.
"""

from forewarn.events.acceptance import Acceptance, accept
from forewarn.events.base import SCHEMA_VERSION, Event
from forewarn.events.calls import CallEnded, CallEvent, CallStarted, LineChanged
from forewarn.events.codec import (
    MAX_EVENT_BYTES,
    decode_call,
    decode_outcome,
    decode_transfer,
    encode,
)
from forewarn.events.deadletters import MAX_KEPT_BYTES, DeadLetter, DeadLetterReason, kept
from forewarn.events.outcomes import Disposition, Outcome
from forewarn.events.scores import Score
from forewarn.events.transfers import Transfer
from forewarn.events.warnings import FraudWarning, Reason, Severity, Source, Subject, Typology

__all__ = [
    "MAX_EVENT_BYTES",
    "MAX_KEPT_BYTES",
    "SCHEMA_VERSION",
    "Acceptance",
    "CallEnded",
    "CallEvent",
    "CallStarted",
    "DeadLetter",
    "DeadLetterReason",
    "Disposition",
    "Event",
    "FraudWarning",
    "LineChanged",
    "Outcome",
    "Reason",
    "Score",
    "Severity",
    "Source",
    "Subject",
    "Transfer",
    "Typology",
    "accept",
    "decode_call",
    "decode_outcome",
    "decode_transfer",
    "encode",
    "kept",
]
