"""Endurance: load, reloads, rebalances and lost servers for an hour, and whether anything grows.

``make soak``, or ``python -m tests.chaos.soak --seconds 300``. Prints for each process that lived throughout
the slope of its memory and of its open files with a 95 % confidence interval, and judges every event
as the crash tests do. Ends with status 1 if a slope is surely above its bound, or lag stays.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from scipy import stats

from benchmarks.traffic import Traffic
from forewarn.local.child_process import Child
from tests.chaos.accounts import all_held, all_scored, judge
from tests.chaos.town import Town

BLOCKS = 12
"""Samples follow each other closely and are not independent; the means of long blocks nearly are."""
WARM_UP = 0.25
"""Share of the run left out: caches and arenas fill up to their bounds."""
MEMORY_MB_PER_HOUR_MAX = 50.0
FILES_PER_HOUR_MAX = 10.0
EVENTS_PER_SECOND = 100
WARNED_SHARE = 0.05
"""Share of the events that warn, 5 new warnings a second: fifteen times the busiest hour of a province."""
PEOPLE, CALLERS = 3_000, 400
PAUSE_SECONDS = 15.0
PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Slope:
    """A change per hour, with the half width of its 95 % confidence interval."""

    per_hour: float
    margin: float

    def surely_above(self, bound: float) -> bool:
        """Whether the whole interval lies above a bound."""
        return self.per_hour - self.margin > bound

    def __str__(self) -> str:
        return f"{self.per_hour:+.1f} ± {self.margin:.1f}"


@dataclass(slots=True)
class Samples:
    """What one process held over time."""

    seconds: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    files: list[float] = field(default_factory=list)


def slope_of(seconds: list[float], values: list[float]) -> Slope:
    """Regression over the means of blocks, by Student's t, without the warm-up.

    Args:
        seconds: since the beginning, ascending.
        values: one for each.
    """
    start = int(len(seconds) * WARM_UP)
    at, of = (np.array_split(np.asarray(one)[start:], BLOCKS) for one in (seconds, values))
    times, means = (np.array([block.mean() for block in blocks]) for blocks in (at, of))
    fit = stats.linregress(times, means)
    return Slope(3600 * fit.slope, 3600 * fit.stderr * float(stats.t.ppf(0.975, BLOCKS - 2)))


async def sample(children: list[Child], found: dict[str, Samples]) -> None:
    """Look at every process once a second, for good."""
    began = time.monotonic()
    processes = {child.name: psutil.Process(child.pid) for child in children}
    while True:
        for name, process in processes.items():
            one = found.setdefault(name, Samples())
            one.seconds.append(time.monotonic() - began)
            one.memory_mb.append(process.memory_info().rss / 1e6)
            one.files.append(process.num_fds())
        await asyncio.sleep(1.0)


async def disturb(town: Town, until: float) -> int:
    """Faults that leave the watched processes alive: lost servers, and a third worker that comes and goes."""
    faults = town.faults()
    guest = town.world.worker("guest")
    count = 0
    while time.monotonic() < until:
        name = ("cut_redis", "rebalance", "stall_kafka", "cut_kafka")[count % 4]
        if name == "rebalance":
            await asyncio.to_thread(guest.start)
            await asyncio.sleep(PAUSE_SECONDS)
            await asyncio.to_thread(guest.stop, 25)
        else:
            await asyncio.to_thread(faults[name])
        count += 1
        await asyncio.sleep(PAUSE_SECONDS)
    return count


async def run(directory: Path, seconds: float, seed: int) -> bool:
    """One soak; whether everything held."""
    town = Town(directory, seed, workers=2, large_amounts=True)
    try:
        await asyncio.to_thread(town.start)
        await town.send(Traffic(seed + 1, subscribers=PEOPLE, callers=CALLERS), 50, 0.5)
        await all_scored(town, PATIENCE_SECONDS)
        watched = [*town.workers, town.alerting, town.redis.process, town.broker.process]
        found: dict[str, Samples] = {}
        sampling = asyncio.create_task(sample(watched, found))
        traffic = Traffic(
            seed,
            subscribers=PEOPLE,
            callers=CALLERS,
            step_ms=1000 / EVENTS_PER_SECOND,
            large_share=WARNED_SHARE,
        )
        disturbing = asyncio.create_task(disturb(town, time.monotonic() + seconds))
        await town.send(traffic, int(EVENTS_PER_SECOND * seconds), seconds)
        faults = await disturbing
        sampling.cancel()
        await all_scored(town, PATIENCE_SECONDS)
        await town.probe()
        came, went = await all_scored(town, PATIENCE_SECONDS)
        counts = judge(came, went, await all_held(town, went, PATIENCE_SECONDS))
        print(
            f"{seconds:.0f} s, {faults} disturbances, ended by themselves: {town.ended}, {counts}"
        )
        return report(found)
    finally:
        town.close()


def report(found: dict[str, Samples]) -> bool:
    """Print the slopes; whether none is surely above its bound. The broker's heap fills to a bound of its own."""
    held = True
    print(f"{'process':<12}{'memory MB':>10}{'MB an hour':>20}{'files':>8}{'files an hour':>20}")
    for name, one in found.items():
        memory, files = slope_of(one.seconds, one.memory_mb), slope_of(one.seconds, one.files)
        print(
            f"{name:<12}{one.memory_mb[-1]:>10.0f}{memory!s:>20}{one.files[-1]:>8.0f}{files!s:>20}"
        )
        held &= name == "kafka" or not memory.surely_above(MEMORY_MB_PER_HOUR_MAX)
        held &= not files.surely_above(FILES_PER_HOUR_MAX)
    return held


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="forewarn-soak-") as directory:
        sys.exit(0 if asyncio.run(run(Path(directory), given.seconds, given.seed)) else 1)


if __name__ == "__main__":
    main()
