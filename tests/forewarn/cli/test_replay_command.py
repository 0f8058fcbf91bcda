"""``forewarn replay`` and ``forewarn dead-letters`` as a user runs them, on a real broker."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.partitioner.default import murmur2

from forewarn.contracts import DeadLetter, decode_call, decode_transfer, encode
from forewarn.local import KafkaBroker
from forewarn.platform.settings import KafkaSettings
from tests.created_topics import with_topics

pytestmark = pytest.mark.system
SAMPLES = Path(__file__).parents[3] / "docs" / "samples"


def _forewarn(settings: KafkaSettings, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {
        "FOREWARN_KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "FOREWARN_KAFKA_TOPIC_PREFIX": settings.topic_prefix,
    }
    return subprocess.run(
        [sys.executable, "-c", "from forewarn.cli import main; main()", *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def settings(kafka: KafkaBroker, topic_prefix: str) -> KafkaSettings:
    return with_topics(kafka, topic_prefix, 4)


def _records(settings: KafkaSettings, topic: str, count: int) -> list:
    consumer = KafkaConsumer(
        settings.topic_prefix + topic,
        bootstrap_servers=settings.bootstrap_servers,
        group_id=None,
        auto_offset_reset="earliest",
        consumer_timeout_ms=20_000,
    )
    found = [next(consumer) for _ in range(count)]
    consumer.close()
    return found


def test_sample_files_reach_their_topics_and_the_bad_row_the_dead_letters(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    bad = (SAMPLES / "calls.csv").read_text().replace("4534,ANSWERED", "4534,MELTED")
    (tmp_path / "calls.csv").write_text(bad)
    mappings = ("--mapping", SAMPLES / "calls.toml", "--mapping", SAMPLES / "transfers.toml")
    done = _forewarn(
        settings, "replay", tmp_path / "calls.csv", SAMPLES / "transfers.jsonl", *mappings
    )
    assert done.returncode == 1
    assert "calls.csv:4: answered (column RESULT): is none of" in done.stderr
    assert "11 events sent (7 to calls, 4 to transfers), 1 bad rows" in done.stdout

    calls = [decode_call(record.value) for record in _records(settings, "calls", 7)]
    assert {call.call_id for call in calls} == {"c-1001", "c-1002", "c-1004", "c-1005"}
    for record in _records(settings, "transfers", 4):
        transfer = decode_transfer(record.value)
        assert record.key == transfer.subscriber.encode()
        assert record.partition == (murmur2(record.key) & 0x7FFFFFFF) % 4
    listed = _forewarn(settings, "dead-letters", "list", "--json")
    (letter,) = [json.loads(line) for line in listed.stdout.splitlines()]
    assert (letter["reason"], letter["source_offset"]) == ("bad_row", 4)


def test_dead_letters_go_back_once_byte_for_byte(settings: KafkaSettings) -> None:
    producer = KafkaProducer(bootstrap_servers=settings.bootstrap_servers)
    for number, reason in enumerate(("processing_failed", "bad_row", "not_json")):
        letter = DeadLetter(
            reason=reason,
            detail="from a test",
            topic=f"{settings.topic_prefix}calls",
            partition=1,
            offset=number,
            appended_at_ms=1,
            rejected_at_ms=2,
            key="KzM=",  # +3
            value="/wB7",  # ff 00 {
        )
        producer.send(f"{settings.topic_prefix}dead-letters", encode(letter)).get(timeout=20)
    producer.close()

    assert "2 would be sent" in _forewarn(settings, "dead-letters", "replay", "--dry-run").stdout
    assert "2 sent again, 1 passed" in _forewarn(settings, "dead-letters", "replay").stdout
    assert "0 sent again, 0 passed" in _forewarn(settings, "dead-letters", "replay").stdout
    again = _forewarn(settings, "dead-letters", "replay", "--offset", 2)
    assert "1 sent again" in again.stdout
    records = _records(settings, "calls", 3)
    assert {(record.key, record.value) for record in records} == {(b"+3", b"\xff\x00{")}


def test_a_foreign_value_among_the_dead_letters_is_listed_and_does_not_end_the_list(
    settings: KafkaSettings,
) -> None:
    producer = KafkaProducer(bootstrap_servers=settings.bootstrap_servers)
    topic = f"{settings.topic_prefix}dead-letters"
    for value in (b"of another system", b'{"type":"dead_letter"}'):
        producer.send(topic, value).get(timeout=20)
    producer.close()
    listed = _forewarn(settings, "dead-letters", "list")
    assert listed.returncode == 0, listed.stderr
    assert "2 dead letters: 2 undecodable" in listed.stdout


@pytest.mark.parametrize(
    "arguments",
    [("replay", SAMPLES / "calls.csv"), ("dead-letters", "list"), ("dead-letters", "replay")],
    ids=lambda arguments: " ".join(map(str, arguments[:2])),
)
def test_a_missing_topic_is_a_one_line_error_that_says_how_to_create_it(
    kafka: KafkaBroker, topic_prefix: str, arguments: tuple[object, ...]
) -> None:
    nowhere = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=topic_prefix)
    done = _forewarn(nowhere, *arguments)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "there is no topic" in line
    assert "forewarn topics apply" in line


def test_an_invalid_address_is_a_one_line_error() -> None:
    for servers in ("localhost:abc", "a:1,b:", "localhost:70000"):
        wrong = KafkaSettings.model_construct(bootstrap_servers=servers, topic_prefix="")
        done = _forewarn(wrong, "replay", SAMPLES / "calls.csv")
        assert done.returncode == 2
        (line,) = done.stderr.strip().splitlines()
        assert "FOREWARN_KAFKA_BOOTSTRAP_SERVERS" in line


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("replay", "no-such.csv", "--mapping", SAMPLES / "calls.toml"), "there is no file"),
        (("replay", SAMPLES / "calls.toml"), "neither CSV, JSON Lines nor Parquet"),
        (("replay", SAMPLES / "calls.csv", "--mapping", "nowhere.toml"), "there is no mapping"),
    ],
)
def test_bad_input_is_a_one_line_error_with_status_2(
    settings: KafkaSettings, arguments: tuple[object, ...], complaint: str
) -> None:
    done = _forewarn(settings, *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
