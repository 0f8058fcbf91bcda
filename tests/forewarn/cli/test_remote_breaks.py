"""One part of an installation broken at a time: ``forewarn doctor --remote`` says what it is and what to do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from alerting.db import Database, migrate
from forewarn.cli import redis_findings, remote_diagnosis
from forewarn.cli.redis_findings import redis_findings as look_at_redis
from forewarn.local import KafkaBroker, RedisServer
from forewarn.local.diagnosis import MachineFinding
from forewarn.local.wait import wait_until
from forewarn.platform.kafka import TopicAdministration
from tests.created_topics import with_topics

MINUTES_MS = 5 * 60_000


def wrong(look: Callable[[], Iterator[MachineFinding]]) -> list[MachineFinding]:
    return [one for one in remote_diagnosis._contained("part", look) if one.grade == "missing"]


def test_a_missing_topic_and_wrong_partitions_have_a_remedy_each(
    kafka: KafkaBroker, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, gone = with_topics(kafka, topic_prefix, 2), f"{topic_prefix}outcomes"
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    admin.delete_topics([gone])
    admin.close()
    with TopicAdministration(settings) as topics:
        wait_until(lambda: not topics.states([gone]), 20, what="the topic to be deleted")
    for name, value in {
        "BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "TOPIC_PREFIX": topic_prefix,
        "PARTITIONS": "4", "REPLICATION_FACTOR": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"FOREWARN_KAFKA_{name}", value)
    found = {one.found: one.remedy for one in wrong(remote_diagnosis._topics)}
    [missing] = [remedy for said, remedy in found.items() if "does not exist" in said]
    assert missing == "Run `forewarn topics apply`"
    assert (
        "FOREWARN_KAFKA_PARTITIONS=2" in found[f"{topic_prefix}calls: partitions is 2, expected 4"]
    )
    assert "forewarn rebuild" in found[f"{topic_prefix}calls: partitions is 2, expected 4"]
    monkeypatch.setenv("FOREWARN_KAFKA_PARTITIONS", "1")
    found = {one.found: one.remedy for one in wrong(remote_diagnosis._topics)}
    assert (
        "cannot take partitions away" in found[f"{topic_prefix}calls: partitions is 2, expected 1"]
    )


@pytest.mark.system
def test_a_wrong_password_of_redis_is_named_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"requirepass": "right"}
    with RedisServer(
        tmp_path / "redis", config=config, client_arguments={"password": "right"}
    ) as server:
        monkeypatch.setenv("FOREWARN_REDIS_URL", server.url)
        for password in ("not-it", ""):
            monkeypatch.setenv("FOREWARN_REDIS_PASSWORD", password)
            [found] = wrong(look_at_redis)
            assert "refused" in found.found
            assert "FOREWARN_REDIS_PASSWORD" in found.remedy
            assert "not-it" not in found.found + found.remedy
        monkeypatch.setenv("FOREWARN_REDIS_PASSWORD", "right")
        assert wrong(look_at_redis) == []


@pytest.mark.system
def test_a_cluster_is_not_taken_for_a_single_server(
    tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREWARN_REDIS_URL", redis_server.url)
    monkeypatch.setenv("FOREWARN_REDIS_CLUSTER", "true")
    [found] = wrong(look_at_redis)
    assert "is no cluster" in found.found
    assert "FOREWARN_REDIS_CLUSTER=false" in found.remedy
    with RedisServer(tmp_path / "node", config={"cluster-enabled": "yes"}) as node:
        with node.client() as client:
            client.execute_command("CLUSTER", "ADDSLOTS", *range(16_384))
        monkeypatch.setenv("FOREWARN_REDIS_URL", node.url)
        assert wrong(look_at_redis) == []
        monkeypatch.setenv("FOREWARN_REDIS_CLUSTER", "false")
        [found] = wrong(look_at_redis)
        assert "FOREWARN_REDIS_CLUSTER=true" in found.remedy


@pytest.mark.system
def test_a_replica_of_redis_is_named(
    tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"replicaof": f"127.0.0.1 {redis_server.port}"}
    with RedisServer(tmp_path / "replica", config=config) as replica:
        monkeypatch.setenv("FOREWARN_REDIS_URL", replica.url)
        [found] = wrong(look_at_redis)
        assert "primary" in found.remedy


@pytest.mark.parametrize(
    ("minutes_ms", "side"), [(MINUTES_MS, "behind"), (-MINUTES_MS, "ahead of")]
)
def test_a_clock_that_is_five_minutes_off_is_found_in_redis(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, minutes_ms: int, side: str
) -> None:
    ours = redis_findings.system_clock
    monkeypatch.setattr(redis_findings, "system_clock", lambda: ours() + minutes_ms)
    monkeypatch.setenv("FOREWARN_REDIS_URL", redis_server.url)
    [found] = wrong(look_at_redis)
    assert found.what == "clock of Redis"
    assert side in found.found
    assert "time server" in found.remedy


def test_a_database_that_takes_no_writes_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    db = Database(url)
    migrate.upgrade(db)
    db.dispose()
    monkeypatch.setenv("FOREWARN_ALERTING_DATABASE_URL", url)
    assert wrong(remote_diagnosis._database) == []
    read_only = f"sqlite:///file:{tmp_path / 'a.db'}?mode=ro&uri=true"
    [found] = wrong(lambda: remote_diagnosis._writable(Database(read_only)))
    assert "read-only" in found.found
    assert "write the file" in found.remedy


def test_a_policy_that_is_not_there_is_named_also_without_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREWARN_MODELS_REGISTRY", str(tmp_path / "models"))
    monkeypatch.setenv("FOREWARN_WORKER_POLICY_FILE", str(tmp_path / "no.toml"))
    model, policy = wrong(remote_diagnosis._model)
    assert (model.what, policy.what) == ("model", "policy")
    assert "no.toml" in policy.found
    assert "FOREWARN_WORKER_POLICY_FILE" in policy.remedy
