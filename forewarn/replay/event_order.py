"""Events of several files as one stream in the order of their event time."""

import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from forewarn.errors import ConfigurationError
from forewarn.replay.column_mapping import Mapping
from forewarn.replay.event_spill import sorted_by_time
from forewarn.replay.file_events import BadRow, Ready, file_events
from forewarn.replay.file_tally import FileTally
from forewarn.replay.row_reader import Watch

REORDER_EVENTS = 50_000
"""How many events one file may hold back to put them in order; about 30 MB."""

_RELEASED_AT_ONCE = 25_000

Item = Ready | BadRow


def in_order(
    files: Sequence[tuple[Path, Mapping]],
    *,
    skip: Sequence[int] = (),
    tallies: Sequence[FileTally] = (),
    sort: bool = False,
    watch: Watch | None = None,
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

    Raises:
        ConfigurationError: if a file is out of order by more than fits into memory.
    """
    tallies = tallies or [FileTally(path.name) for path, _ in files]
    streams = []
    for number, (path, mapping) in enumerate(files):
        items = file_events(path, mapping, tallies[number], source=number, watch=watch)
        timed = _timed(sorted_by_time(items)) if sort else _reordered(items, path)
        streams.append(itertools.islice(timed, skip[number] if skip else 0, None))
    merged = streams[0] if len(streams) == 1 else heapq.merge(*streams, key=itemgetter(0))
    for _, item in merged:
        yield item


def _timed(items: Iterable[Item]) -> Iterator[tuple[int, Item]]:
    """Pairs of time and item; a bad row takes the time of what came before it."""
    now = 0
    for item in items:
        now = max(now, item.event_time_ms)
        yield now, item


def _reordered(items: Iterable[Item], path: Path) -> Iterator[tuple[int, Item]]:
    """Pairs of time and item, by time within a bound."""
    held: list[Ready] = []
    now = 0
    for item in items:
        if isinstance(item, BadRow):
            yield now, item
            continue
        if item.event_time_ms < now:
            raise _out_of_order(path, item, now)
        held.append(item)
        if len(held) >= REORDER_EVENTS + _RELEASED_AT_ONCE:
            held.sort(key=itemgetter(0))  # equal times keep their order in the file
            _require_window(held, path)
            for ready in held[:_RELEASED_AT_ONCE]:
                now = ready.event_time_ms
                yield now, ready
            del held[:_RELEASED_AT_ONCE]
    held.sort(key=itemgetter(0))
    for ready in held:
        yield ready.event_time_ms, ready


def _require_window(held: list[Ready], path: Path) -> None:
    """Refuse a file whose newest rows come first before anything of it is sent."""
    if held[0].line > held[-1].line and held[0].line - held[_RELEASED_AT_ONCE].line >= 0:
        raise _out_of_order(path, held[0], held[-1].event_time_ms)


def _out_of_order(path: Path, item: Ready, now_ms: int) -> ConfigurationError:
    hours = (now_ms - item.event_time_ms) / 3_600_000
    return ConfigurationError(
        f"{path.name} is not in the order of time: line {item.line} is {hours:,.1f} hours earlier than "
        f"rows more than {REORDER_EVENTS:,} events before it.",
        hint="Add --sort, which sorts it on disk.",
    )


def checked(
    files: Sequence[tuple[Path, Mapping]], *, sort: bool = False, watch: Watch | None = None
) -> None:
    """Read and convert files to their ends, so that what is refused is refused before anything is sent.

    Args:
        files: each with its mapping.
        sort: whether their order does not matter.
        watch: gets each open file, for progress.

    Raises:
        ConfigurationError: if a file or its mapping cannot be meant.
    """
    for path, mapping in files:
        items = file_events(path, mapping, FileTally(path.name), watch=watch)
        for _ in items if sort else _reordered(items, path):
            pass
