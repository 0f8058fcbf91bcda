"""Facts for the probes: a waiting worker is not stuck, and silence is not always Kafka's."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from prometheus_client import CollectorRegistry

from forewarn.platform.settings import WorkerSettings
from streams.worker.health import WorkerHealth
from streams.worker.runtime import DOUBT_SECONDS, Runtime
from streams.worker_metrics import WorkerMetrics

NOW = time.monotonic() + 10_000.0


class Place:
    """A runtime whose lanes, transport and lists say what the test wants."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.health = WorkerHealth()
        self.answers = AsyncMock(return_value=True)
        self.runtime = Runtime(
            WorkerSettings(lanes=2),
            topics=("calls", "transfers", "outcomes"),
            partitions=4,
            store=Mock(),
            new_store=False,
            outputs=Mock(),
            lists=Mock(answers=self.answers),
            reloader=Mock(),
            health=self.health,
            metrics=WorkerMetrics(CollectorRegistry()),
            executor=executor,
        )
        self.consumer = SimpleNamespace(seconds_without_progress=0.0, fetched_at=NOW)
        app: Any = SimpleNamespace(transport=SimpleNamespace(), consumer=self.consumer)
        self.runtime.attach(app, Mock())

    async def watch(self, now: float = NOW) -> None:
        await self.runtime._check_progress(now)


@pytest.fixture
def place() -> Iterator[Place]:
    with ThreadPoolExecutor(1) as executor:
        yield Place(executor)


async def test_a_lane_that_waits_does_not_hide_one_that_is_stuck(place: Place) -> None:
    waiting, stuck = place.runtime.lanes._lanes
    for lane in (waiting, stuck):
        lane.busy, lane.moved_at = True, 1.0
    place.runtime.on_wait("redis", "away", (0,))
    assert waiting.moved_at > 1.0
    await place.watch()
    assert place.health.facts.stuck_since == 1.0
    assert not place.health.facts.redis_reachable


async def test_a_worker_that_waits_for_its_servers_at_the_start_is_alive(place: Place) -> None:
    """Its loop runs; a restart would only let it wait again."""
    place.health.update(beat_at=1.0)
    place.runtime._store = Mock(open=AsyncMock(side_effect=asyncio.Event().wait))
    starting = asyncio.create_task(place.runtime.on_start())
    try:
        async with asyncio.timeout(5):
            while place.health.facts.beat_at == 1.0:
                await asyncio.sleep(0)
    finally:
        starting.cancel()
        for future in place.runtime._futures:
            future.cancel()


async def test_redis_is_back_when_every_batch_that_waited_goes_on(place: Place) -> None:
    place.runtime.on_wait("redis", "away", (0,))
    place.runtime.on_wait("redis", "away", (1,))
    place.runtime.on_wait("redis", None, (0,))
    assert not place.health.facts.redis_reachable
    place.runtime.on_wait("redis", None, (1,))
    assert place.health.facts.redis_reachable


async def test_a_chunk_without_a_lane_is_stuck(place: Place) -> None:
    """An agent that died leaves its chunk to no lane; the transport alone knows of it."""
    place.consumer.seconds_without_progress = 100.0
    await place.watch()
    assert place.health.facts.stuck_since == NOW - 100.0


async def test_after_a_long_wait_the_clock_starts_again(place: Place) -> None:
    """Else an outage of Redis would end in a restart of every worker, at the moment it is over."""
    place.runtime.on_wait("redis", "away", (0,))
    await place.watch(NOW)
    place.runtime.on_wait("redis", None, (0,))
    place.consumer.seconds_without_progress = 1000.0
    place.consumer.fetched_at = NOW - 1000.0
    await place.watch(NOW + 1)
    assert place.health.facts.stuck_since == NOW
    assert place.health.facts.consuming_at == NOW


@pytest.mark.parametrize("answers", [True, False])
async def test_a_rebalance_without_end_is_reported_unless_kafka_is_away(
    place: Place, answers: bool
) -> None:
    """A restart replaces a reader that died, and never ends an outage."""
    place.answers.return_value = answers
    await place.watch(NOW)
    later = NOW + DOUBT_SECONDS + 1
    await place.watch(later)
    assert place.health.facts.consuming_at == (NOW if answers else later)


async def test_a_worker_without_partitions_has_joined(place: Place) -> None:
    """It stands by; a startup probe that never passes would restart it for ever."""
    await place.runtime.on_assigned(frozenset())
    facts = place.health.facts
    assert (facts.joined, facts.partitions, facts.rebalancing) == (True, 0, False)
