"""Replicas of the decision service while Kafka or Redis is away, on real servers."""

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
from forewarn.local.child_process import stop_all
from forewarn.local.wait import wait_until
from tests.chaos.asking_bank import has_kept_all, is_ready
from tests.chaos.proxy import Proxy

pytestmark = pytest.mark.system

PATIENCE_SECONDS = 120.0


@pytest.fixture
def proxy(kafka: KafkaBroker) -> Iterator[Proxy]:
    proxy = Proxy(kafka.ports["PLAINTEXT"]).start()
    yield proxy
    proxy.stop()


@pytest.fixture
def redis_proxy(redis_server: RedisServer) -> Iterator[Proxy]:
    proxy = Proxy(redis_server.port).start()
    yield proxy
    proxy.stop()


@pytest.fixture
def world(
    tmp_path: Path, kafka: KafkaBroker, proxy: Proxy, redis_proxy: Proxy, topic_prefix: str
) -> World:
    world = World(
        tmp_path,
        bootstrap_servers=f"127.0.0.1:{proxy.port}",
        redis_url=f"redis://127.0.0.1:{redis_proxy.port}/0",
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
    found = values_until(consumer, b"kept-attempted")
    assert not any(b"lost-attempted" in value for value in found)
    # The answer stays as it is; the event is recorded now.
    assert ask(replica, "lost") == lost
    values_until(consumer, b"lost-attempted")
    consumer.close()


def values_until(consumer: KafkaConsumer, wanted: bytes) -> list[bytes]:
    """What the topic has from here on, up to a record with these bytes at least."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    found: list[bytes] = []
    while not any(wanted in value for value in found):
        assert time.monotonic() < deadline, found
        for records in consumer.poll(timeout_ms=500).values():
            found += [record.value for record in records]
    return found


def test_the_answer_of_a_killed_replica_is_that_of_every_other_although_redis_was_away(
    world: World, redis_proxy: Proxy
) -> None:
    """Of one that ran, also while Redis is still away, and of one that was started since."""
    killed, other = (DecideProcess(world, f"decide-{name}") for name in ("killed", "other"))
    patient = {"Forewarn-Deadline-Ms": "5000"}
    try:
        for replica in (killed, other):
            replica.start()
        for replica in (killed, other):
            wait_until(lambda r=replica: is_ready(r), PATIENCE_SECONDS, what="the replicas")
        redis_proxy.cut()
        answers = [ask(killed, f"given-{n}", **patient) for n in range(3)]
        killed.kill()
        assert {answer["reason"] for answer in answers} == {"store_unavailable"}
        assert ask(other, "given-0", **patient) == answers[0]
        killed.start()
        wait_until(lambda: is_ready(killed), PATIENCE_SECONDS, what="the new replica")
        assert ask(killed, "given-1", **patient) == answers[1]
        redis_proxy.restore()
        for replica in (killed, other):
            assert [ask(replica, f"given-{n}", **patient) for n in range(3)] == answers
            wait_until(lambda r=replica: has_kept_all(r), PATIENCE_SECONDS, what="Redis to take it")
            assert [ask(replica, f"given-{n}", **patient) for n in range(3)] == answers
        assert "answer_unconfirmed" not in killed.log_file.read_text()
    finally:
        stop_all([killed, other])


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
