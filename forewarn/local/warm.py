"""Compile the feature kernel into the cache that all processes of this user share.

``python -m forewarn.local.warm`` runs a handful of events through every path of the engine, so that
neither a worker nor a training compiles anything later: that takes many seconds on a busy machine.
"""

import json
from collections.abc import Mapping

from features.columns import from_events
from features.engine import Engine
from forewarn.events import (
    CallEvent,
    Outcome,
    Transfer,
    decode_call,
    decode_outcome,
    decode_transfer,
)
from forewarn.pseudonyms import Pseudonymiser

_TIME_MS = 1_700_000_000_000
_CALL: dict[str, object] = {
    "call_id": "c",
    "direction": "inbound",
    "caller": "+861380002",
    "callee": "+861380001",
}
_END: dict[str, object] = {"started_at_ms": _TIME_MS, "duration_ms": 0, "answered": True}
_LINE: dict[str, object] = {"setting": "call_forwarding", "active": True}
_MOVE: dict[str, object] = {
    "transfer_id": "t",
    "payer_account": "a",
    "payee_account": "b",
    "amount_minor": 1,
}


def _value(kind: str, fields: Mapping[str, object]) -> bytes:
    head = {"type": kind, "event_id": kind, "event_time_ms": _TIME_MS, "subscriber": "+861380001"}
    return json.dumps({**head, **fields}).encode()


def warm() -> int:
    """Run the engine over its paths; returns the number of vectors computed."""
    closing: dict[str, object] = {"disposition": "false_alarm", "label_time_ms": _TIME_MS}
    events: list[CallEvent | Transfer | Outcome] = [
        decode_call(_value("call_started", _CALL)),
        decode_call(_value("call_ended", _CALL | _END)),
        decode_call(_value("line_changed", _LINE)),
        decode_transfer(_value("transfer", _MOVE | {"status": "attempted"})),
        decode_outcome(_value("outcome", closing)),
    ]
    columns = from_events(
        events, Pseudonymiser(b"only to compile with"), source=0, partition=0, offsets=range(5)
    )
    engine = Engine()
    plan = engine.plan(columns)
    first = engine.run(plan)
    stored = {write.key: write.value for write in first.writes()}
    second = engine.run(plan, [stored.get(key) for key in plan.keys], threads=2)
    shared = [key for key in plan.keys if key in stored]
    for key in shared:
        try:
            engine.reapply(plan, first, key, stored[key])
        except ValueError:
            continue  # a subscriber's record is never applied again
    return len(first.vectors) + len(second.vectors)


if __name__ == "__main__":
    warm()
