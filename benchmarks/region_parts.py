"""One region of the rehearsal: Kafka, Redis and PostgreSQL, a stream worker and the alerting service."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psycopg
from kafka import KafkaConsumer, TopicPartition

from benchmarks.measure import sources_of
from benchmarks.world import WorkerProcess, World
from forewarn.contracts.topics import TopicName
from forewarn.local import KafkaBroker, RedisServer
from forewarn.local.child_process import Child
from forewarn.local.ports import free_port
from forewarn.local.readiness_probe import ask
from forewarn.local.wait import wait_until
from tests.doubles.postgres_server import PostgresServer

PARTITIONS = 8
MIRRORED: tuple[TopicName, ...] = ("calls", "transfers", "outcomes", "lists", "warnings")
"""Scores are not among them: they are many, and training has them from exports."""

API_KEY = "a-key-for-the-rehearsal-and-nothing-else"
START_SECONDS = 900.0


class Region:
    """Servers of one region; worker and service are started apart.

    Args:
        home: directory of all its files.
        database: primary or standby, running.
    """

    def __init__(self, home: Path, database: PostgresServer) -> None:
        home.mkdir()
        self.database = database
        self.kafka = KafkaBroker(home / "kafka", name=f"kafka-{home.name}").start()
        self.redis = RedisServer(home / "redis", name=f"redis-{home.name}").start()
        self.world = World(
            home,
            bootstrap_servers=self.kafka.bootstrap_servers,
            redis_url=self.redis.url,
            partitions=PARTITIONS,
            large_amounts=True,
            settings={"FOREWARN_LOG_LEVEL": "WARNING"},
        )
        self.worker: WorkerProcess = self.world.worker("worker")
        self.alerting = AlertingService(self.world, database.url)

    def command(self, *words: str) -> str:
        """Run ``forewarn`` with the settings of this region; returns what it printed."""
        child = Child(
            words[0],
            [sys.executable, "-m", "forewarn", *words],
            log_file=self.world.directory / f"{words[0]}.log",
            environment=self.alerting.environment,
        )
        child.run(START_SECONDS)
        return child.tail(1)

    def await_worker(self) -> None:
        """Wait until the worker is ready."""
        _await(self.worker, f"http://127.0.0.1:{self.worker.port}/ready")

    def await_alerting(self) -> None:
        """Wait until the service is ready."""
        _await(self.alerting, f"http://127.0.0.1:{self.alerting.probe_port}/healthz/ready")

    def ends(self, topics: tuple[TopicName, ...]) -> dict[tuple[str, int], int]:
        """The next offset of each partition; a topic that is not there has none."""
        consumer = self._consumer()
        try:
            parts = [TopicPartition(t, n) for t in topics for n in _partitions(consumer, t)]
            return {(p.topic, p.partition): end for p, end in consumer.end_offsets(parts).items()}
        finally:
            consumer.close()

    def positions(self, group: str, topics: tuple[TopicName, ...]) -> dict[tuple[str, int], int]:
        """The committed offsets of a group."""
        consumer = self._consumer(group)
        try:
            parts = [TopicPartition(t, n) for t in topics for n in _partitions(consumer, t)]
            found = {(p.topic, p.partition): consumer.committed(p) for p in parts}
        finally:
            consumer.close()
        return {where: offset for where, offset in found.items() if offset is not None}

    def scored(self, topic: str, beyond: dict[int, int]) -> bool:
        """Whether an event of the topic at or beyond an offset by partition has a score here."""
        consumer = self._consumer()
        try:
            parts = [TopicPartition("scores", n) for n in _partitions(consumer, "scores")]
            consumer.assign(parts)
            consumer.seek_to_beginning(*parts)
            ends = consumer.end_offsets(parts)
            while any(consumer.position(part) < end for part, end in ends.items()):
                for batch in consumer.poll(timeout_ms=200).values():
                    for record in batch:
                        for source, partition, offset in sources_of(record.value):
                            if source == topic and offset >= beyond.get(partition, 0):
                                return True
            return False
        finally:
            consumer.close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the database; a standby answers too."""
        dsn = self.database.url.replace("+psycopg", "")
        with psycopg.connect(dsn, connect_timeout=5) as connection:
            return connection.execute(query).fetchall()

    def crash(self) -> None:
        """Lose the region in one moment: every process of it is killed."""
        servers = [self.kafka.process, self.redis.process, self.database.process]
        for child in (self.worker, self.alerting, *servers):
            if child.is_running():
                child.send_signal(signal.SIGKILL)
        for child in (self.worker, self.alerting, *servers):
            child.kill()

    def stop(self) -> None:
        """Stop whatever runs."""
        for child in (self.worker, self.alerting):
            child.stop()
        self.kafka.stop()
        self.redis.stop()
        self.database.stop()

    def _consumer(self, group: str | None = None) -> KafkaConsumer:
        return KafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap_servers, group_id=group, enable_auto_commit=False
        )


class AlertingService(Child):
    """``forewarn alerting serve`` on PostgreSQL."""

    def __init__(self, world: World, database: str) -> None:
        self.port, self.probe_port = free_port(), free_port()
        super().__init__(
            "alerting",
            [sys.executable, "-m", "forewarn", "alerting", "serve"],
            log_file=world.directory / "alerting.log",
            environment={
                **world.environment,
                "FOREWARN_ALERTING_DATABASE_URL": database,
                "FOREWARN_ALERTING_API_KEY": API_KEY,
                "FOREWARN_ALERTING_PORT": str(self.port),
                "FOREWARN_ALERTING_METRICS_PORT": str(self.probe_port),
                "FOREWARN_ACCESS_USERS_FILE": str(world.directory / "users.json"),
            },
        )

    def client(self) -> httpx.Client:
        """A client that may do everything with cases."""
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {API_KEY}"},
            timeout=20,
        )


def load(region: Region, *, rate: float, seconds: float, seed: int) -> subprocess.Popen[bytes]:
    """Start to append traffic, 5 % of it attempted transfers of which the model warns."""
    words = [sys.executable, "-m", "benchmarks.generate", region.kafka.bootstrap_servers]
    options = {
        "--seed": seed, "--events": int(rate * seconds), "--rate": rate,
        "--large-share": 0.05, "--subscribers": 2_000,
    }  # fmt: skip
    words += [str(word) for pair in options.items() for word in pair]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def close_cases(region: Region, until: float) -> int:
    """Close cases over HTTP, as responders do, until a moment of ``time.monotonic``; their number."""
    done: set[str] = set()
    with region.alerting.client() as client:
        while time.monotonic() < until:
            listed = client.get("/v1/cases").raise_for_status().json()["cases"]
            fresh = [case["case_id"] for case in listed if case["case_id"] not in done]
            if not fresh:
                time.sleep(0.5)
                continue
            for step, body in (
                ("claim", {}),
                ("contact", {"method": "phone", "reached": True}),
                ("close", {"disposition": "dissuaded"}),
            ):
                client.post(f"/v1/cases/{fresh[0]}/{step}", json=body).raise_for_status()
            done.add(fresh[0])
            time.sleep(0.2)
    return len(done)


def _partitions(consumer: KafkaConsumer, topic: str) -> set[int]:
    return set(consumer.partitions_for_topic(topic) or ())


def _await(child: Child, url: str) -> None:
    def ready() -> bool:
        child.require_running()
        return ask(url).passes

    wait_until(ready, START_SECONDS, what=lambda: f"{child.name} to be ready ({ask(url).reason})")
