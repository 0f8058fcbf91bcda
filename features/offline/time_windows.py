"""A directory of events cut into windows of time, in the one order of offline features.

The order is that of :func:`features.offline.frame_columns.in_order`: an event's *place* is the newest
event time that its partition had reached when it arrived. Windows are cut by place, so a late event stays
in the window of its arrival, and merging each window alone gives the order of the whole. Only one window,
and the row groups with rows in it, are in memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from features.offline.event_files import Place, metadata, parquet_files
from features.offline.parquet_tables import read_files, whole

STEP_MS: Final = 60_000
"""Windows begin at whole minutes, which makes their sizes even enough."""

SCAN_ROWS: Final = 500_000
"""Rows whose positions and times are read at once while windows are found: 12 MB."""

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Block:
    """Rows of a file that are read together: their places, and the newest time of each partition before them."""

    topic: str
    path: Place
    first_row: int
    rows: int
    first_place: int
    last_place: int
    before: dict[int, int]


@dataclass(frozen=True, slots=True)
class WindowRows:
    """The rows of one window and where they are, so that any process can read them.

    Attributes:
        start: place at which the window begins, UTC ms.
        end: place at which the next one begins.
    """

    start: int
    end: int
    _blocks: tuple[_Block, ...]

    @property
    def files(self) -> tuple[Place, ...]:
        """The files that hold rows of the window."""
        return tuple(dict.fromkeys(block.path for block in self._blocks))

    def tables(self) -> dict[str, pl.DataFrame]:
        """The rows by topic, canonical columns."""
        window: dict[str, list[pl.DataFrame]] = {}
        for block in self._blocks:
            window.setdefault(block.topic, []).append(_inside(_placed(block), self.start, self.end))
        return {topic: pl.concat(parts) for topic, parts in window.items()}


@dataclass(slots=True)
class TimeWindows:
    """The windows of a directory, found by reading three columns once.

    Attributes:
        events: number of rows.
        starts: place at which each window begins, UTC ms; the last entry is the end of the last window.
    """

    events: int
    starts: list[int]
    _blocks: list[_Block] = field(default_factory=list)

    def each(self) -> Iterator[WindowRows]:
        """The windows in order, each with what is needed to read it anywhere."""
        for start, end in zip(self.starts, self.starts[1:], strict=False):
            inside = (b for b in self._blocks if b.first_place < end and b.last_place >= start)
            yield WindowRows(start, end, tuple(inside))

    def __iter__(self) -> Iterator[dict[str, pl.DataFrame]]:
        """The rows of each window by topic, canonical columns."""
        coming = sorted(range(len(self._blocks)), key=lambda n: self._blocks[n].first_place)
        coming.reverse()
        held: dict[int, pl.DataFrame] = {}
        for start, end in zip(self.starts, self.starts[1:], strict=False):
            while coming and self._blocks[coming[-1]].first_place < end:
                number = coming.pop()
                held[number] = _placed(self._blocks[number])
            window: dict[str, list[pl.DataFrame]] = {}
            for number in sorted(held):
                rows = _inside(held[number], start, end)
                window.setdefault(self._blocks[number].topic, []).append(rows)
            held = {n: rows for n, rows in held.items() if self._blocks[n].last_place >= end}
            yield {topic: pl.concat(parts) for topic, parts in window.items()}


def cut(
    directories: Place | Sequence[Place], topics: tuple[str, ...], *, window_events: int
) -> TimeWindows:
    """Scan directories and cut their events as one history.

    Args:
        directories: each has a folder of Parquet files for each topic; no offset is in two of them.
        topics: without prefix.
        window_events: about how many rows a window should have.

    Raises:
        ConfigurationError: if the directory is missing or a file lacks a required column.
    """
    places_of = [directories] if isinstance(directories, Path | str) else directories
    blocks: list[_Block] = []
    minutes: dict[int, int] = {}
    events = 0
    for topic in topics:
        reached: dict[int, int] = {}
        for path in _by_offset(places_of, topic):
            for first, rows in _row_groups(path, topic):
                own = rows["partition"].unique().to_list()
                before = {number: reached[number] for number in own if number in reached}
                place = places(rows, reached)
                events += len(rows)
                low, high = int(place.min()), int(place.max())
                blocks.append(_Block(topic, path, first, len(rows), low, high, before))
                steps, counts = np.unique(place // STEP_MS, return_counts=True)
                for step, each in zip(steps.tolist(), counts.tolist(), strict=True):
                    minutes[step] = minutes.get(step, 0) + each
    return TimeWindows(events, _boundaries(minutes, window_events), blocks)


def places(rows: pl.DataFrame, reached: dict[int, int]) -> I64:
    """The place of each row; updates ``reached``, the newest time by partition."""
    partition = rows["partition"].to_numpy()
    time_ms = rows["event_time_ms"].to_numpy()
    order = np.lexsort((rows["offset"].to_numpy(), partition))
    place = np.empty(len(rows), np.int64)
    steps = np.flatnonzero(np.diff(partition[order])) + 1
    for run in np.split(order, steps):
        number = int(partition[run[0]])
        newest = np.maximum.accumulate(np.maximum(time_ms[run], reached.get(number, 0)))
        place[run] = newest
        reached[number] = int(newest[-1])
    return place


def _inside(rows: pl.DataFrame, start: int, end: int) -> pl.DataFrame:
    return rows.filter(pl.col("place").is_between(start, end, closed="left")).drop("place")


def _placed(block: _Block) -> pl.DataFrame:
    with whole(block.path):
        rows = read_files([block.path], block.topic).slice(block.first_row, block.rows).collect()
    return rows.with_columns(place=pl.Series(places(rows, dict(block.before)), dtype=pl.Int64))


def _row_groups(path: Place, topic: str) -> Iterator[tuple[int, pl.DataFrame]]:
    """First row of each row group, and its positions and times; one for all where offsets do not ascend with the rows."""
    described = metadata(path)
    # Rows of a file without offsets are sorted by time as they are read, so it is read as a whole.
    if "offset" not in described.schema.names or not _ascending(path, topic, described.num_rows):
        whole = _positions(path, topic, 0, described.num_rows)
        if len(whole):
            yield 0, whole
        return
    sizes = [described.row_group(number).num_rows for number in range(described.num_row_groups)]
    first = scanned = 0
    rows = pl.DataFrame()
    for size in filter(None, sizes):
        if first + size > scanned + len(rows):
            scanned = first
            rows = _positions(path, topic, first, max(size, SCAN_ROWS))
        yield first, rows.slice(first - scanned, size)
        first += size


def _ascending(path: Place, topic: str, rows: int) -> bool:
    """Whether the offsets of each partition ascend with the rows of a file."""
    newest: dict[int, int] = {}
    for first in range(0, rows, SCAN_ROWS):
        part = _positions(path, topic, first, SCAN_ROWS)
        runs = part.group_by("partition").agg(
            pl.col("offset").first().alias("first"),
            pl.col("offset").last().alias("last"),
            (pl.col("offset").diff().drop_nulls() > 0).all().alias("ascend"),
        )
        for partition, low, last, ascend in runs.iter_rows():
            if not ascend or low <= newest.get(partition, -1):
                return False
            newest[partition] = last
    return True


def _positions(path: Place, topic: str, first: int, count: int) -> pl.DataFrame:
    """Partition, offset and event time of ``count`` rows from ``first`` on."""
    rows = read_files([path], topic).slice(first, count)
    with whole(path):
        return rows.select("partition", "offset", "event_time_ms").collect()


def _by_offset(directories: Sequence[Place], topic: str) -> list[Place]:
    """Files ordered so that the offsets of every partition ascend."""
    paths = [path for directory in directories for path in parquet_files(directory, topic)]
    first = {}
    for path in paths:
        with whole(path):
            low = read_files([path], topic).select(pl.col("offset").min()).collect().item()
        first[path] = -1 if low is None else low
    return sorted(paths, key=lambda path: (first[path], str(path)))


def _boundaries(minutes: Mapping[int, int], window_events: int) -> list[int]:
    """Starts of windows of about ``window_events``, and the end of the last window."""
    starts: list[int] = []
    held = window_events
    for step in sorted(minutes):
        if held + minutes[step] > window_events:
            starts.append(step * STEP_MS)
            held = 0
        held += minutes[step]
    return [*starts, (max(minutes) + 1) * STEP_MS] if minutes else []
