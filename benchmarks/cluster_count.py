"""Whether every event of a stream was counted once, by the records' own counts before and after it."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from aiokafka import AIOKafkaProducer

from benchmarks.measure import read_all
from features.catalog import CATALOG
from forewarn.contracts import (
    CallStarted,
    ScoreBlock,
    Transfer,
    decode_call,
    decode_transfer,
    encode,
)
from forewarn.local.wait import wait_until

COUNTS = ("out_count_30d", "calls_in_30d")
"""Read from a person's record before an event is applied: payments made, and calls received."""
_SLOTS = [CATALOG.slot(name) for name in COUNTS]
_PROBE = "probe-"
_blocks = msgspec.msgpack.Decoder(ScoreBlock)


@dataclass
class Ledger:
    """Events of a stream, and the scores of each.

    Args:
        broker: address.
        prefix: of the topics.
    """

    broker: str
    prefix: str
    who: dict[str, str] = field(default_factory=dict)
    places: dict[tuple[str, int, int], str] = field(default_factory=dict)
    came: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seen: dict[str, list[tuple[float, ...]]] = field(default_factory=lambda: defaultdict(list))
    _positions: dict[Any, int] = field(default_factory=dict)

    def read(self) -> None:
        """Read on from where the last call ended."""
        for topic, decode in (("calls", decode_call), ("transfers", decode_transfer)):
            for record in self._records(topic):
                event = decode(record.value)
                self.who[event.event_id] = event.subscriber
                self.places[record.topic, record.partition, record.offset] = event.subscriber
                if event.event_id.startswith(_PROBE):
                    continue
                if isinstance(event, Transfer):
                    self.came[event.subscriber][COUNTS[0]] += 1
                elif isinstance(event, CallStarted):
                    self.came[event.subscriber][COUNTS[1]] += 1
        for record in self._records("scores"):
            block = _blocks.decode(record.value)
            vectors = np.frombuffer(block.vectors, "<f4").reshape(-1, len(block.event_id))
            for event_id, *counts in zip(block.event_id, *vectors[_SLOTS].tolist(), strict=True):
                self.seen[event_id].append(tuple(counts))

    def _records(self, topic: str) -> list[Any]:
        return asyncio.run(read_all(self.broker, self.prefix + topic, self._positions))

    def people_at(self, places: Iterable[tuple[str, int, int]]) -> set[str]:
        """The subscribers of events, by topic, partition and offset."""
        return {self.places[place] for place in places}

    def probe(self, people: Collection[str]) -> None:
        """Append a payment of each person, and wait until all have scores: these read what the stream has left."""
        asyncio.run(self._append(people))

        def scored() -> bool:
            self.read()
            return all(_PROBE + person in self.seen for person in people)

        wait_until(scored, 120, what="scores of the probes", interval_seconds=2)

    async def _append(self, people: Collection[str]) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.broker, linger_ms=20) as producer:
            for person in people:
                event = Transfer(
                    event_id=_PROBE + person, event_time_ms=time.time_ns() // 1_000_000,
                    subscriber=person, district="430400", transfer_id=_PROBE + person,
                    status="attempted", payer_account=f"62{person[1:]}",
                    payee_account="621799999999", amount_minor=1_000, device="",
                )  # fmt: skip
                topic = f"{self.prefix}transfers"
                await producer.send(topic, encode(event), key=person.encode())

    def judge(self, people: Collection[str]) -> dict[str, int]:
        """Compare what probed people's records count with what came.

        Returns:
            ``people`` probed, ``events`` of theirs that count, and of these ``lost`` and ``twice``.
        """
        before: dict[str, np.ndarray] = {}
        for event_id, vectors in self.seen.items():
            person = self.who.get(event_id, "")
            if person in people and not event_id.startswith(_PROBE):
                least = np.min(vectors, axis=0)
                before[person] = np.minimum(least, before.get(person, least))
        found = Counter(people=len(people), events=0, lost=0, twice=0)
        for person in people:
            came = np.array([self.came[person][name] for name in COUNTS])
            more = np.array(self.seen[_PROBE + person][-1]) - before[person] - came
            found["events"] += int(came.sum())
            found["lost"] -= int(more[more < 0].sum())
            found["twice"] += int(more[more > 0].sum())
        return dict(found)
