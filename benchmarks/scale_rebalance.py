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
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.bench import save, servers
from benchmarks.live_stream import first_scores, live, stretch_figures
from benchmarks.measure import append_times
from benchmarks.stream_session import SOURCES, generate
from benchmarks.worker_group import WorkerGroup, worker_group
from forewarn.local import KafkaBroker

WARM_EVENTS = 4_000


def rehearse(broker: KafkaBroker, directory: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Run all changes of the group on one live stream; returns the figures of each."""
    with worker_group(broker, directory, "d", partitions=given.partitions) as group:
        began = time.monotonic()
        group.start(given.workers)
        group.await_ready()
        start_seconds = time.monotonic() - began
        generate(broker, "--events", WARM_EVENTS, "--prefix", "d.")
        group.await_events(WARM_EVENTS)
        stream = live(broker, given.rate, prefix="d.")
        try:
            time.sleep(given.seconds / 2)  # the stream is up, and all connections are
            stretches = _changes(group, given.seconds)
        finally:
            stream.kill()
            stream.wait()
        appended = append_times(broker.bootstrap_servers, [f"d.{topic}" for topic in SOURCES])
        scored = first_scores(broker, "d.scores", appended)
        events = group.events()
    return {
        "workers": given.workers,
        "partitions": given.partitions,
        "rate": given.rate,
        "start_seconds": round(start_seconds, 1),
        "events_of_workers_at_the_end": events,
        "missing": len(appended) - len(scored),
        "changes": {
            name: stretch_figures(appended, scored, between_ms) | {"load": load}
            for name, (between_ms, load) in stretches.items()
        },
    }


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
