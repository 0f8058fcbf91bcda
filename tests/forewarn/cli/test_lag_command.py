"""``forewarn lag`` against a real broker, and its exit status for scripts."""

import json
import time

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.structs import OffsetAndMetadata
from typer.testing import CliRunner

from forewarn.cli.lag_command import PartitionLag, app, exceeds, measure
from forewarn.errors import ConfigurationError, DependencyUnavailableError
from forewarn.platform.settings import KafkaSettings

HOUR_MS = 3_600_000


def entry(records: int, seconds: float | None) -> PartitionLag:
    return PartitionLag("g", "calls", 0, 5, 5 + records, records, seconds)


@pytest.mark.parametrize(
    ("found", "bounds", "expected"),
    [
        (entry(10, 1.0), {"max_records": 10, "max_seconds": 1.0}, False),
        (entry(11, 1.0), {"max_records": 10, "max_seconds": None}, True),
        (entry(1, 1.5), {"max_records": None, "max_seconds": 1.0}, True),
        (entry(1, None), {"max_records": None, "max_seconds": 1.0}, True),
        (entry(9, 9.0), {"max_records": None, "max_seconds": None}, False),
    ],
)
def test_a_bound_is_broken_only_above_it_and_by_the_unknown(found, bounds, expected):
    assert exceeds([found], **bounds) is expected


@pytest.mark.system
def test_lag_counts_records_and_the_age_of_the_oldest(kafka, topic_prefix, monkeypatch):
    """Three partitions: one done, one with two records left, one never committed."""
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=topic_prefix)
    servers, group, topic = kafka.bootstrap_servers, topic_prefix + "g", topic_prefix + "calls"
    admin = KafkaAdminClient(bootstrap_servers=servers)
    names = [topic_prefix + name for name in ("calls", "transfers", "outcomes")]
    admin.create_topics([NewTopic(name, 3, 1) for name in names])
    admin.close()
    now_ms = time.time_ns() // 1_000_000
    producer = KafkaProducer(bootstrap_servers=servers)
    for partition in range(3):
        for hours in (5, 4, 3):
            producer.send(topic, b"x", partition=partition, timestamp_ms=now_ms - hours * HOUR_MS)
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False)
    consumer.assign([TopicPartition(topic, 0), TopicPartition(topic, 1)])
    consumer.commit(
        {
            TopicPartition(topic, 0): OffsetAndMetadata(3, "", -1),
            TopicPartition(topic, 1): OffsetAndMetadata(1, "", -1),
        }
    )
    consumer.close()

    found = measure(settings, group, [topic], now_ms=now_ms)
    assert [(e.committed, e.records, e.seconds) for e in found] == [
        (3, 0, 0.0),
        (1, 2, 4 * 3600.0),
        (None, 3, 5 * 3600.0),
    ]

    monkeypatch.setenv("FOREWARN_KAFKA_BOOTSTRAP_SERVERS", servers)
    monkeypatch.setenv("FOREWARN_KAFKA_TOPIC_PREFIX", topic_prefix)
    within = CliRunner().invoke(app, ["--group", group, "--json", "--max-records", "3"])
    assert within.exit_code == 0, within.output
    rows = [json.loads(line) for line in within.output.splitlines()]
    assert len(rows) == 9
    assert sum(row["records"] for row in rows) == 5
    beyond = CliRunner().invoke(app, ["--group", group, "--max-records", "2"])
    assert beyond.exit_code == 1
    assert "5 records and 180" in beyond.output

    with pytest.raises(ConfigurationError, match="topics apply"):
        measure(settings, group, [topic_prefix + "nothing"], now_ms=now_ms)


def test_a_cluster_that_is_not_there_is_an_error_with_its_address():
    settings = KafkaSettings(bootstrap_servers="127.0.0.1:1", request_timeout_seconds=0.5)
    with pytest.raises(DependencyUnavailableError, match=r"127\.0\.0\.1:1"):
        measure(settings, "g", ["calls"], now_ms=0)
