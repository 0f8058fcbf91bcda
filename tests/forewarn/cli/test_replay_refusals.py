"""One event that a topic does not take stops no replay: it is named, put aside and counted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kafka import KafkaConsumer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from forewarn.local import KafkaBroker
from forewarn.platform.settings import KafkaSettings
from tests.created_topics import with_topics

pytestmark = pytest.mark.system
SAMPLES = Path(__file__).parents[3] / "docs" / "samples"
LARGEST_BYTES = 1_000
ROWS = 200


@pytest.fixture
def settings(kafka: KafkaBroker, topic_prefix: str) -> KafkaSettings:
    """Topics of which ``calls`` takes small batches only: single events pass, most batches do not."""
    settings = with_topics(kafka, topic_prefix, 2)
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    limit = {"max.message.bytes": str(LARGEST_BYTES)}
    admin.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, f"{topic_prefix}calls", configs=limit)]
    )
    admin.close()
    return settings


def _values(settings: KafkaSettings, topic: str) -> list[bytes]:
    consumer = KafkaConsumer(
        settings.topic_prefix + topic, bootstrap_servers=settings.bootstrap_servers, group_id=None,
        auto_offset_reset="earliest", consumer_timeout_ms=5_000,
    )  # fmt: skip
    found = [record.value for record in consumer]
    consumer.close()
    return found


def test_records_that_a_topic_refuses_are_isolated_from_their_batch(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    lines = (SAMPLES / "calls.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    rows = [lines[1].replace("c-1001", f"c-{number}") for number in range(ROWS)]
    rows[70] = rows[70].replace("860000000000017", "8" * 2 * LARGEST_BYTES)
    assert len(rows[70]) > LARGEST_BYTES, rows[70]
    (tmp_path / "calls.csv").write_text(lines[0] + "".join(rows), encoding="utf-8")
    (tmp_path / "calls.toml").write_text((SAMPLES / "calls.toml").read_text())
    environment = {
        "FOREWARN_KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "FOREWARN_KAFKA_TOPIC_PREFIX": settings.topic_prefix,
    }
    done = subprocess.run(
        [sys.executable, "-m", "forewarn", "replay", "calls.csv", "--rejects", "rejects", "--summary", "counts.json"],
        env=os.environ | environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    what = (
        f"calls.csv:72: refused by Kafka on {settings.topic_prefix}calls: MessageSizeTooLargeError"
    )
    assert what in done.stderr
    (counts,) = json.loads((tmp_path / "counts.json").read_text())["files"]
    events = counts["events"]["call_started"] + counts["events"]["call_ended"]
    assert (counts["lines"], counts["event_rows"], counts["bad_rows"]) == (ROWS + 1, ROWS - 1, 1)
    assert f"{events} events sent" in done.stdout
    assert (tmp_path / "rejects" / "calls.rejected.csv").read_text() == lines[0] + rows[70]
    values = _values(settings, "calls")
    assert len(values) == len(set(values)) == events == 2 * (ROWS - 1)
    assert len(_values(settings, "dead-letters")) == 2  # the start and the end of the call
