"""Faults that networks and delivery add to events: busy lines, duplicates, delays, lost ends of calls."""

import numpy as np

from forewarn.simulator.town_events import CALL_ENDED, Columns, EventRows
from forewarn.simulator.town_ledger import Scene
from forewarn.simulator.town_scenario import SECOND_MS, Scenario


def engage_lines(scenario: Scenario, legs: Columns) -> None:
    """A person has one call at a time: an honest call that overlaps another is not answered.

    The call of a swindler takes precedence, since it keeps the victim's line busy for hours.
    """
    rng = scenario.rng("busy lines")
    start = legs["start_ms"].astype(np.int64)
    end = start + np.where(legs["answered"], legs["duration_ms"], 0).astype(np.int64)
    order = np.lexsort((start, legs["person"]))
    person = legs["person"][order].astype(np.int64)
    fraud = legs["scene"][order] >= Scene.FRAUD
    # Adding a span longer than the period per person makes one running maximum serve them all.
    shift = person * (int(end.max(initial=0)) - int(start.min(initial=0)) + 1)
    begins = start[order] + shift
    ends = end[order] + shift
    reach = np.maximum.accumulate(ends)
    after = np.zeros(order.size, dtype=bool)
    after[1:] = (begins[1:] < reach[:-1]) & (person[1:] == person[:-1])
    # Only an honest call yields to what began before it; to a swindler's it also yields afterwards.
    never = np.iinfo(np.int64).max
    next_fraud = np.full(order.size, never)
    later = np.where(fraud, begins, never)[::-1]
    next_fraud[:-1] = np.minimum.accumulate(later)[::-1][1:]  # another person's is beyond any end
    before = ends > next_fraud
    busy = order[~fraud & (after | before) & legs["answered"][order].astype(bool)]
    legs["answered"][busy] = False
    legs["duration_ms"][busy] = rng.integers(3 * SECOND_MS, 40 * SECOND_MS, busy.size)


def inject_delivery_faults(scenario: Scenario, events: EventRows, topic: str) -> EventRows:
    """Deform delivery as the scenario says; event times stay what they are."""
    options = scenario.delivery_faults
    rng = scenario.rng(f"disturbance of {topic}")
    if topic == "calls" and options.lost_call_ends > 0:
        lost = (events.kind == CALL_ENDED) & (rng.random(len(events)) < options.lost_call_ends)
        events = events.take(np.flatnonzero(~lost))
    delay = np.zeros(len(events), dtype=np.int64)
    if options.jitter_seconds > 0:
        spread = np.abs(rng.normal(0.0, options.jitter_seconds * SECOND_MS, len(events)))
        delay += spread.astype(np.int64)
    if options.late > 0:
        late = rng.random(len(events)) < options.late
        span = rng.exponential(options.late_seconds * SECOND_MS, len(events))
        delay += np.where(late, span, 0).astype(np.int64)
    events.arrival_ms = events.time_ms + delay
    if options.duplicates > 0:
        again = events.take(np.flatnonzero(rng.random(len(events)) < options.duplicates))
        again.copy[:] = 1
        again.arrival_ms = again.arrival_ms + rng.integers(0, 60 * SECOND_MS, len(again))
        events = EventRows(
            np.concatenate([events.kind, again.kind]),
            np.concatenate([events.row, again.row]),
            np.concatenate([events.time_ms, again.time_ms]),
            np.concatenate([events.arrival_ms, again.arrival_ms]),
            np.concatenate([events.copy, again.copy]),
        )
    return events.by_arrival()
