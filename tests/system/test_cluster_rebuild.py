"""A rebuild on a cluster leaves in Redis what a rebuild in one process leaves there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata
from typer.testing import CliRunner

from forewarn.cli import rebuild_command
from forewarn.contracts import encode
from forewarn.contracts.topics import SOURCES
from forewarn.local import KafkaBroker, RedisServer
from forewarn.platform.kafka import TopicAdministration, client_arguments
from forewarn.platform.settings import KafkaSettings, WorkerSettings, load
from tests.features.cluster.dask_processes import DaskProcesses
from tests.simulation.little_town import Crowd, facts, topic_of

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

EVENTS, PARTITIONS = 900, 3


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[DaskProcesses]:
    directory = tmp_path / "dask"
    directory.mkdir()
    processes = DaskProcesses(directory)
    processes.worker("--no-nanny")
    yield processes
    processes.stop()


@pytest.fixture(autouse=True)
def installation(
    kafka: KafkaBroker,
    redis_server: RedisServer,
    topic_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Settings of the command and, since they inherit the environment, of the workers."""
    for name, value in {
        "FOREWARN_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "FOREWARN_KAFKA_TOPIC_PREFIX": topic_prefix,
        "FOREWARN_KAFKA_REPLICATION_FACTOR": "1",
        "FOREWARN_KAFKA_PARTITIONS": str(PARTITIONS),
        "FOREWARN_REDIS_URL": redis_server.url,
        "FOREWARN_PRIVACY_PSEUDONYM_KEY": "a key that only tests use",
        "FOREWARN_WORKER_GROUP": f"{topic_prefix}workers",
    }.items():
        monkeypatch.setenv(name, value)


def send_and_commit(topic_prefix: str) -> None:
    """Events on three partitions; the workers' group is at two thirds of each."""
    settings = load(KafkaSettings)
    with TopicAdministration(settings) as topics:
        topics.apply()
    producer = KafkaProducer(**client_arguments(settings))
    for event in facts(seed=3, count=EVENTS, crowd=Crowd(minutes=2000)):
        producer.send(
            topic_prefix + topic_of(event), value=encode(event), key=event.subscriber.encode()
        )
    producer.flush()
    producer.close()
    consumer = KafkaConsumer(
        **client_arguments(settings), group_id=load(WorkerSettings).group, enable_auto_commit=False
    )
    parts = [TopicPartition(topic_prefix + t, n) for t in SOURCES for n in range(PARTITIONS)]
    ends = consumer.end_offsets(parts)
    consumer.assign(parts)
    consumer.commit({part: OffsetAndMetadata(end * 2 // 3, "", -1) for part, end in ends.items()})
    consumer.close()


def contents(server: RedisServer) -> dict[bytes, object]:
    """Everything in Redis but the random identity of the store, each value whole."""
    with server.client() as client:
        found: dict[bytes, object] = {}
        for key in client.scan_iter(count=1000):
            if key.endswith((b":store", b":draft")):
                continue
            hashed = client.type(key) == b"hash"
            found[key] = client.hgetall(key) if hashed else client.get(key)
        return found


def test_a_cluster_rebuilds_the_same_state(
    dask: DaskProcesses, redis_server: RedisServer, topic_prefix: str, tmp_path: Path
) -> None:
    send_and_commit(topic_prefix)
    said, states = [], []
    cluster = ["--scheduler-file", str(dask.file), "--work", str(tmp_path / "work")]
    for more in ([], [*cluster, "--partitions", "2"]):
        result = CliRunner().invoke(rebuild_command.app, ["--yes", *more])
        assert result.exit_code == 0, result.output + repr(result.exception)
        said.append(result.stdout.partition(" in ")[0])
        states.append(contents(redis_server))
    assert said[0] == said[1]
    assert "records from" in said[0]
    assert states[0].keys() == states[1].keys()
    assert states[0] == states[1]
    assert len(states[0]) > 100, said
    assert list((tmp_path / "work" / "rebuild").iterdir()) == []
