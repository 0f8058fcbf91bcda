#!/usr/bin/env bash
# Bytewax drops the newest event after a pause as late, then counts an event of an hour ago into a closed window.
#
# Packages: bytewax 0.21.1.
# Expected: with an EventClock the watermark follows the events: a pause of the input makes no in-order event late,
#           and an event older than the watermark is late.
# Happens:  the watermark also moves with the system clock, so after 190 s without input the next event, in order
#           and newer than all before it, is late. That event closes the key's last window; with it the clock of
#           the key is discarded, and events from an hour before are accepted and reported as a new window.
# Matters:  a rebalance, a slow batch or a replay loses events that came in order, and the protection against late
#           events is off for every key without an open window, which is most callers most of the time.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check bytewax==0.21.1
env/bin/python - <<'PY'
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing
from bytewax.testing import TestingSink, TestingSource, run_main

START, ARRIVAL = datetime(2026, 11, 29, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)


def run(events):
    """Count per minute; events are (second of the event, second of arrival)."""
    now = [ARRIVAL]

    def arrive(event):
        now[0] = ARRIVAL + timedelta(seconds=event[1])
        return event

    counted, late = [], []
    flow = Dataflow("calls")
    stream = op.input("input", flow, TestingSource(events, batch_size=1))
    stream = op.key_on("key", op.map("arrive", stream, arrive), lambda event: "caller")
    clock = windowing.EventClock(
        ts_getter=lambda event: START + timedelta(seconds=event[0]),
        wait_for_system_duration=timedelta(seconds=10),
        now_getter=lambda: now[0],
    )
    minute = windowing.TumblingWindower(length=timedelta(minutes=1), align_to=START)
    windows = windowing.collect_window("window", stream, clock, minute)
    op.output("counted", windows.down, TestingSink(counted))
    op.output("late", windows.late, TestingSink(late))
    run_main(flow)
    return [(window, len(events)) for _, (window, events) in counted], [event[0] for _, (_, event) in late]


print("bytewax", version("bytewax"))
steady = run([(3600, 0), (3610, 10), (0, 20)])
print("no pause:      windows", steady[0], "late", steady[1])
paused = run([(3600, 0), (3610, 200), (0, 201), (5, 202)])
print("pause of 190 s: windows", paused[0], "late", paused[1])
assert steady == ([(60, 2)], [0])
assert paused == ([(60, 1), (0, 2)], [3610])
PY
