"""The events and bad rows of one file, in the order of its rows."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from forewarn.contracts import MAX_EVENT_BYTES, MAX_KEPT_BYTES, Transfer, encode
from forewarn.contracts.topics import TopicName
from forewarn.errors import ConfigurationError
from forewarn.replay.column_mapping import Mapping
from forewarn.replay.file_tally import FileTally
from forewarn.replay.mapping_file import AnyEvent
from forewarn.replay.row_batch import FaultyRow, RowBatch
from forewarn.replay.row_join import distinct_rows, joined_rows
from forewarn.replay.row_reader import Watch, read_batches


class Ready(NamedTuple):
    """One event as it goes to Kafka; ``source`` is the position of its file among the files."""

    event_time_ms: int
    topic: TopicName
    key: bytes
    value: bytes
    source: int = 0
    line: int = 0


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that gives no event; ``raw`` is the beginning of the row, for the dead letter.

    Its event time is unknown: 0. ``repair`` says what to do about it, ``text`` is the row as it stands.
    """

    file: str
    line: int
    reason: str
    raw: bytes
    topic: TopicName
    event_time_ms: int = 0
    source: int = 0
    repair: str = ""
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


def file_events(
    path: Path, mapping: Mapping, tally: FileTally, *, source: int = 0, watch: Watch | None = None
) -> Iterator[Ready | BadRow]:
    """Read and convert a file.

    Args:
        path: of the file.
        mapping: what its rows mean.
        tally: counts every line; complete when the iterator ends.
        source: position of the file among the files.
        watch: gets the open file, for progress.

    Raises:
        ConfigurationError: if the file or the mapping cannot be meant, or a line is in no count.
    """
    batches = read_batches(path, mapping.file, tally, watch=watch)
    if mapping.file.distinct:
        batches = distinct_rows(batches, mapping.file.distinct, tally)
    if mapping.file.join is not None:
        batches = joined_rows(batches, mapping.file.join, tally)
    for batch in batches:
        yield from _items(batch, path, mapping, tally, source)
    if tally.missing:
        raise ConfigurationError(
            f"{path.name}: {tally.missing} of {tally.lines} lines are in no count, which is a fault of the reader.",
            hint="Please report it with the first lines of the file.",
        )


def _items(
    batch: RowBatch, path: Path, mapping: Mapping, tally: FileTally, source: int
) -> Iterator[Ready | BadRow]:
    done = mapping.convert(batch, file=path.stem)
    for rule in done.passed.values():
        tally.passed[rule] += 1
    bad = [_bad(fault, path, mapping, source) for fault in batch.faulty]
    for position, error in done.bad.items():
        raw = batch.raws[position] or json.dumps(
            batch.rows[position], ensure_ascii=False, default=str
        )
        fault = FaultyRow(batch.lines[position], raw, str(error), error.repair)
        bad.append(_bad(fault, path, mapping, source))
    ready: list[Ready | BadRow] = []
    for position, events in done.events.items():
        line = batch.lines[position]
        try:
            # All or none: half the events of a row would be a call that never ends.
            made = [_ready(event, source, line) for event in events]
        except UnicodeEncodeError:
            reason = "holds half a surrogate pair, which is no text"
        except ValueError as error:
            reason = str(error)
        else:
            tally.event_rows += 1
            for event in made:
                tally.count_time(event.event_time_ms)
            tally.events.update(str(event.__struct_config__.tag) for event in events)
            ready.extend(made)
            continue
        bad.append(_bad(FaultyRow(line, batch.raws[position], reason), path, mapping, source))
    for row in bad:
        tally.count_bad(row.line, row.reason, row.repair)
    yield from sorted([*ready, *bad], key=_line) if bad else ready


def _line(item: Ready | BadRow) -> int:
    return item.line


def _bad(fault: FaultyRow, path: Path, mapping: Mapping, source: int) -> BadRow:
    raw = fault.raw.encode(errors="backslashreplace")[:MAX_KEPT_BYTES]
    return BadRow(
        path.name, fault.line, fault.reason, raw, mapping.topic, 0, source, fault.repair, fault.raw
    )


def _ready(event: AnyEvent, source: int, line: int) -> Ready:
    topic: TopicName = "transfers" if isinstance(event, Transfer) else "calls"
    value = encode(event)
    if len(value) > MAX_EVENT_BYTES:
        raise ValueError(f"gives an event of {len(value):,} bytes, {MAX_EVENT_BYTES:,} at most")
    return Ready(event.event_time_ms, topic, event.subscriber.encode(), value, source, line)
