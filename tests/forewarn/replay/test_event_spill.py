"""Sorting on disk gives what sorting in memory gives, however many runs it takes."""

import random

import numpy as np
import pytest

from forewarn.replay import Ready, event_spill
from forewarn.replay.file_events import Run


def test_events_come_by_time_and_equal_times_in_the_order_of_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_spill, "RUN_EVENTS", 10)
    monkeypatch.setattr(event_spill, "RUNS_MERGED", 3)
    draw = random.Random(5)
    events = [Ready(draw.randrange(40), "calls", b"k", b"{}", 0, line) for line in range(487)]
    none = np.empty(0, np.int64)
    runs = [Run(events[start : start + 7], [], none, none) for start in range(0, len(events), 7)]
    found = [event for block in event_spill.sorted_by_time(runs) for event in block]
    assert found == sorted(events, key=lambda event: event.event_time_ms)
