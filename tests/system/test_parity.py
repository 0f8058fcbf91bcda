"""A simulated week through real workers that are killed twice: exported, it repeats bit for bit."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from benchmarks.world import WorkerProcess, World
from features.offline.parquet_tables import read_topic
from forewarn.contracts import decode_scores, encode
from forewarn.contracts.topics import SOURCES
from forewarn.errors import ForewarnError
from forewarn.local import KafkaBroker, RedisServer
from forewarn.local.wait import wait_until
from forewarn.platform.kafka import client_arguments
from tests.simulation.little_town import topic_of
from tests.simulation.test_parity import disturbed

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

WEEK_EVENTS = 1500
LATER_EVENTS = 100
PATIENCE_SECONDS = 100


@pytest.fixture
def world(tmp_path: Path, require: Callable[[bool, str], None]) -> Iterator[World]:
    """A broker and a Redis of the test's own: it loses the state on purpose."""
    broker, redis = KafkaBroker(tmp_path / "kafka"), RedisServer(tmp_path / "redis")
    try:
        broker.start()
        redis.start()
    except ForewarnError as error:
        require(False, f"servers could not be started: {error}")
    world = World(
        tmp_path,
        bootstrap_servers=broker.bootstrap_servers,
        redis_url=redis.url,
        partitions=4,
        intercept=-3.2,
        settings={
            "FOREWARN_WORKER_BATCH_EVENTS": "100",
            "FOREWARN_WORKER_SESSION_SECONDS": "6",
        },
    )
    world.create_topics()
    yield world
    redis.stop()
    broker.stop()


@pytest.fixture
def workers(world: World) -> Iterator[list[WorkerProcess]]:
    made = [world.worker(f"worker-{number}") for number in range(2)]
    yield made
    for worker in made:
        worker.kill()


class Scored:
    """Reads the scores topic as it grows."""

    def __init__(self, world: World) -> None:
        self._consumer = KafkaConsumer(**client_arguments(world.kafka))
        places = [TopicPartition("scores", number) for number in range(4)]
        self._consumer.assign(places)
        self._consumer.seek_to_beginning(*places)
        self.times: dict[tuple[str, int, int], int] = {}

    def count(self) -> int:
        """Distinct events scored so far."""
        for records in self._consumer.poll(timeout_ms=200).values():
            for record in records:
                for score in decode_scores(record.value):
                    event = score.source.topic, score.source.partition, score.source.offset
                    self.times[event] = self.times.get(event, 0) + 1
        return len(self.times)

    def until(self, count: int, workers: list[WorkerProcess]) -> None:
        """Wait for so many."""
        try:
            wait_until(lambda: self.count() >= count, PATIENCE_SECONDS, what=f"{count} scores")
        except ForewarnError as error:
            logs = "\n".join(worker.tail(20) for worker in workers)
            raise AssertionError(f"{error} have {len(self.times)}\n{logs}") from None

    def close(self) -> None:
        self._consumer.close()


def forewarn(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as an operator would."""
    return subprocess.run(
        [sys.executable, "-m", "forewarn", *arguments],
        env=os.environ | world.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def send(world: World, events: list) -> None:
    producer = KafkaProducer(**client_arguments(world.kafka))
    for event in events:
        producer.send(topic_of(event), value=encode(event), key=event.subscriber.encode())
    producer.flush()
    producer.close()


def test_a_week_with_two_crashes_repeats_and_a_lost_state_is_rebuilt(
    world: World, workers: list[WorkerProcess], tmp_path: Path
) -> None:
    events = disturbed(7, WEEK_EVENTS + LATER_EVENTS)
    later, week = events[-LATER_EVENTS:], events[:-LATER_EVENTS]
    send(world, week)
    scored = Scored(world)
    for worker in workers:
        worker.start()
    scored.until(300, workers)
    workers[0].kill()
    workers[0].start()
    scored.until(len(week) // 2, workers)
    workers[1].kill()
    scored.until(len(week), workers)
    assert len(scored.times) == len(week)

    out = tmp_path / "export"
    assert forewarn(world, "export", "--out", str(out)).returncode == 0
    rows = sum(read_topic(out, topic).collect().height for topic in SOURCES)
    assert rows == len(week)
    found = forewarn(world, "parity", "--in", str(out))
    assert found.returncode == 0, found.stdout + found.stderr
    assert " 0 differ" in found.stdout
    assert " 0 not covered" in found.stdout
    assert " 0 events without score" in found.stdout

    # The same export with one bit changed is refused, and the bit is named.
    scores = pl.concat([pl.read_parquet(f) for f in sorted((out / "scores").glob("*.parquet"))])
    vectors = scores["vector"].to_list()
    vectors[50] = ("B" if vectors[50][0] == "A" else "A") + vectors[50][1:]
    for path in (out / "scores").glob("*.parquet"):
        path.unlink()
    scores.with_columns(vector=pl.Series(vectors)).write_parquet(out / "scores" / "all.parquet")
    tampered = forewarn(world, "parity", "--in", str(out))
    assert tampered.returncode == 1
    assert scores["event_id"][50] in tampered.stdout

    # Redis comes back empty: a rebuild lets the workers go on where they were.
    workers[0].stop()
    rebuilt = forewarn(world, "rebuild", "--yes")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    again = dict(scored.times)
    send(world, later)
    workers[0].start()
    scored.until(len(week) + len(later), workers)
    assert {event: scored.times[event] for event in again} == again, "an old event was scored again"
    scored.close()
