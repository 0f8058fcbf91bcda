"""One worker under measurement: backlogs with different shares of warnings, and live streams.

A backlog is appended while the worker is stopped (SIGSTOP), so that batches are as large as they get
when a worker is behind. Cost is processor time of all threads of the worker for each event, which
stays comparable while other processes use the machine.
"""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

from benchmarks.bench import move_to_worker_core, on_worker_core, run_for_result
from benchmarks.measure import append_times, latencies_ms, percentiles
from benchmarks.world import WorkerProcess, World
from forewarn.local import KafkaBroker, RedisServer

PARTITIONS = 8
SUBSCRIBERS = 10_000
SOURCES = ("calls", "transfers")

SCRAPE_SECONDS = 0.5
"""Time between two scrapes, of the metrics below: all of them made up a twentieth of the worker's processor time."""

_SCRAPED = (
    "forewarn_worker_events_total",
    "forewarn_worker_warnings_total",
    "process_cpu_seconds_total",
)


class Session:
    """A started worker with topics and a store of its own.

    Args:
        broker: shared by all sessions of a benchmark.
        world: names and environment.
        redis: of this session.
        worker: running.
        first_ms: event time of the first event.
    """

    def __init__(
        self,
        broker: KafkaBroker,
        world: World,
        redis: RedisServer,
        worker: WorkerProcess,
        first_ms: int,
    ) -> None:
        self.broker, self.world, self.redis, self.worker = broker, world, redis, worker
        self._next_ms = first_ms
        self._seed = 0
        self.appended = 0

    def backlog(self, events: int, large_share: float) -> dict[str, float]:
        """Append a backlog and let the worker process it.

        Returns:
            ``cpu_us`` an event, ``events_per_second`` by the clock, ``warned`` share of the events.
        """
        os.kill(self.worker.pid, signal.SIGSTOP)
        try:
            self._generate(events, large_share, start_ms=self._next_ms)
        finally:
            os.kill(self.worker.pid, signal.SIGCONT)
        self._next_ms += events
        began = time.monotonic()
        first = self._counters()
        last = self._await_events(self.appended)
        done = last["events"] - first["events"]
        if done < events or last["cpu"] <= first["cpu"]:
            sys.exit(
                f"{done} of {events} events in {last['cpu'] - first['cpu']} s: nothing to divide"
            )
        return {
            "cpu_us": (last["cpu"] - first["cpu"]) / done * 1e6,
            "events_per_second": done / (time.monotonic() - began),
            "warned": (last["warnings"] - first["warnings"]) / done,
        }

    def live(self, rate: float, seconds: float, large_share: float) -> dict[str, Any]:
        """Append a live stream; return latencies to scores and to warnings in milliseconds.

        The first quarter is not counted.
        """
        began_ms = time.time_ns() // 1_000_000
        late = self._generate(int(rate * seconds), large_share, rate=rate)
        self._await_events(self.appended)
        address = self.broker.bootstrap_servers
        prefix = self.world.kafka.topic_prefix
        appended = append_times(address, [prefix + topic for topic in SOURCES])
        since_ms = began_ms + int(seconds * 250)
        found = {
            output: latencies_ms(address, prefix + output, appended, since_ms=since_ms)
            for output in ("scores", "warnings")
        }
        return {
            "events_per_second": round(rate),
            "late_ticks": late,
            "to_score": percentiles(found["scores"]),
            "to_warning": percentiles(found["warnings"]),
        }

    def floor_us(self) -> float:
        """Processor time an event of a bare aiokafka consumer of the same records, median of three."""
        prefix = self.world.kafka.topic_prefix
        topics = ",".join(prefix + topic for topic in SOURCES)
        command = [sys.executable, "-m", "benchmarks.stream_engines", "raw"]
        command += [self.broker.bootstrap_servers, topics, str(self.appended)]
        runs = [run_for_result(on_worker_core(*command), timeout_seconds=120) for _ in range(3)]
        return 1e6 / median(float(run["events_per_cpu_second"]) for run in runs)

    def _generate(
        self, events: int, large_share: float, *, start_ms: int = 0, rate: float = 0.0
    ) -> int:
        self._seed += 1
        self.appended += events
        return generate(
            self.broker,
            "--seed", self._seed, "--events", events, "--large-share", large_share, "--rate", rate,
            "--start-ms", start_ms, "--prefix", self.world.kafka.topic_prefix,
        )  # fmt: skip

    def _counters(self) -> dict[str, float]:
        lines = scrape(self.worker)
        return {
            "events": value_of(lines, "events_total{"),
            "warnings": value_of(lines, 'warnings_total{action="raise"'),
            "cpu": sum(_sample(line) for line in lines if line.startswith("process_cpu_seconds")),
        }

    def _await_events(self, wanted: int, timeout_seconds: float = 300) -> dict[str, float]:
        deadline = time.monotonic() + timeout_seconds
        while True:
            counters = self._counters()
            if counters["events"] >= wanted:
                return counters
            if time.monotonic() > deadline:
                sys.exit(
                    f"only {counters['events']} of {wanted} events in {timeout_seconds} s:\n"
                    f"{self.worker.tail(30)}"
                )
            time.sleep(SCRAPE_SECONDS)


