"""Rows of several files to one stream of events in the order of their event time."""

import heapq
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forewarn.contracts import MAX_EVENT_BYTES, MAX_KEPT_BYTES, Transfer, encode
from forewarn.contracts.topics import TopicName
from forewarn.replay.mapping import Mapping
from forewarn.replay.rows import Row, read_rows

REORDER_EVENTS = 50_000
"""How many events one file may hold back to put them in order; about 50 MB."""


@dataclass(frozen=True, slots=True)
class Ready:
    """One event as it goes to Kafka; ``source`` is the position of its file among the files."""

    event_time_ms: int
    topic: TopicName
    key: bytes
    value: bytes
    source: int = 0


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that gives no event; ``raw`` is the beginning of the row as JSON, for the dead letter.

    Its event time is unknown: 0.
    """

    file: str
    line: int
    reason: str
    raw: bytes
    topic: TopicName
    event_time_ms: int = 0
    source: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


def in_order(
    files: Sequence[tuple[Path, Mapping]], *, skip: Sequence[int] = ()
) -> Iterator[Ready | BadRow]:
    """Merge the events of files by event time.

    A file need not be sorted: within ``REORDER_EVENTS`` events it is put in order. Bad rows come
    out as they are met. The order of one file's items is the same each time and whatever other
    files are beside it, so a count of items says where to go on.

    Args:
        files: each with its mapping.
        skip: for each file, how many of its items to leave out; none where it is empty.
    """
    streams = [
        itertools.islice(_timed(number, path, mapping), skip[number] if skip else 0, None)
        for number, (path, mapping) in enumerate(files)
    ]
    for _, item in heapq.merge(*streams, key=lambda pair: pair[0]):
        yield item


def _timed(source: int, path: Path, mapping: Mapping) -> Iterator[tuple[int, Ready | BadRow]]:
    """Pairs of time and item, by time; a bad row takes the time of what came before it."""
    held: list[tuple[int, int, Ready]] = []
    numbers = itertools.count()  # equal times keep their order in the file
    now = 0
    for item in _items(source, path, mapping):
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


def _items(source: int, path: Path, mapping: Mapping) -> Iterator[Ready | BadRow]:
    for row in read_rows(path):
        fault = row.fault
        if not fault:
            try:
                events = mapping.events(row.values, file=path.stem, line=row.line)
                # All or none: half the events of a row would be a call that never ends.
                ready = [_ready(source, event) for event in events]
            except UnicodeEncodeError:
                fault = "holds half a surrogate pair, which is no text"
            except (ValueError, ArithmeticError) as error:  # msgspec's ValidationError is one
                fault = str(error)
            else:
                yield from ready
                continue
        yield BadRow(path.name, row.line, fault, _raw(row), mapping.topic, source=source)


def _raw(row: Row) -> bytes:
    text = row.raw or json.dumps(row.values, ensure_ascii=False, default=str)
    return text.encode(errors="backslashreplace")[:MAX_KEPT_BYTES]


def _ready(source: int, event: Any) -> Ready:
    topic: TopicName = "transfers" if isinstance(event, Transfer) else "calls"
    value = encode(event)
    if len(value) > MAX_EVENT_BYTES:
        raise ValueError(f"gives an event of {len(value):,} bytes, {MAX_EVENT_BYTES:,} at most")
    return Ready(event.event_time_ms, topic, event.subscriber.encode(), value, source)
