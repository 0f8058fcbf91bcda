"""Events of several files as one stream in the order of their event time."""

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter, itemgetter
from pathlib import Path

import numpy as np

from forewarn.errors import ConfigurationError
from forewarn.replay.column_mapping import Mapping
from forewarn.replay.event_spill import sorted_by_time
from forewarn.replay.file_events import BadRow, FileEvents, Ready, Run
from forewarn.replay.file_tally import FileTally
from forewarn.replay.original_rows import OriginalRows, find_originals
from forewarn.replay.repeated_ids import RepeatedIds
from forewarn.replay.row_reader import Watch

REORDER_EVENTS = 50_000
"""How many events one file may hold back to put them in order; about 50 MB."""

_RELEASED_EVENTS = 25_000
"""How many are handed over at once."""

Item = Ready | BadRow


def in_order(
    files: Sequence[tuple[Path, Mapping]],
    *,
    skip: Sequence[int] = (),
    tallies: Sequence[FileTally] = (),
    sort: bool = False,
    watch: Watch | None = None,
    originals: OriginalRows | None = None,
    ids: RepeatedIds | None = None,
) -> Iterator[Item]:
    """Merge the events of files by event time.

    A file need not be sorted: within ``REORDER_EVENTS`` events it is put in order, and with ``sort`` it may
    be in any order. Bad rows come out as they are met. The order of one file's items is the same each time
    and whatever other files are beside it, so a count of items says where to go on.

    Args:
        files: each with its mapping.
        skip: for each file, how many of its items to leave out; none where it is empty.
        tallies: for each file, counts its lines.
        sort: sort whole files on disk.
        watch: gets each open file, for progress.
        originals: of the rows that follow others; they are looked for if it is None.
        ids: finds identifiers that repeat with other content.

    Raises:
        ConfigurationError: if a file is out of order by more than fits into memory.
    """
    originals = find_originals(files) if originals is None else originals
    tallies = tallies or [FileTally(path.name) for path, _ in files]
    streams = []
    for number, (path, mapping) in enumerate(files):
        runs = FileEvents(path, mapping, tallies[number], originals, number, ids).runs(watch)
        ordered = sorted_by_time(runs) if sort else _reordered(runs, path)
        items = itertools.chain.from_iterable(ordered)
        streams.append(itertools.islice(items, skip[number] if skip else 0, None))
    if len(streams) == 1:
        yield from streams[0]
        return
    for _, item in heapq.merge(*map(_timed, streams), key=itemgetter(0)):
        yield item


def _timed(items: Iterable[Item]) -> Iterator[tuple[int, Item]]:
    """Pairs of time and item; a bad row takes the time of what came before it."""
    now = 0
    for item in items:
        now = max(now, item.event_time_ms)
        yield now, item


def _reordered(runs: Iterable[Run], path: Path) -> Iterator[Sequence[Item]]:
    """Runs of items, by time within a bound; bad rows as they are met."""
    held: list[Ready] = []
    now = 0
    for run in runs:
        if run.bad:
            yield run.bad
        if run.ready and now:
            first = min(run.ready, key=_time)
            if first.event_time_ms < now:
                raise _out_of_order(path, first.line, first.event_time_ms, now)
        held += run.ready
        if len(held) >= REORDER_EVENTS + _RELEASED_EVENTS:
            held.sort(key=_time)  # equal times keep their order in the file
            count = len(held) - REORDER_EVENTS
            now = held[count - 1].event_time_ms
            yield held[:count]
            del held[:count]
    held.sort(key=_time)
    yield held


_time = attrgetter("event_time_ms")


def _out_of_order(path: Path, line: int, time_ms: int, now_ms: int) -> ConfigurationError:
    hours = (now_ms - time_ms) / 3_600_000
    return ConfigurationError(
        f"{path.name} is not in the order of time: line {line} is {hours:,.1f} hours earlier than "
        f"rows more than {REORDER_EVENTS:,} events before it.",
        hint="Add --sort, which sorts it on disk.",
    )


def checked(
    files: Sequence[tuple[Path, Mapping]],
    tallies: Sequence[FileTally],
    *,
    sort: bool = False,
    watch: Watch | None = None,
    on_run: Callable[[int], None] | None = None,
    on_bad: Callable[[BadRow], None] | None = None,
    originals: OriginalRows | None = None,
    ids: RepeatedIds | None = None,
) -> None:
    """Read and convert files to their ends, so that what is refused is refused before anything is sent.

    Args:
        files: each with its mapping.
        tallies: for each file, counts its lines.
        sort: whether their order does not matter.
        watch: gets each open file, for progress.
        on_run: receives the number of rows read, from time to time.
        on_bad: receives every bad row.
        originals: of the rows that follow others; they are looked for if it is None.
        ids: finds identifiers that repeat with other content.

    Raises:
        ConfigurationError: if a file or its mapping cannot be meant, or if it is out of order by more
            than fits into memory.
    """
    originals = find_originals(files) if originals is None else originals
    for number, (path, mapping) in enumerate(files):
        tally = tallies[number]
        times, lines, now = _NONE, _NONE, 0
        file = FileEvents(path, mapping, tally, originals, number, ids)
        for run in file.runs(watch, times_only=True):
            if on_bad is not None:
                for row in run.bad:
                    on_bad(row)
            if on_run is not None:
                on_run(sum(each.rows for each in tallies))
            if sort or not len(run.times_ms):
                continue
            first = int(run.times_ms.argmin())
            if run.times_ms[first] < now:
                raise _out_of_order(path, int(run.lines[first]), int(run.times_ms[first]), now)
            times = np.concatenate([times, run.times_ms])
            lines = np.concatenate([lines, run.lines])
            if len(times) >= REORDER_EVENTS + _RELEASED_EVENTS:
                order = np.argsort(times, kind="stable")
                count = len(times) - REORDER_EVENTS
                now = int(times[order[count - 1]])
                times, lines = times[order[count:]], lines[order[count:]]


_NONE = np.empty(0, np.int64)
