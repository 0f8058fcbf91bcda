"""What came in and what went out of a town, counted from the logs in Kafka, and the judgement."""

import asyncio
import base64
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from benchmarks.measure import read_all
from features.catalog import CATALOG
from forewarn.contracts import (
    CallStarted,
    FraudWarning,
    Score,
    Transfer,
    decode_call,
    decode_scores,
    decode_transfer,
)

if TYPE_CHECKING:
    from tests.chaos.town import Town

POISON = b'{"type":"call_started","event_id":'
ABORTED = "aborted"
"""Start of the ids of events whose transaction is aborted: they never came."""


@dataclass
class Came:
    """What came in, read from the source topics, and the oracle's counts of it."""

    broker: str
    positions: dict[Any, int] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    poison: set[tuple[str, int, int]] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    round: int = 0
    paid: Counter[str] = field(default_factory=Counter)
    called: Counter[str] = field(default_factory=Counter)
    calls_by_caller: Counter[str] = field(default_factory=Counter)
    places: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    subscribers: dict[str, str] = field(default_factory=dict)

    async def read(self) -> None:
        """Read on from where the last call ended."""
        for topic, decode in (("calls", decode_call), ("transfers", decode_transfer)):
            for record in await read_all(self.broker, topic, self.positions):
                if record.value == POISON:
                    self.poison.add((topic, record.partition, record.offset))
                    continue
                event = decode(record.value)
                if event.event_id.startswith(ABORTED):
                    continue
                self.ids.append(event.event_id)
                self.places[event.event_id] = (topic, record.partition, record.offset)
                self.subscribers[event.event_id] = event.subscriber
                if not event.event_id.startswith("probe"):
                    self.people.add(event.subscriber)
                if isinstance(event, Transfer):
                    self.paid[event.subscriber] += 1
                elif isinstance(event, CallStarted):
                    self.called[event.subscriber] += 1
                    self.calls_by_caller[event.caller] += 1

    def set_aside(self, event_ids: set[str]) -> None:
        """Expect dead letters instead of scores for these events."""
        self.poison |= {self.places[event_id] for event_id in event_ids}
        self.ids = [event_id for event_id in self.ids if event_id not in event_ids]

    def probe_of(self, who: str) -> str:
        """Identity of the present round's probe of a person or a caller."""
        return f"probe-{self.round}-{who}"


@dataclass
class Went:
    """What went out: scores, dead letters and warnings, every message of them."""

    broker: str
    positions: dict[Any, int] = field(default_factory=dict)
    scores: dict[str, list[Score]] = field(default_factory=lambda: defaultdict(list))
    dead: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    warnings: list[FraudWarning] = field(default_factory=list)

    async def read(self) -> None:
        """Read on from where the last call ended."""
        for record in await read_all(self.broker, "scores", self.positions):
            for score in decode_scores(record.value):
                self.scores[score.event_id].append(score)
        for record in await read_all(self.broker, "dead-letters", self.positions):
            letter = msgspec.json.decode(record.value)
            self.dead[letter["topic"], letter["partition"], letter["offset"]] += 1
        for record in await read_all(self.broker, "warnings", self.positions):
            self.warnings.append(msgspec.json.decode(record.value, type=FraudWarning))

    def feature(self, event_id: str, name: str) -> float:
        vector = np.frombuffer(base64.b64decode(self.scores[event_id][-1].vector), "<f4")
        return float(vector[CATALOG.names.index(name)])


def judge(
    came: Came,
    went: Went,
    held: list[tuple[str, str, str, int]],
    spared: frozenset[str] = frozenset(),
) -> dict[str, int]:
    """Assert every promise; returns the counts for the log.

    Args:
        came: what came in.
        went: what went out.
        held: warnings in the alerting database.
        spared: people whose state was damaged on purpose, so that it cannot be what it should.
    """
    assert len(came.ids) == len(set(came.ids)), "the traffic itself repeats an event"
    lost = set(came.ids) - set(went.scores)
    assert not lost, f"{len(lost)} events without a score, such as {sorted(lost)[:5]}"
    assert set(went.scores) == set(came.ids), "a score for an event that never came"
    assert set(went.dead) == came.poison, "every poison record is a dead letter, and nothing else"

    # A repeated score is the same score: computed again from the journal, bit for bit.
    for scores in went.scores.values():
        assert len({(s.vector, s.probability, s.decision) for s in scores}) == 1, scores

    # Probes read the state that all events before them left: applied once, each of them. A probe
    # is itself counted among what came.
    for person in came.people - spared:
        probe = came.probe_of(person)
        assert went.feature(probe, "out_count_30d") == came.paid[person] - 1, person
        assert went.feature(probe, "calls_in_30d") == came.called[person], person
    for caller, calls in came.calls_by_caller.items() if not spared else ():
        assert went.feature(came.probe_of(caller), "number_calls_30d") == calls - 1, caller

    # Messages may repeat; a revision of a warning is one thing, and each cause has one warning.
    revisions: dict[tuple[str, int], set[tuple]] = defaultdict(set)
    causes: dict[str, set[tuple]] = defaultdict(set)
    for warning in went.warnings:
        revisions[warning.warning_id, warning.source.offset].add(
            (warning.action, warning.severity, warning.probability, warning.event_id)
        )
        causes[warning.warning_id].add((warning.subscriber, warning.subject.subject_id))
    assert all(len(variants) == 1 for variants in revisions.values())
    assert all(len(subjects) == 1 for subjects in causes.values())

    # Alerting holds each warning exactly once, in its newest revision.
    newest: dict[str, int] = {}
    for warning in went.warnings:
        offset = max(newest.get(warning.warning_id, -1), warning.source.offset)
        newest[warning.warning_id] = offset
    assert len(held) == len(newest), "alerting holds each warning once"
    assert {row[0]: row[3] for row in held} == newest
    assert {row[0]: {(row[1], row[2])} for row in held} == causes
    return {
        "events": len(came.ids),
        "scores": sum(map(len, went.scores.values())),
        "poison": len(came.poison),
        "warnings": len(causes),
        "warning_messages": len(went.warnings),
    }


async def all_scored(town: "Town", seconds: float) -> tuple[Came, Went]:
    """Wait until every event has its score, or give up with what is missing."""
    deadline = time.monotonic() + seconds
    while True:
        await asyncio.to_thread(town.restart_ended)
        came, went = town.came, town.went
        await came.read()
        await went.read()
        missing = set(came.ids) - set(went.scores)
        if not missing and set(went.dead) == came.poison:
            return came, went
        logs = "\n".join(worker.tail(15) for worker in town.workers)
        assert time.monotonic() < deadline, f"{len(missing)} events are not scored:\n{logs}"
        await asyncio.sleep(1)


async def all_held(town: "Town", went: Went, seconds: float) -> list[tuple[str, str, str, int]]:
    """Wait until alerting has taken in every warning that was sent, or return what it has."""
    newest: dict[str, int] = {}
    for warning in went.warnings:
        known = newest.get(warning.warning_id, -1)
        newest[warning.warning_id] = max(known, warning.source.offset)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        held = town.alerting.warnings()
        if {row[0]: row[3] for row in held} == newest:
            return held
        await asyncio.sleep(0.5)
    return town.alerting.warnings()
