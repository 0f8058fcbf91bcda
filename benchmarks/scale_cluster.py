"""State of two million subscribers in a Redis Cluster, with a live group: ``make bench-scale PART=b``.

::

    python -m benchmarks.scale_cluster --subscribers 2000000 --others 1 --rate 300

Six servers, three of them replicas. ``benchmarks.cluster_state`` writes the state; then a group of two workers takes a backlog
(the processor time of an event) and a live stream at a modest rate (the time from an event's append to that of its score), and one
primary is killed. ``gap_seconds`` is the longest time without any score after that, and ``pause_seconds`` the time to
the last score that was late. Who had an event around the loss is asked for afterwards what the record counts
(``benchmarks.cluster_count``): a replica may lack the last writes. An event without a score ends the program with
status 1. With ``--others 0.25`` a quarter of the town's records of numbers, accounts and devices is written, for less memory.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from benchmarks.bench import save, servers
from benchmarks.cluster_count import Ledger
from benchmarks.cluster_state import write_copies, write_sample
from benchmarks.live_stream import Record, first_scores, live, stretch_figures
from benchmarks.measure import append_times
from benchmarks.redis_cluster import start_cluster
from benchmarks.stream_session import SOURCES, generate
from benchmarks.worker_group import WorkerGroup
from benchmarks.world import PSEUDONYM_KEY, World
from forewarn.local import KafkaBroker, RedisServer

NODE_TIMEOUT_MS = 5_000
PARTITIONS = 16
WARM_EVENTS = 4_000
BEFORE_MS = 2_000
"""Events appended so long before the loss may have been on their way to the replica."""
OWN_BYTES, OTHER_BYTES = 800, 1_700
"""A subscriber's own record and the other records of a town, for the estimate."""
RESERVE_BYTES = 3 << 30
PREFIX = "b."


def require_memory(subscribers: int, others: float) -> None:
    """Refuse a state that the machine has no memory for; raises SystemExit."""
    needed = 2.4 * subscribers * (OWN_BYTES + others * OTHER_BYTES) + RESERVE_BYTES
    free = psutil.virtual_memory().available
    if needed > free:
        raise SystemExit(
            f"{needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free: give fewer --subscribers or --others"
        )


