"""The event contracts: what travels on each topic, validated by msgspec.

The structs are the single definition; ``docs/schemas`` is generated from them and checked by a
test.
"""

from forewarn.contracts.acceptance import Acceptance, accept
from forewarn.contracts.call import CallEnded, CallEvent, CallStarted, LineChanged
from forewarn.contracts.dead_letter import MAX_KEPT_BYTES, DeadLetter, DeadLetterReason, kept
from forewarn.contracts.event import EARLIEST_MS, LATEST_MS, SCHEMA_VERSION, Event
from forewarn.contracts.event_codec import (
    MAX_EVENT_BYTES,
    decode_call,
    decode_outcome,
    decode_transfer,
    encode,
)
from forewarn.contracts.fraud_warning import (
    FraudWarning,
    Reason,
    Severity,
    Source,
    Subject,
    Typology,
)
from forewarn.contracts.outcome import Disposition, Outcome
from forewarn.contracts.score import Score
from forewarn.contracts.score_block import ScoreBlock, decode_scores
from forewarn.contracts.transfer import Transfer

__all__ = [
    "EARLIEST_MS",
    "LATEST_MS",
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
    "ScoreBlock",
    "Severity",
    "Source",
    "Subject",
    "Transfer",
    "Typology",
    "accept",
    "decode_call",
    "decode_outcome",
    "decode_scores",
    "decode_transfer",
    "encode",
    "kept",
]
