"""Ctrl-C in a run of ``forewarn replay``: it says where it was, what was sent, and how to go on."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kafka import KafkaConsumer

from forewarn.local import KafkaBroker
from forewarn.platform.kafka.topic_administration import TopicAdministration
from forewarn.platform.settings import KafkaSettings

SAMPLES = Path(__file__).parents[3] / "docs" / "samples"
ROWS = 400_000
"""Some seconds of work at any speed of this machine; the run ends at the signal."""


def _started(*arguments: object, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "forewarn", *map(str, arguments)],
        env=os.environ | settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _interrupted_at(process: subprocess.Popen[str], words: str) -> str:
    """Wait for the words on stderr, send SIGINT, and return what comes after them."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            break
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    return rest


def _many_calls(path: Path) -> None:
    lines = (SAMPLES / "calls.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    wrong = lines[1].replace("ANSWERED", "MELTED")
    path.write_text(lines[0] + wrong + lines[1] * ROWS, encoding="utf-8")


def test_a_check_that_is_stopped_says_where_it_was_and_that_nothing_was_sent(
    tmp_path: Path,
) -> None:
    _many_calls(tmp_path / "calls.csv")
    mapping = ("--mapping", SAMPLES / "calls.toml")
    process = _started("replay", "--check-only", tmp_path / "calls.csv", *mapping)
    rest = _interrupted_at(process, "bad row calls.csv:2")
    assert process.returncode == 130
    found = re.search(r"stopped while checking, at line ([\d,]+) of calls.csv: 1 bad rows", rest)
    assert found, rest
    assert 2 < int(found[1].replace(",", "")) < ROWS + 2
    assert "nothing was sent" in rest
    assert "Traceback" not in rest


def test_a_listing_that_is_stopped_keeps_the_events_written_so_far(tmp_path: Path) -> None:
    _many_calls(tmp_path / "calls.csv")
    process = _started(
        "replay", "--check-only", "--events", tmp_path / "events.jsonl", tmp_path / "calls.csv",
        "--mapping", SAMPLES / "calls.toml",
    )  # fmt: skip
    rest = _interrupted_at(process, "bad row calls.csv:2")
    assert process.returncode == 130
    assert "nothing was sent" in rest


@pytest.mark.system
def test_a_replay_that_is_stopped_goes_on_without_loss_or_repetition(
    kafka: KafkaBroker, topic_prefix: str, tmp_path: Path
) -> None:
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap_servers, topic_prefix=topic_prefix, replication_factor=1, partitions=4
    )  # fmt: skip
    with TopicAdministration(settings) as topics:
        topics.apply()
    bad = (SAMPLES / "calls.csv").read_text().replace("4534,ANSWERED", "4534,MELTED")
    (tmp_path / "calls.csv").write_text(bad)
    (tmp_path / "calls.toml").write_text((SAMPLES / "calls.toml").read_text())
    environment = {
        "FOREWARN_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "FOREWARN_KAFKA_TOPIC_PREFIX": topic_prefix,
    }
    # By event time the second call is minutes away, so the signal comes while the run waits for it.
    process = _started("replay", "--speed", 1, tmp_path / "calls.csv", **environment)
    rest = _interrupted_at(process, "bad row calls.csv:4")
    assert process.returncode == 130
    found = re.search(
        r"acknowledged: (\d+) of calls.csv. Go on with the same files and --skip (\d+)", rest
    )
    assert found, rest
    assert found[1] == found[2]
    assert "stopped while sending" in rest
    again = _started("replay", "--skip", found[2], tmp_path / "calls.csv", **environment)
    again.communicate(timeout=60)
    counts = {}
    for topic in ("calls", "dead-letters"):
        consumer = KafkaConsumer(
            topic_prefix + topic, bootstrap_servers=kafka.bootstrap_servers, group_id=None,
            auto_offset_reset="earliest", consumer_timeout_ms=5_000,
        )  # fmt: skip
        counts[topic] = sum(1 for _ in consumer)
        consumer.close()
    assert counts == {"calls": 7, "dead-letters": 1}
