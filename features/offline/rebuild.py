"""State from history: run the engine over events, discard the vectors, write the records.

This restores a lost state (``forewarn rebuild``: workers continue at their group's offsets) and gives a
new installation a past (``as_history``: thirty-day windows are filled from the first minute).
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from features.engine import Engine
from features.event_columns import EventColumns
from features.offline.history_runner import SLICE_EVENTS, HistoryRunner
from features.offline.record_store import RecordStore
from features.record_header import parse
from features.store.chunk_journal import encode, floor
from features.store.state_store import JournalWrite, StateStore, Write
from forewarn.contracts.topics import SOURCES
from forewarn.errors import ForewarnError

HISTORY_SOURCE: Final = 255
"""Source of events that are in no topic, so that their offsets are not taken for those of a topic."""

COMMIT_RECORDS: Final = 4000
COMMITS_AT_ONCE: Final = 2
DAY_MS: Final = 86_400_000

Floors = Mapping[int, Mapping[int, int]]
"""The next offset by partition and source; every event below it is in the state."""


class NotEmptyError(ForewarnError):
    """The store holds records already, and a rebuilt state would mix with them."""


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """Results of a rebuild; ``expired`` records were too old to be kept."""

    events: int
    records: int
    expired: int
    seconds: float


async def rebuild_state(
    columns: EventColumns | Iterable[EventColumns],
    store: StateStore,
    *,
    engine: Engine | None = None,
    as_history: bool = False,
    floors: Floors | None = None,
    now_ms: int | None = None,
    record_store: RecordStore | None = None,
    threads: int | None = None,
    progress: Callable[[int], None] = lambda _events: None,
) -> RebuildResult:
    """Write the state that events lead to into an open store without records.

    Args:
        columns: the events in the order of application, in one piece or in windows of time.
        store: opened; it holds no record of the events' entities.
        engine: has the catalog and the prefix of the keys; by default those of a default engine.
        as_history: the events are in no topic, so no offset counts as applied.
        floors: where the workers continue; by default behind the last event of each source.
        now_ms: event time, UTC ms; records that would have expired by then are not written. By
            default that of the newest event.
        record_store: keeps the records until they are written; in memory by default.
        threads: of the kernel; all cores by default.
        progress: receives the number of further events done.

    Raises:
        NotEmptyError: if the store holds a record of the events' entities.
        DependencyUnavailableError: if the store stops answering; empty it and start again.
    """
    began = time.perf_counter()
    engine = engine or Engine(form=lambda: store.form)
    history = HistoryRunner(engine, record_store=record_store, threads=threads)
    reached: dict[int, dict[int, int]] = {}
    events = newest = 0
    for window in [columns] if isinstance(columns, EventColumns) else columns:
        if not len(window):
            continue
        if as_history:
            window = _without_offsets(window, events)  # noqa: PLW2901  the same events
        else:
            _note(window, reached)
        for result in history.slices(window, slice_events=SLICE_EVENTS, keep=True):
            count = len(result.plan.columns)
            events += count
            newest = max(newest, int(result.plan.columns.time_ms.max()))
            progress(count)
            await asyncio.sleep(0)  # the kernel has blocked the event loop
    records, expired = await write_records(
        history.record_store.writes(), store, newest if now_ms is None else now_ms
    )
    if not as_history:
        await write_floors(store, reached if floors is None else floors)
    return RebuildResult(events, records, expired, time.perf_counter() - began)


async def write_floors(store: StateStore, floors: Floors) -> None:
    """Write a journal for each partition from which its next owner continues.

    Its chunk number is above any that may have been used before: a chunk has at least one event, so
    there were never more chunks than offsets.
    """
    epochs = await store.take_over(list(floors))
    journals = []
    for partition, offsets in floors.items():
        ends = {source: offsets.get(source, 0) for source in range(len(SOURCES))}
        entry = encode(floor(sum(ends.values()), ends))
        journals.append(JournalWrite(partition, epochs[partition], entry))
    await store.commit([], journals=journals)


async def write_records(writes: Iterable[Write], store: StateStore, now_ms: int) -> tuple[int, int]:
    """Write records into a store without any, a few batches at once.

    Args:
        writes: the records.
        store: opened; it holds none of them.
        now_ms: event time, UTC ms, at which it is judged whether a record has expired.

    Returns:
        The number of those written and of those expired.

    Raises:
        NotEmptyError: if the store holds one of the records.
        DependencyUnavailableError: if the store stops answering.
    """
    records = expired = 0
    batch: list[Write] = []
    going: set[asyncio.Task[None]] = set()
    try:
        for write in writes:
            left_ms = write.expire_ms - max(0, now_ms - parse(write.value).last_event_ms)
            if left_ms <= 0:
                expired += 1
                continue
            records += 1
            batch.append(write._replace(expire_ms=_whole_days(left_ms)))
            if len(batch) >= COMMIT_RECORDS:
                going.add(asyncio.create_task(_commit(store, batch)))
                batch = []
                if len(going) >= COMMITS_AT_ONCE:
                    going = await _settled(going)
        if batch:
            going.add(asyncio.create_task(_commit(store, batch)))
        await asyncio.gather(*going)
    finally:
        for task in going:
            task.cancel()
    return records, expired


async def _settled(going: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    done, rest = await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    return rest


async def _commit(store: StateStore, writes: list[Write]) -> None:
    if await store.commit(writes):
        raise NotEmptyError(
            "The store holds records of these entities already.",
            hint="Empty it first; `forewarn rebuild` does so by default.",
        )


def _whole_days(left_ms: int) -> int:
    """A time to live rounded up to days, since one commit takes few different ones."""
    return -(-left_ms // DAY_MS) * DAY_MS


def _without_offsets(columns: EventColumns, before: int) -> EventColumns:
    n = len(columns)
    # Rows of one outcome share an offset; all others count up.
    fresh = np.zeros(n, np.int64)
    fresh[columns.event_rows()] = 1
    return replace(
        columns,
        source=np.full(n, HISTORY_SOURCE, np.uint8),
        partition=np.zeros(n, np.int32),
        offset=before + np.cumsum(fresh),
    )


def _note(columns: EventColumns, reached: dict[int, dict[int, int]]) -> None:
    """Update the next offset of every partition and source."""
    where = columns.partition.astype(np.int64) << 8 | columns.source
    for place in np.unique(where).tolist():
        partition, source = place >> 8, place & 0xFF
        highest = int(columns.offset[where == place].max()) + 1
        mine = reached.setdefault(partition, {})
        mine[source] = max(mine.get(source, 0), highest)
