"""A replica of the decision service that starts while Kafka is away, on a real Kafka and Redis."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from kafka import KafkaConsumer

from benchmarks.decide_process import DecideProcess, payment
from benchmarks.world import World
from forewarn.contracts import encode
from forewarn.local import KafkaBroker, RedisServer
from forewarn.local.wait import wait_until
from tests.chaos.proxy import Proxy

pytestmark = pytest.mark.system

PATIENCE_SECONDS = 120.0


@pytest.fixture
def proxy(kafka: KafkaBroker) -> Iterator[Proxy]:
    proxy = Proxy(kafka.ports["PLAINTEXT"]).start()
    yield proxy
    proxy.stop()


@pytest.fixture
def world(
    tmp_path: Path, kafka: KafkaBroker, redis_server: RedisServer, proxy: Proxy, topic_prefix: str
) -> World:
    world = World(
        tmp_path,
        bootstrap_servers=f"127.0.0.1:{proxy.port}",
        redis_url=redis_server.url,
        partitions=2,
        topic_prefix=topic_prefix,
    )
    world.create_topics(kafka.bootstrap_servers)
    return world


@pytest.fixture
def replica(world: World, tmp_path: Path) -> Iterator[DecideProcess]:
    replica = DecideProcess(world, "decide", {"FOREWARN_DECIDE_SPOOL_DIR": str(tmp_path / "spool")})
    yield replica
    replica.stop()


def probe(replica: DecideProcess, name: str) -> dict[str, Any]:
    """What a probe says; the reason "down" while nothing listens."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{replica.probe_port}/healthz/{name}", timeout=5)
    except httpx.HTTPError:
        return {"status": "failing", "reasons": ["down"]}
    return dict(answer.json())


def ask(replica: DecideProcess, name: str, **headers: str) -> dict[str, Any]:
    event = payment(1, transfer_id=name, event_id=f"{name}-attempted")
    answer = httpx.post(
        replica.url,
        content=encode(event),
        headers=replica.headers | {"Forewarn-Deadline-Ms": "100"} | headers,
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_replica_that_starts_without_kafka_answers_and_sends_what_it_kept_once_kafka_is_back(
    replica: DecideProcess, proxy: Proxy, kafka: KafkaBroker, topic_prefix: str
) -> None:
    proxy.cut()
    replica.start()
    wait_until(
        lambda: probe(replica, "startup")["status"] == "ok", PATIENCE_SECONDS, what="the start"
    )
    assert probe(replica, "live")["status"] == "ok"
    assert probe(replica, "ready")["reasons"] == ["kafka_never_reached"]
    lost = ask(replica, "lost")
    assert (lost["reason"], lost["recorded"]) == ("stream_unavailable", "no")
    kept = ask(replica, "kept", **{"Forewarn-Accept-Late": "true"})
    assert (kept["reason"], kept["recorded"]) == ("stream_unavailable", "spooled")
    proxy.restore()
    wait_until(
        lambda: probe(replica, "ready")["status"] == "ok", PATIENCE_SECONDS, what="readiness"
    )
    assert ask(replica, "kept") == kept
    consumer = KafkaConsumer(
        f"{topic_prefix}transfers",
        bootstrap_servers=kafka.bootstrap_servers,
        auto_offset_reset="earliest",
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    found: list[bytes] = []
    while not any(b"kept-attempted" in value for value in found):
        assert time.monotonic() < deadline, found
        for records in consumer.poll(timeout_ms=500).values():
            found += [record.value for record in records]
    consumer.close()
    assert not any(b"lost-attempted" in value for value in found)


def test_a_replica_whose_topics_are_missing_ends_and_says_so(
    tmp_path: Path, kafka: KafkaBroker, redis_server: RedisServer, topic_prefix: str
) -> None:
    world = World(
        tmp_path,
        bootstrap_servers=kafka.bootstrap_servers,
        redis_url=redis_server.url,
        topic_prefix=topic_prefix,
    )
    replica = DecideProcess(world, "decide")
    replica.start()
    wait_until(lambda: not replica.is_running(), PATIENCE_SECONDS, what="the end of the replica")
    assert replica.returncode not in (0, None)
    assert "forewarn topics apply" in replica.log_file.read_text()
