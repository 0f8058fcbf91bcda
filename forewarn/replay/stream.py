"""Rows of several files to one stream of events in the order of their event time."""

import heapq
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forewarn.events import Transfer, encode
from forewarn.replay.mapping import Mapping
from forewarn.replay.rows import read_rows
from forewarn.topics import TopicName

REORDER_EVENTS = 50_000
"""How many events one file may hold back to put them in order; about 50 MB."""


@dataclass(frozen=True, slots=True)
class Ready:
    """One event as it goes to Kafka."""

    event_time_ms: int
    topic: TopicName
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that gives no event; ``raw`` is the row as JSON, for the dead letter.

    Its event time is unknown: 0.
    """

    file: str
    line: int
    reason: str
    raw: bytes
    topic: TopicName
    event_time_ms: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


def in_order(files: Sequence[tuple[Path, Mapping]]) -> Iterator[Ready | BadRow]:
    """Merge the events of files by event time.

    A file need not be sorted: within ``REORDER_EVENTS`` events it is put in order. Bad rows come
    out as they are met.
    """
    streams = [_timed(path, mapping) for path, mapping in files]
    for _, item in heapq.merge(*streams, key=lambda pair: pair[0]):
        yield item


def _timed(path: Path, mapping: Mapping) -> Iterator[tuple[int, Ready | BadRow]]:
    """Pairs of time and item, by time; a bad row takes the time of what came before it."""
    held: list[tuple[int, int, Ready]] = []
    numbers = itertools.count()  # equal times keep their order in the file
    now = 0
    for item in _items(path, mapping):
        if isinstance(item, BadRow):
            yield now, item
            continue
        heapq.heappush(held, (item.event_time_ms, next(numbers), item))
        if len(held) > REORDER_EVENTS:
            time_ms, _, ready = heapq.heappop(held)
            now = max(now, time_ms)
            yield now, ready
    while held:
        time_ms, _, ready = heapq.heappop(held)
        now = max(now, time_ms)
        yield now, ready


def _items(path: Path, mapping: Mapping) -> Iterator[Ready | BadRow]:
    for row in read_rows(path):
        fault = row.fault
        if not fault:
            try:
                events = mapping.events(row.values, file=path.stem, line=row.line)
            except ValueError as error:  # msgspec's ValidationError is one
                fault = str(error)
            else:
                yield from (_ready(event) for event in events)
                continue
        raw = row.raw or json.dumps(row.values, ensure_ascii=False, default=str)
        yield BadRow(path.name, row.line, fault, raw.encode(), mapping.topic)


def _ready(event: Any) -> Ready:
    topic: TopicName = "transfers" if isinstance(event, Transfer) else "calls"
    return Ready(event.event_time_ms, topic, event.subscriber.encode(), encode(event))
