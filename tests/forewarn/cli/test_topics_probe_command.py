"""``forewarn topics probe`` reads what lies in the topics and names the partitioner of each."""

import json

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from typer.testing import CliRunner

from forewarn.cli.topics_command import app
from forewarn.platform.kafka.key_partitioners import crc32

pytestmark = pytest.mark.system

KEYS = [f"+86138{number:08}".encode() for number in range(60)]


def test_each_source_is_named_by_its_own_producer(kafka, topic_prefix, monkeypatch):
    """Calls by Kafka's default, transfers as librdkafka places them, outcomes still empty."""
    servers = kafka.bootstrap_servers
    admin = KafkaAdminClient(bootstrap_servers=servers)
    admin.create_topics(
        [NewTopic(topic_prefix + n, 6, 1) for n in ("calls", "transfers", "outcomes")]
    )
    admin.close()
    producer = KafkaProducer(bootstrap_servers=servers)
    for key in KEYS:
        producer.send(topic_prefix + "calls", b"x", key=key)
        producer.send(topic_prefix + "transfers", b"x", key=key, partition=crc32(key, 6))
        producer.send(topic_prefix + "transfers", b"without a key", partition=0)
    producer.close()
    monkeypatch.setenv("FOREWARN_KAFKA_BOOTSTRAP_SERVERS", servers)
    monkeypatch.setenv("FOREWARN_KAFKA_TOPIC_PREFIX", topic_prefix)

    answer = CliRunner().invoke(app, ["probe", "--json"])
    rows = [json.loads(line) for line in answer.output.splitlines()]
    found = {row["topic"].removeprefix(topic_prefix): row for row in rows}
    assert {name: (row["placement"], row["keys"]) for name, row in found.items()} == {
        "calls": ("java", 60),
        "transfers": ("crc32", 60),
        "outcomes": ("undecided", 0),
    }
    assert answer.exit_code == 1

    text = CliRunner().invoke(app, ["probe", "--records", "500"]).output
    assert "set partitioner=murmur2_random" in text


def test_a_missing_topic_is_named(kafka, topic_prefix, monkeypatch):
    monkeypatch.setenv("FOREWARN_KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("FOREWARN_KAFKA_TOPIC_PREFIX", topic_prefix)
    answer = CliRunner().invoke(app, ["probe"])
    assert f"there is no topic {topic_prefix}calls" in str(answer.exception)
