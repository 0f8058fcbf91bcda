"""Crashes, freezes and broken links in full flow: every event in and every effect out is counted.

`make chaos` runs it for minutes; the suite runs a short one. The seed is printed, and
FOREWARN_CHAOS_SEED repeats it (the order of faults and the traffic; the machine's timing is its own).
"""

import asyncio
import os
import random
import time
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.traffic import Traffic
from tests.chaos.accounts import all_held, all_scored, judge
from tests.chaos.town import Town

pytestmark = [pytest.mark.system, pytest.mark.chaos, pytest.mark.timeout(3600)]

SECONDS = float(os.environ.get("FOREWARN_CHAOS_SECONDS", "15"))
SEED = int(os.environ.get("FOREWARN_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
WORKERS = 4 if SECONDS >= 60 else 2
EVENTS_PER_SECOND = 150
HEAL_SECONDS = 300
REMEMBERED = 4
"""Faults whose consequence an end may be: a worker gives up some sessions after its cause."""
MAY_END = {
    "cut_kafka",
    "stall_kafka",
    "restart_broker",
    "crash_broker",
    "long_cut",
    "freeze",
    "storm",
}
"""Faults after which a worker may have ended by itself: it gives up where Kafka does not take it
back, or where another has its partitions, and starts again. Redis alone ends none."""
SHORT = ("kill", "stall_kafka", "cut_redis", "terminate", "kill_alerting")
"""Faults of the short run: those that take no more than a few seconds each."""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    print(f"\nFOREWARN_CHAOS_SEED={SEED} FOREWARN_CHAOS_SECONDS={SECONDS:g}")
    town = Town(tmp_path, SEED, WORKERS)
    yield town
    town.close()


def play(town: Town, seconds: float) -> Counter[str]:
    """Faults one after another until the time is over; each kind once before any comes again.

    The first round is played to its end, however slow the machine is.
    """
    faults = town.faults()
    names = list(SHORT) if seconds < 60 else list(faults)
    bag: list[str] = []
    done: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    played: deque[str] = deque(maxlen=REMEMBERED)
    while time.monotonic() < deadline or len(done) < len(names):
        if not bag:
            bag = town.draw.sample(names, len(names))
        name = bag.pop()
        if ended := town.restart_ended():
            print(f"ended by themselves: {ended}", flush=True)
            assert MAY_END & set(played), f"{ended} gave up after {list(played)}"
        played.append(name)
        print(f"{deadline - time.monotonic():6.1f} s left: {name}", flush=True)
        faults[name]()
        done[name] += 1
        time.sleep(town.draw.uniform(0.5, 2.0))
    return done


async def test_nothing_is_lost_and_nothing_counts_twice_whatever_breaks(town: Town):
    """No event lost, state as if each was applied once, every warning one thing."""
    await asyncio.to_thread(town.start)
    traffic = Traffic(SEED, subscribers=300, callers=40, step_ms=1000 / EVENTS_PER_SECOND)
    # The first events go through before anything breaks: the group is formed, kernels are loaded.
    await town.send(Traffic(SEED + 1, subscribers=300, callers=40), 50, 0.5)
    await all_scored(town, HEAL_SECONDS)
    events = int(EVENTS_PER_SECOND * SECONDS)
    sending = asyncio.create_task(town.send(traffic, events, SECONDS))
    faults = await asyncio.to_thread(play, town, SECONDS)
    await sending
    await all_scored(town, HEAL_SECONDS)
    await town.probe()
    came, went = await all_scored(town, HEAL_SECONDS)
    held = await all_held(town, went, HEAL_SECONDS)
    print(judge(came, went, held), dict(faults))
    assert set(faults) == (set(SHORT) if SECONDS < 60 else set(town.faults()))
    assert all(status == 0 for status in town.stops), f"drains ended with {town.stops}"
