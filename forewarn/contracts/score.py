"""Messages of the ``scores`` topic: the training log and the input of the parity check.

Pseudonyms stand for people, numbers and accounts. ``vector`` is the scored feature vector as
base64 of little-endian float32, so that it can be compared bit for bit; ``fingerprint`` says which
catalog gave its order. ``reads`` names the version of every state record that the vector was
computed from, in the order of ``features.entity_keys.ENTITIES``; ``applied`` the version on which the
update of that record landed (left out where nothing of the chunk met a write conflict). With both,
the parity check replays what the worker saw, in the order in which it saw it. Outcomes are logged for
that reason only; where one names several numbers and accounts, three versions follow for each.
"""

from typing import Annotated

import msgspec

from forewarn.contracts.event import EpochMs, Identifier
from forewarn.contracts.fraud_warning import Source

Pseudonym = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$")]


class Score(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="score"
):
    """One scored event."""

    schema_version: int = 1
    event_id: Identifier
    event_time_ms: EpochMs
    subscriber: Pseudonym
    kind: str
    source: Source
    chunk: int
    fingerprint: str
    vector: str
    reads: tuple[int, ...] = ()
    applied: tuple[int, ...] = ()
    probability: float
    challenger_probability: float | None = None
    model_version: str
    challenger_version: str = ""
    policy_version: str
    decision: str
