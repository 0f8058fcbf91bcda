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
    """Where the time of an answer went, in seconds.

    Attributes:
        deadline: of the question.
        elapsed: from the question to its answer, as the bank saw it.
        served: of it, from the arrival at the service's machine to the answer, by the service's own clock.
        starved: how long the service's thread waited for a processor meanwhile, by the kernel's count.
        held_up: what bare timers of the bank's own loop were late meanwhile.
    """

    deadline: float
    elapsed: float
    served: float
    starved: float
    held_up: float

    def __str__(self) -> str:
        return (
            f"{1e3 * self.overrun:.0f} ms late: {1e3 * self.served:.0f} of {1e3 * self.elapsed:.0f} ms in the service"
            f" ({1e3 * self.starved:.0f} waiting for a processor), the bank held up {1e3 * self.held_up:.0f} ms"
        )

    @property
    def overrun(self) -> float:
        """How late the answer was for the bank; below zero for one that came before the deadline."""
        return self.elapsed - self.deadline

    @property
    def is_late(self) -> bool:
        return self.overrun > OVERRUN_SECONDS

    @property
    def is_served_late(self) -> bool:
        """By the service's own clock, and no processor was missing."""
        return self.served - self.deadline - self.starved > OVERRUN_SECONDS

    @property
    def is_carried_late(self) -> bool:
        """Neither the service nor the bank had it that long."""
        return self.is_late and self.elapsed - self.served - self.held_up > OVERRUN_SECONDS


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
        now = time.monotonic()
        found = _TIMING.fullmatch(timing)
        assert found is not None, timing
        served, starved = (float(number) / 1000 for number in found.groups())
        held_up = self.control.since(began, now).late
        self.punctuality.append(
            Punctuality(self.deadline_ms / 1000, now - began, served, starved, held_up)
        )

    def summary(self) -> str:
        """Answers that came late, and where the time of the latest ones went."""
        found = self.punctuality
        late = sorted((one for one in found if one.is_late), key=lambda one: -one.overrun)
        by_clock = sum(one.served - one.deadline > OVERRUN_SECONDS for one in found)
        served_late = sum(one.is_served_late for one in found)
        carried_late = sum(one.is_carried_late for one in found)
        head = (
            f"{len(found)} answers, {len(late)} of them more than 50 ms late for the bank, {by_clock} by the service's"
            f" own clock; {served_late} though no processor was missing, {carried_late} late neither in the service"
            " nor in the bank"
        )
        return "\n  ".join([head, *(str(one) for one in late[:5])])

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
