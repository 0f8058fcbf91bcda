"""From legs and postings to events: what each of them sends, when it happens and when it arrives."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forewarn.simulator.activity_clock import Ints
from forewarn.simulator.town_ledger import Column, Settlement

CALL_STARTED, CALL_ENDED, LINE_CHANGED = 0, 1, 2
ATTEMPTED, COMPLETED, BLOCKED, REVERSED = 0, 1, 2, 3

Columns = dict[str, Column]


@dataclass(slots=True)
class EventRows:
    """Events of one topic: what kind, of which row of which table, when.

    Attributes:
        kind: one of the constants above; row: position in legs, lines or postings.
        time_ms: event time; arrival_ms: when the topic receives it, never before it happened.
        copy: 0 for the first delivery of an event, 1 for a duplicate.
    """

    kind: NDArray[np.uint8]
    row: Ints
    time_ms: Ints
    arrival_ms: Ints
    copy: NDArray[np.uint8]

    @classmethod
    def of(cls, parts: list[tuple[int, Ints, Ints]], start_ms: int, end_ms: int) -> "EventRows":
        """Join (kind, rows, times) and keep what lies within the period, by time."""
        kind = np.concatenate([np.full(row.size, kind, np.uint8) for kind, row, _ in parts])
        row = np.concatenate([row for _, row, _ in parts])
        time = np.concatenate([time for _, _, time in parts]).astype(np.int64)
        events = cls(kind, row, time, time, np.zeros(row.size, np.uint8))
        return events.take(np.flatnonzero((time >= start_ms) & (time < end_ms))).by_arrival()

    def take(self, index: Ints) -> "EventRows":
        """The events at some positions."""
        return EventRows(
            self.kind[index], self.row[index], self.time_ms[index], self.arrival_ms[index],
            self.copy[index],
        )  # fmt: skip

    def by_arrival(self) -> "EventRows":
        """In order of arrival; ties in order of event time, then as they are."""
        return self.take(np.lexsort((self.time_ms, self.arrival_ms)))

    def __len__(self) -> int:
        return self.row.size


def call_events(legs: Columns, lines: Columns, start_ms: int, end_ms: int) -> EventRows:
    """A start for every answered call, an end for every call, a change for every switch."""
    start = legs["start_ms"].astype(np.int64)
    answered = np.flatnonzero(legs["answered"])
    every = np.arange(start.size)
    switched = lines["time_ms"].astype(np.int64)
    parts = [
        (CALL_STARTED, answered, start[answered]),
        (CALL_ENDED, every, start + legs["duration_ms"].astype(np.int64)),
        (LINE_CHANGED, np.arange(switched.size), switched),
    ]
    return EventRows.of(parts, start_ms, end_ms)


def transfer_events(
    postings: Columns, reversed_after_ms: Ints, start_ms: int, end_ms: int
) -> EventRows:
    """An attempt and its end for what is paid, a completion for what is received."""
    time = postings["time_ms"].astype(np.int64)
    outgoing = postings["outgoing"].astype(bool)
    settled = time + postings["settle_ms"].astype(np.int64)
    settlement = postings["settlement"]
    completes = (settlement == Settlement.COMPLETED) | (settlement == Settlement.REVERSED)
    paid = np.flatnonzero(outgoing)
    done = np.flatnonzero(outgoing & completes)
    stopped = np.flatnonzero(outgoing & (settlement == Settlement.BLOCKED))
    returned = np.flatnonzero(outgoing & (settlement == Settlement.REVERSED))
    received = np.flatnonzero(~outgoing)
    parts = [
        (ATTEMPTED, paid, time[paid]),
        (COMPLETED, done, settled[done]),
        (BLOCKED, stopped, settled[stopped]),
        (REVERSED, returned, settled[returned] + reversed_after_ms[returned]),
        (COMPLETED, received, time[received]),
    ]
    return EventRows.of(parts, start_ms, end_ms)


def honest_event_count(legs: Columns, postings: Columns) -> int:
    """How many events the ledger expands to so far, near enough to scale the fraud by."""
    calls = legs["person"].size + int(np.count_nonzero(legs["answered"]))
    return calls + postings["person"].size + int(np.count_nonzero(postings["outgoing"]))
