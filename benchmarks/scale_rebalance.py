"""What an event waits when a group of workers changes: ``make bench-scale PART=d``.

::

    python -m benchmarks.scale_rebalance --workers 8 --partitions 64 --rate 200

A live stream at a low rate while nothing changes, while one worker is killed, while one is added and while one is stopped
in order. For each of these: the time from the append of an event to the append of its first score, by the
broker's clock, for the events that were appended from the change until every worker was ready again and at least
``--seconds`` had passed. ``late`` are those that waited longer than a second, and ``pause_seconds`` is the time from the change
to the append of the last of their scores. An event without a score ends the program with status 1.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench import save, servers
from benchmarks.measure import append_times, percentiles, read_all, sources_of
from benchmarks.stream_session import SOURCES, generate
from benchmarks.worker_group import WorkerGroup, worker_group
from forewarn.local import KafkaBroker
from forewarn.local.wait import wait_until

WARM_EVENTS = 4_000
LATE_MS = 1_000
HOUR_SECONDS = 3_600

Record = tuple[str, int, int]
"""Topic, partition and offset."""


def rehearse(broker: KafkaBroker, directory: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Run all changes of the group on one live stream; returns the figures of each."""
    with worker_group(broker, directory, "d", partitions=given.partitions) as group:
        began = time.monotonic()
        group.start(given.workers)
        group.await_ready()
        start_seconds = time.monotonic() - began
        generate(broker, "--events", WARM_EVENTS, "--prefix", "d.")
        group.await_events(WARM_EVENTS)
        stream = _live(broker, given.rate)
        try:
            time.sleep(given.seconds / 2)  # the stream is up, and all connections are
            stretches = _changes(group, given.seconds)
        finally:
            stream.kill()
            stream.wait()
        appended = append_times(broker.bootstrap_servers, [f"d.{topic}" for topic in SOURCES])
        scored = _first_scores(broker, appended)
        events = group.events()
    return {
        "workers": given.workers,
        "partitions": given.partitions,
        "rate": given.rate,
        "start_seconds": round(start_seconds, 1),
        "events_of_workers_at_the_end": events,
        "missing": len(appended) - len(scored),
        "changes": {
            name: _figures(appended, scored, between_ms) | {"load": load}
            for name, (between_ms, load) in stretches.items()
        },
    }


def _live(broker: KafkaBroker, rate: float) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "benchmarks.generate", broker.bootstrap_servers]
    command += ["--events", str(int(rate * HOUR_SECONDS / 4)), "--rate", str(rate)]
    command += ["--prefix", "d.", "--seed", "2", "--large-share", "0.01"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def _changes(group: WorkerGroup, seconds: float) -> dict[str, tuple[tuple[float, float], float]]:
    """Make each change; returns its beginning and end in milliseconds, and the load at the end."""
    changes: dict[str, Callable[[], object]] = {
        "none": lambda: None,
        "killed": lambda: group.take_out().kill(),
        "added": lambda: group.start(1),
        "stopped in order": lambda: group.take_out().stop(60),
        "none again": lambda: None,
    }
    found = {}
    for name, change in changes.items():
        began, began_ms = time.monotonic(), time.time() * 1000
        change()
        group.await_ready()
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        group.await_ready()
        found[name] = ((began_ms, time.time() * 1000), round(os.getloadavg()[0], 1))
        print(name, round(time.monotonic() - began, 1), flush=True)
    return found


def _first_scores(broker: KafkaBroker, appended: dict[Record, int]) -> dict[Record, int]:
    """When the first score of each event was appended, once all have one; else after a minute."""
    scored: dict[Record, int] = {}
    positions: dict[Any, int] = {}

    def complete() -> bool:
        records = asyncio.run(read_all(broker.bootstrap_servers, "d.scores", positions))
        for record in sorted(records, key=lambda one: int(one.timestamp)):
            for source in sources_of(record.value):
                scored[source] = min(record.timestamp, scored.get(source, record.timestamp))
        return appended.keys() <= scored.keys()

    try:
        wait_until(complete, 60, what="all scores", interval_seconds=2)
    except Exception as error:  # noqa: BLE001  the figures say what is missing
        print(error)
    return scored


def _figures(
    appended: dict[Record, int], scored: dict[Record, int], between_ms: tuple[float, float]
) -> dict[str, Any]:
    """Latencies of the events appended in a stretch, and what was late in it."""
    began_ms, ended_ms = between_ms
    inside = {
        source: at
        for source, at in appended.items()
        if began_ms <= at < ended_ms and source in scored
    }
    waited = np.array([scored[source] - at for source, at in inside.items()])
    late = [source for source, at in inside.items() if scored[source] - at > LATE_MS]
    last_ms = max((scored[source] for source in late), default=began_ms)
    return {
        "seconds": round((ended_ms - began_ms) / 1000, 1),
        **percentiles(waited),
        "late": len(late),
        "late_p99_ms": _percentile([scored[source] - inside[source] for source in late], 99),
        "partitions_with_late": len({(topic, number) for topic, number, _ in late}),
        "pause_seconds": round((last_ms - began_ms) / 1000, 1),
    }


def _percentile(values: list[int], percent: int) -> float | None:
    return round(float(np.percentile(values, percent)), 1) if values else None


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--partitions", type=int, default=64)
    parser.add_argument("--rate", type=float, default=200.0, help="events a second")
    parser.add_argument("--seconds", type=float, default=40.0, help="after each change, at least")
    given = parser.parse_args()
    with servers() as (broker, directory):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))  # workers go where there is room
        result = rehearse(broker, directory, given)
    print(json.dumps(result))
    print(save("scale_rebalance", result))
    sys.exit(1 if result["missing"] else 0)


if __name__ == "__main__":
    main()
