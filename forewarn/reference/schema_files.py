"""``docs/schemas/*.json``: the event contracts as JSON Schema, from the structs."""

import json
from typing import Any

import msgspec

from forewarn.contracts import DeadLetter, FraudWarning, Outcome, ScoreBlock, Transfer
from forewarn.contracts.call import CallEvent
from forewarn.contracts.list_entry import ListEntry
from forewarn.contracts.payment_answer import PaymentAnswer
from forewarn.contracts.unkept_answer import UnkeptAnswer

TOPICS: dict[str, object] = {
    "calls": CallEvent,
    "transfers": Transfer,
    "outcomes": Outcome,
    "warnings": FraudWarning,
    "scores": ScoreBlock,
    "dead-letters": DeadLetter,
    "lists": ListEntry,
    "answers": PaymentAnswer,
    "unkept-answers": UnkeptAnswer,
}
"""The type of the values on each topic."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_files() -> dict[str, str]:
    """One file a topic: its name and its content."""
    return {f"{topic}.json": _text(topic, kind) for topic, kind in TOPICS.items()}


def _text(topic: str, kind: Any) -> str:
    schema = msgspec.json.schema(kind)
    # What a reader has never heard of is ignored by the decoder, so nothing forbids it here.
    head = {"$schema": DIALECT, "title": f"Values of the topic {topic}"}
    if topic == "scores":
        head["$comment"] = "Encoded as MessagePack, so columns are raw bytes; see docs/scores.md."
    return json.dumps(head | schema, indent=2, ensure_ascii=False) + "\n"
