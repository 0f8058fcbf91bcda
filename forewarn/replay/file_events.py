"""The events and bad rows of one file, some thousand rows at a time."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forewarn.contracts import MAX_EVENT_BYTES, MAX_KEPT_BYTES, Transfer, encode
from forewarn.contracts.topics import TopicName
from forewarn.errors import ConfigurationError
from forewarn.replay.column_mapping import Mapping
from forewarn.replay.contract_columns import ContractColumns
from forewarn.replay.file_tally import FileTally
from forewarn.replay.mapping_file import AnyEvent
from forewarn.replay.original_rows import OriginalRows, followed_rows
from forewarn.replay.repeated_ids import RepeatedIds, marks_of_events
from forewarn.replay.reversal_check import ReversalCheck
from forewarn.replay.row_batch import FaultyRow, RowBatch, raw_json
from forewarn.replay.row_join import prepared_rows
from forewarn.replay.row_reader import Watch


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


@dataclass(frozen=True, slots=True)
class Run:
    """What some thousand rows give.

    Attributes:
        ready: their events, by line; empty where only times are asked for.
        bad: rows that give none, by line.
        times_ms: event times, where only times are asked for.
        lines: of these events.
    """

    ready: list[Ready]
    bad: list[BadRow]
    times_ms: NDArray[np.int64]
    lines: NDArray[np.int64]


class FileEvents:
    """Reads and converts a file.

    Args:
        path: of the file.
        mapping: what its rows mean.
        tally: counts every line; complete when the file has been read.
        originals: of the rows that follow others.
        source: position of the file among the files.
        ids: finds identifiers that repeat, if that is wanted.
    """

    def __init__(
        self,
        path: Path,
        mapping: Mapping,
        tally: FileTally,
        originals: OriginalRows,
        source: int = 0,
        ids: RepeatedIds | None = None,
    ) -> None:
        self.path, self._originals, self._ids = path, originals, ids
        self._mapping, self._tally, self._source = mapping, tally, source

    def runs(self, watch: Watch | None = None, *, times_only: bool = False) -> Iterator[Run]:
        """Everything that the file gives.

        Args:
            watch: gets the open file, for progress.
            times_only: leave the events out, which takes half the time.

        Raises:
            ConfigurationError: if the file or the mapping cannot be meant, or a line is in no count.
        """
        file, tally = self._mapping.file, self._tally
        batches = prepared_rows(self.path, file, tally, watch=watch)
        if file.same_as:
            batches = followed_rows(batches, self._mapping, self._originals, tally)
        if file.single:
            batches = rows_of_one(batches, self._mapping, file.single, self.path.name)
        tally.reversals = ReversalCheck(file)
        for batch in batches:
            tally.reversals.look_at(batch)
            yield self._run(batch, times_only=times_only)
        if tally.missing:
            raise ConfigurationError(
                f"{self.path.name}: {tally.missing} of {tally.lines} lines are in no count, which is a "
                "fault of the reader.",
                hint="Please report it with the first lines of the file.",
            )

    def _run(self, batch: RowBatch, *, times_only: bool) -> Run:
        marked = self._ids is not None
        columns, others = self._mapping.quick(batch, encoded=not times_only, marked=marked)
        self._tally.event_rows += len(batch) - len(others)
        lines = np.asarray(batch.lines, np.int64)
        for events in columns:
            self._tally.events[events.kind] += len(events.positions)
            if len(events.positions):
                for time_ms in (events.times_ms.min(), events.times_ms.max()):
                    self._tally.count_time(int(time_ms))  # type: ignore[arg-type]  # of integers
        if self._ids is not None:
            for events in columns:
                standing = pl.Series(lines[events.positions.to_numpy()])
                self._ids.look_at(self._source, cast("pl.DataFrame", events.marks), standing)
        slow: list[Ready] = []
        bad = [self._bad(fault) for fault in batch.faulty]
        if others:
            slow, refused = self._row_by_row(batch.taken(others))
            bad += refused
        bad.sort(key=_line)
        for row in bad:
            self._tally.count_bad(row.line, row.reason, row.repair)
        if times_only:
            times = [events.times_ms.to_numpy() for events in columns]
            times.append(np.array([event.event_time_ms for event in slow], np.int64))
            places = [lines[events.positions.to_numpy()] for events in columns]
            places.append(np.array([event.line for event in slow], np.int64))
            return Run([], bad, np.concatenate(times), np.concatenate(places))
        made = [self._made(events, lines) for events in columns]
        ready = [*itertools.chain(*made), *slow]
        if len(made) + bool(slow) > 1:
            ready.sort(key=_line)
        return Run(ready, bad, _NONE, _NONE)

    def _made(self, events: ContractColumns, lines: NDArray[np.int64]) -> list[Ready]:
        """Events that were made column by column."""
        topic: TopicName = "transfers" if events.kind == "transfer" else "calls"
        fields = zip(
            events.times_ms.to_list(),
            itertools.repeat(topic),
            events.keys.to_list(),
            events.values.to_list(),
            itertools.repeat(self._source),
            lines[events.positions.to_numpy()].tolist(),
            strict=False,  # two of them have no end
        )
        # What Ready(...) does, without a call of Python for each event.
        return list(map(tuple.__new__, itertools.repeat(Ready), fields))

    def _row_by_row(self, rows: RowBatch) -> tuple[list[Ready], list[BadRow]]:
        """What becomes of the rows that need a closer look."""
        done = self._mapping.convert(rows, file=self.path.stem)
        self._tally.passed.update(done.passed.values())
        bad = []
        for position, error in done.bad.items():
            raw = rows.raws[position] or raw_json(rows.rows[position])
            bad.append(self._bad(FaultyRow(rows.lines[position], raw, str(error), error.repair)))
        ready: list[Ready] = []
        for position, events in done.events.items():
            line = rows.lines[position]
            try:
                # All or none: half the events of a row would be a call that never ends.
                made = [self._ready(event, line) for event in events]
            except ValueError as error:
                bad.append(self._bad(FaultyRow(line, rows.raws[position], str(error))))
                continue
            self._tally.event_rows += 1
            for event in made:
                self._tally.count_time(event.event_time_ms)
            if self._ids is not None:
                places = pl.Series([line] * len(events), dtype=pl.Int64)
                self._ids.look_at(self._source, marks_of_events(events), places)
            self._tally.events.update(str(event.__struct_config__.tag) for event in events)
            ready.extend(made)
        return ready, bad

    def _bad(self, fault: FaultyRow) -> BadRow:
        raw = fault.raw.encode(errors="backslashreplace")[:MAX_KEPT_BYTES]
        return BadRow(
            self.path.name, fault.line, fault.reason, raw, self._mapping.topic, 0, self._source,
            fault.repair, fault.raw,
        )  # fmt: skip

    def _ready(self, event: AnyEvent, line: int) -> Ready:
        topic: TopicName = "transfers" if isinstance(event, Transfer) else "calls"
        value = encode(event)
        if len(value) > MAX_EVENT_BYTES:
            raise ValueError(f"gives an event of {len(value):,} bytes, {MAX_EVENT_BYTES:,} at most")
        return Ready(
            event.event_time_ms, topic, event.subscriber.encode(), value, self._source, line
        )


def rows_of_one(
    batches: Iterator[RowBatch], mapping: Mapping, column: str, name: str
) -> Iterator[RowBatch]:
    """Rows of which those that give events have one value in a column: all events of the file go to one subscriber.

    Raises:
        ConfigurationError: at the second value.
    """
    known: set[str] = set()
    for batch in batches:
        texts = batch.series(column).filter(~mapping.skipped(batch))
        known |= set(texts.filter(texts != "").unique().to_list())
        if len(known) > 1:
            raise ConfigurationError(
                f"{name} has rows of more than one person (column {column}), and all of them would become "
                "those of one subscriber.",
                hint="With a format by name, say --given 'account=...' and one file a person; the rows of others "
                "are passed over. With a mapping, take subscriber from a column, or skip the others.",
            )
        yield batch


def with_texts(path: Path, mapping: Mapping, rows: dict[int, BadRow]) -> Iterator[BadRow]:
    """Bad rows with the rows of the file as they stand, for rows of which only the line is known.

    Args:
        path: of the file, which is read again.
        mapping: what its rows mean.
        rows: by their lines.
    """
    left = dict(rows)
    for batch in prepared_rows(path, mapping.file, FileTally(path.name)):
        for position, line in enumerate(batch.lines):
            if line in left:
                text = batch.raws[position] or raw_json(batch.rows[position])
                yield replace(left.pop(line), text=text)
        if not left:
            return


_line = attrgetter("line")
_NONE = np.empty(0, np.int64)
