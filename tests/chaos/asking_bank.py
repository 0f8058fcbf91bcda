"""A bank that asks about payments whatever is killed, and what a payment leaves in the state."""

import asyncio
import random
import re
import time
import urllib.request
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from benchmarks.decide_process import DecideProcess, payment
from features.catalog import CATALOG
from features.engine import Engine
from features.event_columns import from_events
from features.store.store_factory import meaning_of, redis_state_store
from forewarn.contracts import Transfer, encode
from forewarn.local.readiness_probe import ask as probe
from forewarn.platform.settings import RedisSettings
from models.policy import Lists
from streams.decisions.decision_metrics import DecisionMetrics
from streams.decisions.loop_delay import LoopDelay
from streams.decisions.state_reader import StateReader
from tests.chaos.town import Town

OVERRUN_SECONDS = 0.05
"""Past its deadline an answer may be this late."""

HEAL_SECONDS = 300
TRIES = 200
"""Of a bank whose replica is gone; it asks the next one."""

_TIMING = re.compile(r"total;dur=([0-9.]+), starved;dur=([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Punctuality:
    """How late an answer was, in seconds; below zero for one that came before the deadline.

    Attributes:
        overrun: as the bank saw it.
        excused: how long replica and bank waited for a processor meanwhile, by how late bare timers fired.
        served: of the service's own count of its time.
    """

    overrun: float
    excused: float
    served: float

    @property
    def is_late(self) -> bool:
        return self.overrun > OVERRUN_SECONDS

    @property
    def is_late_by_itself(self) -> bool:
        """Late, and the processor is not to blame."""
        return self.overrun - self.excused > OVERRUN_SECONDS


class Bank:
    """Asks about payments and keeps every answer that it got.

    Args:
        replicas: any of them answers.
        draw: which is asked first.
        deadline_ms: of each question.
    """

    def __init__(
        self, replicas: Sequence[DecideProcess], draw: random.Random, deadline_ms: int
    ) -> None:
        self.replicas = replicas
        self.draw = draw
        self.deadline_ms = deadline_ms
        self.bodies: defaultdict[str, set[bytes]] = defaultdict(set)
        self.punctuality: list[Punctuality] = []
        self.lost_connections = 0
        self.control = LoopDelay(DecisionMetrics(CollectorRegistry()))

    async def ask(
        self, session: aiohttp.ClientSession, event: Transfer, first: int | None = None
    ) -> bytes:
        """Ask until a replica answers."""
        place = self.draw.randrange(len(self.replicas)) if first is None else first
        for attempt in range(TRIES):
            replica = self.replicas[(place + attempt) % len(self.replicas)]
            began = time.monotonic()
            try:
                async with session.post(
                    replica.url,
                    data=encode(event),
                    headers={**replica.headers, "Forewarn-Deadline-Ms": str(self.deadline_ms)},
                ) as response:
                    body = await response.read()
                    assert response.status == 200, body
            except (aiohttp.ClientError, OSError, TimeoutError):
                self.lost_connections += 1
                await asyncio.sleep(0.1)
                continue
            self.bodies[event.transfer_id].add(body)
            self._judge(began, response.headers["Server-Timing"])
            return body
        raise AssertionError(f"{event.transfer_id} was never answered")

    def _judge(self, began: float, timing: str) -> None:
        now, deadline = time.monotonic(), self.deadline_ms / 1000
        found = _TIMING.fullmatch(timing)
        assert found is not None, timing
        total, starved = (float(number) / 1000 for number in found.groups())
        excused = starved + self.control.starved_since(began, now, time.thread_time())
        self.punctuality.append(Punctuality(now - began - deadline, excused, total - deadline))

    def summary(self) -> str:
        """Answers that came late, and how late the latest was."""
        late = [one for one in self.punctuality if one.is_late]
        own = sum(one.is_late_by_itself for one in late)
        served = sum(one.served > OVERRUN_SECONDS for one in late)
        worst = max(self.punctuality, key=lambda one: one.overrun)
        return (
            f"{len(self.punctuality)} answers, {len(late)} later than the deadline by 50 ms, {served} of them by"
            f" the service's own count, {own} of them beyond the waiting for a processor; the latest"
            f" {worst.overrun:.3f} s late (waited {worst.excused:.3f} s for a processor, late by the service's own"
            f" count {worst.served:.3f} s)"
        )

    def session(self) -> aiohttp.ClientSession:
        """Without a bound on connections, for what waits in the client is no answer that is late."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=self.deadline_ms / 1000 + 20),
        )


def is_ready(replica: DecideProcess) -> bool:
    return probe(f"http://127.0.0.1:{replica.probe_port}/healthz/ready").passes


def has_kept_all(replica: DecideProcess) -> bool:
    """Whether every answer that the replica gave is known to the others."""
    url = f"http://127.0.0.1:{replica.probe_port}/metrics"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return b"\nforewarn_decide_unkept_answers 0.0" in answer.read()


class OneEvent:
    """The records that one event leaves, as a store."""

    def __init__(self, town: Town, engine: Engine, event: Transfer) -> None:
        columns = from_events([event], town.world.pseudonymiser, source=1, partition=0, offsets=[0])
        result = engine.run(engine.plan(columns))
        self.records = {write.key: write.value for write in result.writes()}

    async def load(self, keys: list[bytes]) -> list[bytes | None]:
        return [self.records.get(key) for key in keys]


COUNTED = [CATALOG.slot(name) for name in ("out_count_24h", "out_amount_24h")]


async def require_counted_once(town: Town, events: Sequence[Transfer]) -> None:
    """Wait until each event is in the state, and fail if one is there twice."""
    engine, executor = Engine(CATALOG), ThreadPoolExecutor(1)
    bundle: Any = None

    async def counted(store: Any, event: Transfer) -> list[float]:
        """What the payer's record counts; the next payment would see it."""
        reader = StateReader(
            store, engine, town.world.pseudonymiser, bundle=bundle, lists=Lists(), executor=executor
        )
        later = payment(0, subscriber=event.subscriber, transfer_id="probe", event_id="probe")
        _, vector = await reader._vector(later)
        return [float(vector[slot]) for slot in COUNTED]

    store = redis_state_store(
        RedisSettings(url=town.redis.url), meaning=meaning_of(town.world.pseudonymiser)
    )
    await store.open(create=False)
    deadline = time.monotonic() + HEAL_SECONDS
    for event in events:
        once = await counted(OneEvent(town, engine, event), event)
        while (now := await counted(store, event)) != once:
            if time.monotonic() > deadline:
                pytest.fail(f"{event.transfer_id}: {now} instead of {once}")
            town.restart_ended()
            await asyncio.sleep(0.2)
    await store.close()
    executor.shutdown()