def fill(nodes: Sequence[RedisServer], given: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Write the state; returns its figures, and how many people of the traffic it holds."""
    key = PSEUDONYM_KEY.encode()
    empty = used_memory(nodes)
    sample = asyncio.run(write_sample(nodes[0].url, key, given.sample))
    copied = given.subscribers - sample.people
    records, seconds = write_copies(
        sample, nodes[0].url, key, copied, others=given.others, writers=given.writers
    )
    used = [now - before for now, before in zip(used_memory(nodes), empty, strict=True)]
    resident = [psutil.Process(node.process.pid).memory_info().rss for node in nodes]
    return {
        "subscribers": given.subscribers,
        "records_a_subscriber": round(records / copied, 1),
        "bytes_a_subscriber": round(sum(used[:3]) / given.subscribers),
        "primaries_mb": [round(one / 1e6) for one in used[:3]],
        "six_resident_mb": round(sum(resident) / 1e6),
        "records_written_a_second": round(records / seconds),
        "write_seconds": round(seconds),
        "load": load(),
    }, copied


def used_memory(nodes: Sequence[RedisServer]) -> list[int]:
    """``used_memory`` of each server, in bytes."""
    found = []
    for node in nodes:
        with node.client(socket_timeout=30.0) as client:
            found.append(int(client.info("memory")["used_memory"]))
    return found


def load() -> float:
    """The load average of the last minute."""
    return round(os.getloadavg()[0], 1)


@contextmanager
def group_on(
    broker: KafkaBroker, nodes: Sequence[RedisServer], home: Path
) -> Iterator[WorkerGroup]:
    """A group without workers on a cluster, with its topics; whatever runs at the end is killed."""
    home.mkdir()
    world = World(
        home, bootstrap_servers=broker.bootstrap_servers, redis_url=nodes[1].url,
        partitions=PARTITIONS, large_amounts=True, topic_prefix=PREFIX,
        settings={
            "FOREWARN_LOG_LEVEL": "ERROR",
            "FOREWARN_REDIS_CLUSTER": "true",
            "FOREWARN_WORKER_SESSION_SECONDS": "60",  # outlasts the time that it is stopped
        },
    )  # fmt: skip
    world.create_topics()
    group = WorkerGroup(world, nodes[1])
    try:
        yield group
    finally:
        for worker in group.workers:
            worker.kill()


class Trial:
    """What is measured with a group that is up.

    Args:
        broker: running.
        group: ready.
        nodes: the cluster; the first one is killed.
        given: the options.
        traffic: further options of the traffic.
    """

    def __init__(
        self,
        broker: KafkaBroker,
        group: WorkerGroup,
        nodes: Sequence[RedisServer],
        given: argparse.Namespace,
        traffic: list[object],
    ) -> None:
        self.broker, self.group, self.nodes, self.given = broker, group, list(nodes), given
        self._traffic = traffic

    def backlog(self) -> dict[str, Any]:
        """Let the workers take a backlog; processor time of workers and of Redis for an event."""
        count = self.given.backlog
        self.group.signal(signal.SIGSTOP)
        generate(
            self.broker, "--events", count, "--seed", 3, "--prefix", PREFIX,
            "--large-share", 0.01, *self._traffic,
        )  # fmt: skip
        workers, redis, began = self._used(), self._used_by_redis(), time.monotonic()
        self.group.signal(signal.SIGCONT)
        self.group.await_events(WARM_EVENTS + count)
        return {
            "events": count,
            "worker_us_an_event": round((self._used() - workers) / count * 1e6, 1),
            "redis_us_an_event": round((self._used_by_redis() - redis) / count * 1e6, 1),
            "events_per_second": round(count / (time.monotonic() - began)),
            "load": load(),
        }

    def stream(self) -> dict[str, Any]:
        """Kill a primary under a live stream; latencies before and after it, and what the records count."""
        stream = live(self.broker, self.given.rate, *self._traffic, prefix=PREFIX)
        try:
            time.sleep(self.given.seconds / 4)  # the stream is up, and all connections are
            steady = self._steady()
            lost_ms = time.time() * 1000
            self.nodes.pop(0).kill()
            time.sleep(self.given.seconds)
            ended_ms = time.time() * 1000
        finally:
            stream.kill()
            stream.wait()
        address = self.broker.bootstrap_servers
        appended = append_times(address, [PREFIX + topic for topic in SOURCES])
        scored = first_scores(self.broker, f"{PREFIX}scores", appended)
        return {
            "rate": self.given.rate,
            "steady": stretch_figures(appended, scored, steady.pop("between_ms")) | steady,
            "primary_killed": stretch_figures(appended, scored, (lost_ms, ended_ms))
            | {"gap_seconds": _gap_seconds(scored, lost_ms), "load": load()},
            "missing": len(appended) - len(scored),
            **self._counted(appended, lost_ms),
        }

    def _steady(self) -> dict[str, Any]:
        events, workers, redis = sum(self.group.events()), self._used(), self._used_by_redis()
        began_ms = time.time() * 1000
        time.sleep(self.given.seconds)
        between_ms = (began_ms, time.time() * 1000)
        done = max(1, sum(self.group.events()) - events)
        return {
            "between_ms": between_ms,
            "worker_us_an_event": round((self._used() - workers) / done * 1e6, 1),
            "redis_us_an_event": round((self._used_by_redis() - redis) / done * 1e6, 1),
            "load": load(),
        }

    def _counted(self, appended: dict[Record, int], lost_ms: float) -> dict[str, Any]:
        """What the records of those count who had an event around the loss."""
        ledger = Ledger(self.broker.bootstrap_servers, PREFIX)
        ledger.read()
        until_ms = lost_ms + NODE_TIMEOUT_MS * 2
        around = {place for place, at in appended.items() if lost_ms - BEFORE_MS <= at < until_ms}
        people = ledger.people_at(around)
        ledger.probe(people)
        return {
            "events": len(appended),
            "scored_again": sum(len(scores) > 1 for scores in ledger.seen.values()),
            "rolled_back": int(self.group.sum_of("state_rollbacks_total")),
            "counted": ledger.judge(people),
        }

    def _used(self) -> float:
        return sum(self.group.processor_seconds())

    def _used_by_redis(self) -> float:
        return sum(sum(psutil.Process(node.process.pid).cpu_times()[:2]) for node in self.nodes)


def _gap_seconds(scored: dict[Record, int], since_ms: float) -> float | None:
    """The longest time without a score after a moment; None if there was none after it."""
    times = [since_ms, *sorted({at for at in scored.values() if at >= since_ms})]
    gaps = [after - before for before, after in pairwise(times)]
    return round(max(gaps) / 1000, 1) if gaps else None


def measure(broker: KafkaBroker, directory: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Fill a cluster, and run the group on it."""
    nodes = start_cluster(directory / "cluster", node_timeout_ms=NODE_TIMEOUT_MS)
    try:
        state, people = fill(nodes, given)
        print(json.dumps(state), flush=True)
        traffic: list[object] = ["--subscribers", people]
        traffic += ["--callers", people // 10, "--payees", people // 4]
        with group_on(broker, nodes, directory / "group") as group:
            group.start(2)
            group.await_ready()
            generate(broker, "--events", WARM_EVENTS, "--prefix", PREFIX, *traffic)
            group.await_events(WARM_EVENTS)
            trial = Trial(broker, group, nodes, given, traffic)
            backlog = trial.backlog()
            print(json.dumps(backlog), flush=True)
            return {"state": state, "backlog": backlog, "stream": trial.stream()}
    finally:
        for node in nodes:
            node.kill()


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subscribers", type=int, default=2_000_000)
    parser.add_argument(
        "--others", type=float, default=1.0, help="share of the town's other records"
    )
    parser.add_argument("--sample", type=int, default=4_000, help="people that are simulated")
    parser.add_argument("--writers", type=int, default=2, help="processes that write the state")
    parser.add_argument("--backlog", type=int, default=40_000, help="events")
    parser.add_argument("--rate", type=float, default=300.0, help="events a second")
    parser.add_argument("--seconds", type=float, default=40.0, help="before and after the loss")
    given = parser.parse_args()
    require_memory(given.subscribers, given.others)
    with servers() as (broker, directory):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))  # all go where there is room
        result = measure(broker, directory, given)
    print(json.dumps(result))
    print(save("scale_cluster", {"asked": vars(given), **result}))
    sys.exit(1 if result["stream"]["missing"] else 0)


if __name__ == "__main__":
    main()
