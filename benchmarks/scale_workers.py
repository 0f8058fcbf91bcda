"""How much more several stream workers do than one: ``make bench-scale PART=c``.

::

    python -m benchmarks.scale_workers --workers 1,2,3,4,1 --share 0.2

One broker, one Redis, and a group of workers, each held to a part of a processor by a control group, so that four
of them fit on a machine of two. A backlog is appended while the workers are stopped; then all go on at once, and
events are counted that have a score in a stretch of time in the middle, by the broker's clock. No worker runs
out of work in it. ``of_linear`` is the rate divided by that of so many single workers; ``processor`` is what each worker got
of a processor. Where that is less than its share, the machine was too busy and the rate says nothing. Workers share the records of
callers and payees (``--callers``, ``--payees``): a batch whose write of one lost a race applies its events again.
"""

import argparse
import asyncio
import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from statistics import mean
from typing import Any

import psutil

from benchmarks.bench import save, servers
from benchmarks.measure import read_all, sources_of
from benchmarks.processor_share import held_to
from benchmarks.stream_session import generate
from benchmarks.worker_group import WorkerGroup, worker_group
from forewarn.local import KafkaBroker

PARTITIONS = 12
"""One to four workers have equally many."""

WARM_EVENTS = 12_000
LEAD_SECONDS = 5.0
"""Left out after the workers go on: their first fetches."""


def measure(
    broker: KafkaBroker, directory: Path, name: str, count: int, given: argparse.Namespace
) -> dict[str, Any]:
    """Run one group; returns its figures."""
    settings = {"FOREWARN_WORKER_SESSION_SECONDS": "60"}  # outlasts the time that it is stopped
    with worker_group(broker, directory, name, partitions=PARTITIONS, settings=settings) as group:
        group.start(count)
        group.await_ready()
        backlog = int(given.backlog * count * given.share * (given.seconds + LEAD_SECONDS))
        begin_ms = time.time_ns() // 1_000_000 - 3_600_000
        common: list[object] = ["--prefix", group.world.kafka.topic_prefix, "--large-share", 0.01]
        common += ["--callers", given.callers, "--payees", given.payees]
        generate(broker, "--events", WARM_EVENTS, "--start-ms", begin_ms, *common)
        group.await_events(WARM_EVENTS)
        group.signal(signal.SIGSTOP)
        begin_ms += WARM_EVENTS
        generate(broker, "--events", backlog, "--start-ms", begin_ms, "--seed", 2, *common)
        with held_to(given.share, name, [worker.pid for worker in group.workers]):
            figures = _window(broker, group, given.seconds)
            for worker in group.workers:
                worker.kill()
        scored = _scored(broker.bootstrap_servers, f"{name}.scores", figures.pop("between_ms"))
    if sum(scored["all"]) >= WARM_EVENTS + backlog:
        raise SystemExit(f"the backlog of {backlog} events ended: a larger --backlog is needed")
    rate = sum(scored["window"]) / figures["seconds"]
    used = sum(figures.pop("processor_seconds"))
    return {
        "workers": count,
        "events_per_second": round(rate),
        "processor_us_an_event": round(used / sum(scored["window"]) * 1e6, 1),
        **figures,
    }


def _window(broker: KafkaBroker, group: WorkerGroup, seconds: float) -> dict[str, Any]:
    """Let the workers go on, and look at a stretch of their work."""
    servers_of = [psutil.Process(child.pid) for child in (broker.process, group.redis.process)]
    group.signal(signal.SIGCONT)
    time.sleep(LEAD_SECONDS)
    first, began, began_ms = group.processor_seconds(), time.monotonic(), time.time() * 1000
    beside = [sum(process.cpu_times()[:2]) for process in servers_of]
    time.sleep(seconds)
    last, ended_ms = group.processor_seconds(), time.time() * 1000
    took = time.monotonic() - began
    used = [after - before for before, after in zip(first, last, strict=True)]
    others = [
        sum(process.cpu_times()[:2]) - before
        for process, before in zip(servers_of, beside, strict=True)
    ]
    events, batches = group.sum_of("events_total"), group.sum_of("batch_events_count")
    conflicts = group.sum_of("state_conflicts_total")
    if not events or not batches:
        raise SystemExit("the workers did not say how many events and batches they have processed")
    return {
        "seconds": round(took, 1),
        "events_a_batch": round(events / batches),
        "conflicts_a_batch": round(conflicts / batches, 2),
        "between_ms": (began_ms, ended_ms),
        "processor_seconds": used,
        "processor": [round(one / took, 3) for one in used],
        "broker_and_redis": [round(one / took, 3) for one in others],
        "load": round(os.getloadavg()[0], 1),
    }


def _scored(broker: str, topic: str, between_ms: tuple[float, float]) -> dict[str, list[int]]:
    """Scored events by partition, in the stretch of time and in all."""
    inside: Counter[int] = Counter()
    every: Counter[int] = Counter()
    for record in asyncio.run(read_all(broker, topic)):
        events = len(sources_of(record.value))
        every[record.partition] += events
        if between_ms[0] <= record.timestamp < between_ms[1]:
            inside[record.partition] += events
    return {"window": list(inside.values()), "all": list(every.values())}


def main() -> None:
    """Measure each number of workers, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", default="1,2,3,4,1", help="numbers of workers in order")
    parser.add_argument("--share", type=float, default=0.2, help="of a processor, for each worker")
    parser.add_argument("--seconds", type=float, default=25.0, help="that are measured")
    parser.add_argument(
        "--backlog", type=int, default=22_000, help="events a second of a whole processor, at most"
    )
    parser.add_argument("--callers", type=int, default=2_000, help="shared by all subscribers")
    parser.add_argument("--payees", type=int, default=5_000, help="likewise")
    given = parser.parse_args()
    rows = []
    with servers() as (broker, directory):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))  # workers go where there is room
        for number, count in enumerate(map(int, given.workers.split(","))):
            rows.append(measure(broker, directory, f"c{number}", count, given))
            print(json.dumps(rows[-1]), flush=True)
    alone = [row["events_per_second"] for row in rows if row["workers"] == 1]
    for row in rows:
        if alone:
            row["of_linear"] = round(row["events_per_second"] / row["workers"] / mean(alone), 3)
    print(json.dumps({row["workers"]: row.get("of_linear") for row in rows}))
    print(save("scale_workers", {"asked": vars(given), "rows": rows}))


if __name__ == "__main__":
    main()
