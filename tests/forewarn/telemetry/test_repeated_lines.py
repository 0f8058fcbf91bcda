"""What a library says over and over is said once a second, with a count; what we say is always said."""

import logging

import pytest

from forewarn.telemetry import repeated_lines
from forewarn.telemetry.repeated_lines import RepeatedLines


class Clock:
    """Seconds that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def record(name: str, text: str, *values: object, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord(name, level, "", 0, text, values, None)


def test_a_line_of_a_kind_passes_once_a_second_and_counts_the_others() -> None:
    clock = Clock()
    lines = RepeatedLines(clock)
    passed = [
        lines.filter(record("aiokafka", "Unable connect to node with id %s", i)) for i in range(5)
    ]
    assert passed == [True, False, False, False, False]
    clock.now += 1.0
    next_line = record("aiokafka", "Unable connect to node with id %s", 7)
    assert lines.filter(next_line)
    assert next_line.getMessage() == "Unable connect to node with id 7 (4 lines like it left out)"
    clock.now += 1.0
    quiet = record("aiokafka", "Unable connect to node with id %s", 8)
    assert lines.filter(quiet)
    assert quiet.getMessage() == "Unable connect to node with id 8"


def test_other_texts_levels_and_loggers_are_other_kinds() -> None:
    lines = RepeatedLines(Clock())
    assert lines.filter(record("aiokafka", "one"))
    assert lines.filter(record("aiokafka", "another"))
    assert lines.filter(record("kafka", "one"))
    assert lines.filter(record("aiokafka", "one", level=logging.WARNING))
    assert not lines.filter(record("aiokafka", "one"))


def test_lines_of_this_software_always_pass() -> None:
    lines = RepeatedLines(Clock())
    assert all(lines.filter(record("streams.pipeline.decide", "warning_sent")) for _ in range(9))


def test_only_so_many_kinds_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_lines, "MAX_KINDS", 3)
    lines = RepeatedLines(Clock())
    assert all(lines.filter(record("library", f"text {i}")) for i in range(10))
    assert len(lines._passed) <= 3
