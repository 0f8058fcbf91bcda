"""Several stream workers of one group, with topics and a store of their own."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.stream_session import scrape, value_of
from benchmarks.world import WorkerProcess, World
from forewarn.local import KafkaBroker, RedisServer
from forewarn.local.readiness_probe import ask
from forewarn.local.wait import wait_until

START_SECONDS = 600.0


class WorkerGroup:
    """Workers of one world; none runs at first.

    Args:
        world: names and environment.
        redis: of this group.
    """

    def __init__(self, world: World, redis: RedisServer) -> None:
        self.world, self.redis = world, redis
        self.workers: list[WorkerProcess] = []
        self._numbers = iter(range(1_000))

    def start(self, count: int) -> list[WorkerProcess]:
        """Start workers beside those that run; returns the new ones, which may not be ready."""
        fresh = [self.world.worker(f"worker-{next(self._numbers)}") for _ in range(count)]
        for worker in fresh:
            worker.start()
        self.workers += fresh
        return fresh

    def take_out(self) -> WorkerProcess:
        """The worker that started first, to be ended by the caller."""
        return self.workers.pop(0)

    def await_ready(self) -> None:
        """Wait until every worker is ready."""

        def ready() -> bool:
            for worker in self.workers:
                worker.require_running()
            return all(
                ask(f"http://127.0.0.1:{worker.port}/ready").passes for worker in self.workers
            )

        wait_until(ready, START_SECONDS, what="workers to be ready", interval_seconds=0.5)

    def await_events(self, wanted: int) -> None:
        """Wait until the workers have processed so many events in all since they started."""

        def done() -> bool:
            return sum(self.events()) >= wanted

        wait_until(done, START_SECONDS, what=f"{wanted} events", interval_seconds=0.5)

    def events(self) -> list[int]:
        """Events that each worker has processed since it started."""
        return [int(value_of(scrape(worker), "events_total{")) for worker in self.workers]

    def sum_of(self, name: str) -> float:
        """A metric summed over its samples and all workers, since they started."""
        full = f"forewarn_worker_{name}"
        return sum(value_of(scrape(worker, full), name) for worker in self.workers)

    def processor_seconds(self) -> list[float]:
        """Processor time of each worker, all threads."""
        times = [psutil.Process(worker.pid).cpu_times() for worker in self.workers]
        return [one.user + one.system for one in times]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every worker."""
        for worker in self.workers:
            worker.send_signal(number)


@contextmanager
def worker_group(
    broker: KafkaBroker,
    directory: Path,
    name: str,
    *,
    partitions: int,
    settings: dict[str, str] | None = None,
) -> Iterator[WorkerGroup]:
    """A group without workers, with its topics and its Redis; whatever runs at the end is killed.

    Args:
        broker: running.
        directory: for files.
        name: prefix of its topics.
        partitions: of each source topic.
        settings: further environment variables of the workers.
    """
    home = directory / name
    home.mkdir()
    with RedisServer(home / "redis", name=f"redis-{name}") as redis:
        world = World(
            home,
            bootstrap_servers=broker.bootstrap_servers,
            redis_url=redis.unix_url,
            partitions=partitions,
            large_amounts=True,
            topic_prefix=f"{name}.",
            settings={"FOREWARN_LOG_LEVEL": "ERROR", **(settings or {})},
        )
        world.create_topics()
        group = WorkerGroup(world, redis)
        try:
            yield group
        finally:
            for worker in group.workers:
                worker.kill()