@contextmanager
def session(
    broker: KafkaBroker, directory: Path, name: str, source_tree: Path | None = None
) -> Iterator[Session]:
    """Start a worker that has processed some events already.

    Args:
        broker: running.
        directory: for files.
        name: of the session; prefix of its topics.
        source_tree: the worker's code; the present tree by default.
    """
    home = directory / name
    home.mkdir()
    with RedisServer(home / "redis", name=f"redis-{name}") as redis:
        move_to_worker_core(redis.process.pid)
        world = World(
            home,
            bootstrap_servers=broker.bootstrap_servers,
            redis_url=redis.unix_url,
            partitions=PARTITIONS,
            large_amounts=True,
            topic_prefix=f"{name}.",
            source_tree=source_tree,
            settings={
                "FOREWARN_LOG_LEVEL": "ERROR",
                "FOREWARN_WORKER_SESSION_SECONDS": "60",  # outlasts the time that it is stopped
            },
        )
        world.create_topics()
        worker = world.worker("worker", prefix=on_worker_core())
        worker.start()
        try:
            first_ms = time.time_ns() // 1_000_000 - 3_600_000
            found = Session(broker, world, redis, worker, first_ms)
            found._generate(4_000, 0.02, start_ms=first_ms)  # noqa: SLF001
            found._next_ms += 4_000  # noqa: SLF001
            found._await_events(4_000)  # noqa: SLF001
            yield found
        finally:
            worker.stop()


def bare_loop(
    broker: KafkaBroker, directory: Path, name: str, rate: float, seconds: float
) -> dict[str, Any]:
    """Latencies of a consumer that answers each record with another and does nothing else."""
    world = World(
        directory / name,
        bootstrap_servers=broker.bootstrap_servers,
        redis_url="",
        partitions=PARTITIONS,
        topic_prefix=f"{name}.",
    )
    world.create_topics()
    topics = [f"{name}.{topic}" for topic in SOURCES]
    command = [sys.executable, "-m", "benchmarks.stream_engines", "echo"]
    command += [broker.bootstrap_servers, ",".join([*topics, f"{name}.scores"]), str(1 << 60)]
    loop = subprocess.Popen(on_worker_core(*command), stdout=subprocess.PIPE)
    try:
        assert loop.stdout is not None
        loop.stdout.readline()  # it is connected
        generate(broker, "--events", int(rate * seconds), "--rate", rate, "--prefix", f"{name}.")
        time.sleep(0.5)
        appended = append_times(broker.bootstrap_servers, topics)
        since_ms = min(appended.values()) + int(seconds * 250)
        return percentiles(
            latencies_ms(broker.bootstrap_servers, f"{name}.scores", appended, since_ms=since_ms)
        )
    finally:
        loop.kill()
        loop.wait()


def generate(broker: KafkaBroker, *options: object) -> int:
    """Append traffic; returns late ticks of the generator."""
    command = [sys.executable, "-m", "benchmarks.generate", broker.bootstrap_servers]
    command += [str(option) for option in options]
    return int(subprocess.run(command, check=True, capture_output=True, timeout=600).stdout)


def scrape(worker: WorkerProcess, *names: str) -> list[str]:
    """Metrics of the worker, by default those of a session; no lines while it does not answer yet."""
    query = urlencode([("name[]", name) for name in names or _SCRAPED])
    try:
        address = f"http://127.0.0.1:{worker.port}/metrics?{query}"
        with urllib.request.urlopen(address, timeout=5) as answer:
            return str(answer.read().decode()).splitlines()
    except OSError:
        worker.require_running()
        return []


def value_of(lines: list[str], name: str) -> float:
    """Sum of a metric's samples; also under its name in commits before the prefix ``worker``."""
    names = (f"forewarn_worker_{name}", f"forewarn_{name}")
    return sum(_sample(line) for line in lines if line.startswith(names))


def _sample(line: str) -> float:
    return float(line.rpartition(" ")[2])
