"""Redis is stopped and comes back while a bank asks: the fallback in time with its reason, and nothing is lost."""

import asyncio
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.decide_process import DecideProcess, payment
from forewarn.contracts import Transfer
from forewarn.local.child_process import stop_all
from forewarn.local.wait import wait_until
from tests.chaos.asking_bank import (
    HEAL_SECONDS,
    Bank,
    has_kept_all,
    is_ready,
    require_counted_once,
)
from tests.chaos.town import Town

pytestmark = [pytest.mark.system, pytest.mark.chaos, pytest.mark.timeout(1200)]

DEADLINE_MS = 400
PATIENT_MS = 5_000
"""A deadline that a busy machine keeps where a worker has to answer."""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path, 1, 1)
    yield town
    town.close()


@pytest.fixture
def replica(town: Town) -> Iterator[DecideProcess]:
    """It reaches Redis directly, the worker through the proxy: so each can lose it alone."""
    made = DecideProcess(town.world, "decide", {"FOREWARN_REDIS_URL": town.redis.url})
    yield made
    stop_all([made])


async def test_a_bank_gets_the_fallback_while_redis_is_away_and_no_payment_is_lost(
    town: Town, replica: DecideProcess
) -> None:
    await asyncio.to_thread(town.start)
    await asyncio.to_thread(replica.start)
    await asyncio.to_thread(wait_until, lambda: is_ready(replica), HEAL_SECONDS, what="the replica")
    bank = Bank([replica], random.Random(1), DEADLINE_MS)
    control = asyncio.create_task(bank.control.run())
    asked = [payment(number) for number in range(10)]

    async def ask(event: Transfer, deadline_ms: int = DEADLINE_MS) -> dict[str, Any]:
        bank.deadline_ms = deadline_ms
        answer: dict[str, Any] = json.loads(await bank.ask(session, event))
        return answer

    async def ask_until_a_worker_answers(events: list[Transfer]) -> None:
        for event in events:
            if (await ask(event, PATIENT_MS))["probability"] is not None:
                return
        pytest.fail("no worker answered")

    async with bank.session() as session:
        await ask_until_a_worker_answers(asked[:3])

        # The worker alone: the question lies in Kafka until the worker has Redis again.
        town.redis_proxy.cut()
        waiting = await ask(asked[3])
        assert (waiting["reason"], waiting["recorded"]) == ("no_answer_in_time", "yes")
        town.redis_proxy.restore()

        # Both: the replica cannot know what was answered before, and hands the event over all the same.
        await asyncio.to_thread(town.redis.stop)
        away = [await ask(event) for event in asked[4:7]]
        assert {one["reason"] for one in away} == {"store_unavailable"}
        assert {one["recorded"] for one in away} == {"yes"}
        assert await ask(asked[4]) == away[0]
        await asyncio.to_thread(town.redis.start)

        await asyncio.to_thread(
            wait_until, lambda: has_kept_all(replica), HEAL_SECONDS, what="the answers in Redis"
        )
        assert [await ask(event) for event in asked[3:7]] == [waiting, *away]
        await ask_until_a_worker_answers(asked[7:])
    control.cancel()
    print(bank.summary())
    assert not [one for one in bank.punctuality if one.is_served_late or one.is_carried_late]
    await require_counted_once(town, asked[3:7])
