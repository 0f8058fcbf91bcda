"""Crashes, freezes and broken links in full flow: every event in and every effect out is counted.

`make chaos` runs it for minutes; the suite runs a short one. The seed is printed, and
FOREWARN_CHAOS_SEED repeats it (the order of faults and the traffic; the machine's timing is its own).
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.traffic import Traffic
from tests.chaos.town import Came, Town, Went, judge

pytestmark = [pytest.mark.system, pytest.mark.chaos, pytest.mark.timeout(3600)]

SECONDS = float(os.environ.get("FOREWARN_CHAOS_SECONDS", "15"))
SEED = int(os.environ.get("FOREWARN_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
WORKERS = 4 if SECONDS >= 60 else 2
EVENTS_PER_SECOND = 150
HEAL_SECONDS = 300
SHORT = ("kill", "stall_kafka", "cut_redis", "terminate", "kill_alerting")
"""Faults of the short run: those that take no more than a few seconds each."""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    print(f"\nFOREWARN_CHAOS_SEED={SEED} FOREWARN_CHAOS_SECONDS={SECONDS:g}")
    town = Town(tmp_path, SEED, WORKERS)
    yield town
    town.close()


def play(town: Town, seconds: float) -> Counter[str]:
    """Faults one after another until the time is over; each kind once before any comes again."""
    faults = town.faults()
    names = list(SHORT) if seconds < 60 else list(faults)
    bag: list[str] = []
    done: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not bag:
            bag = town.draw.sample(names, len(names))
        name = bag.pop()
        if ended := town.restart_ended():
            print(f"ended by themselves: {ended}", flush=True)
        print(f"{deadline - time.monotonic():6.1f} s left: {name}", flush=True)
        faults[name]()
        done[name] += 1
        time.sleep(town.draw.uniform(0.5, 2.0))
    return done


async def all_scored(town: Town, seconds: float) -> tuple[Came, Went]:
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


async def all_held(town: Town, went: Went, seconds: float) -> list[tuple[str, str, str, int]]:
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
    assert all(status == 0 for status in town.stops), f"drains ended with {town.stops}"
