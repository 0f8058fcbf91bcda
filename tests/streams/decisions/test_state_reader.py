"""What is read of a line or tried with a payment is what the state says, and changes nothing."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from features.catalog import CATALOG
from features.engine import Engine
from features.event_columns import concat, from_events
from features.store.state_store import lost
from forewarn.contracts import CallEnded, CallStarted, LineChanged, encode
from forewarn.errors import DependencyUnavailableError
from forewarn.platform.pseudonyms import Pseudonymiser
from models.policy import DEFAULT_POLICY, Lists, PolicyFile
from streams.decisions.line_status import line_status
from streams.decisions.state_reader import StateReader
from streams.model.bundle import ModelBundle
from tests.streams.decisions.bank import NOW_MS, payment

KEY = Pseudonymiser(b"a key that only tests use")
PERSON, CALLER, FORWARD = "+8613800000001", "+8613900000009", "+8613900000777"
MINUTE_MS = 60_000


class Scorer:
    """Says 0.25 of everything."""

    version = "m1"
    features = CATALOG.names

    def predict(self, vectors: Any, kinds: Any) -> Any:
        return np.full(len(vectors), 0.25)

    def typology(self, vectors: Any) -> list[str]:
        return ["safe_account"] * len(vectors)

    def contributions(self, vectors: Any, kinds: Any) -> Any:
        found = np.zeros(vectors.shape)
        found[:, CATALOG.slot("on_call_now")] = 1.0
        return found


class Records:
    """A store of records in memory that cannot be written; ``is_open`` as after a start."""

    def __init__(self, records: dict[bytes, bytes], *, lasting: bool = True) -> None:
        self.records = records
        self.lasting = lasting
        self.is_open = False

    async def open(self, *, create: bool) -> str:
        assert not create
        self.is_open = self.lasting
        return "identity"

    async def load(self, keys: Sequence[bytes]) -> list[bytes | None]:
        if not self.is_open:
            raise lost("it was never opened")
        return [self.records.get(key) for key in keys]


def after(*events: Any) -> dict[bytes, bytes]:
    """The records that a worker leaves after these events."""
    engine = Engine(CATALOG)
    columns = concat(
        [
            from_events([event], KEY, source=0, partition=0, offsets=[place])
            for place, event in enumerate(events)
        ]
    )
    result = engine.run(engine.plan(columns))
    return {write.key: write.value for write in result.writes()}


def call(ended: bool = False) -> Any:
    values: dict[str, Any] = {
        "event_id": "c", "subscriber": PERSON, "call_id": "c", "direction": "inbound",
        "caller": CALLER, "callee": PERSON, "event_time_ms": NOW_MS - 30 * MINUTE_MS,
    }  # fmt: skip
    if not ended:
        return CallStarted(**values)
    values["event_time_ms"] = NOW_MS - 10 * MINUTE_MS
    started = NOW_MS - 30 * MINUTE_MS
    return CallEnded(**values, started_at_ms=started, duration_ms=20 * MINUTE_MS, answered=True)


def forwarding() -> LineChanged:
    return LineChanged(
        event_id="l", event_time_ms=NOW_MS - 5 * MINUTE_MS, subscriber=PERSON,
        setting="call_forwarding", active=True, forwarded_to=FORWARD,
    )  # fmt: skip


def reader_of(store: Records) -> StateReader:
    scorer: Any = Scorer()
    bundle = ModelBundle(scorer, PolicyFile(DEFAULT_POLICY, CATALOG.names).current())
    any_store: Any = store
    return StateReader(
        any_store,
        Engine(CATALOG),
        KEY,
        bundle=lambda: bundle,
        lists=Lists(),
        executor=ThreadPoolExecutor(1),
    )


def status(*events: Any) -> Any:
    found = asyncio.run(reader_of(Records(after(*events))).line(PERSON, NOW_MS))
    return line_status(found, NOW_MS)


def test_a_call_that_goes_on_is_said_with_its_minutes_and_never_with_its_number() -> None:
    found = status(call())
    assert (found.known, found.on_call, found.call_minutes) == (True, True, 30.0)
    assert found.caller_suspicion in ("none", "low", "medium", "high")
    text = encode(found).decode()
    assert CALLER not in text
    assert CALLER.removeprefix("+86") not in text


def test_a_talk_that_ended_is_said_with_the_minutes_since() -> None:
    found = status(call(), call(ended=True))
    assert (found.on_call, found.call_minutes, found.minutes_since_call) == (False, None, 10.0)


def test_forwarding_is_said_without_where_to() -> None:
    found = status(forwarding())
    assert (found.call_forwarding, found.line_changed_minutes) == (True, 5.0)
    assert found.last_event_minutes == 5.0
    assert FORWARD.removeprefix("+86") not in encode(found).decode()


def test_nothing_is_said_of_an_unknown_line() -> None:
    found = asyncio.run(reader_of(Records({})).line("+8613800009999", NOW_MS))
    assert line_status(found, NOW_MS).known is False


def test_a_try_changes_nothing_and_gives_the_same_twice() -> None:
    store = Records(after(call()))
    before = dict(store.records)
    reader = reader_of(store)
    first, second = (asyncio.run(reader.try_payment(payment(), NOW_MS)) for _ in range(2))
    assert first == second
    assert store.records == before
    assert (first.decision, first.probability, first.typology) == (
        "challenge",
        0.25,
        "safe_account",
    )
    assert first.line.on_call
    assert [reason.code for reason in first.reasons] == ["on_call_now"]


def test_a_store_without_state_is_unavailable_and_not_an_unknown_line() -> None:
    """A bank must not read an empty Redis as "no call"."""
    with pytest.raises(DependencyUnavailableError, match="no state"):
        asyncio.run(reader_of(Records({}, lasting=False)).line(PERSON, NOW_MS))
