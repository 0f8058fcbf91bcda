"""Events of any length through the engine in slices, the records carried from one to the next.

A slice is to the engine what a chunk is to the worker, only larger: the records that its events
concern go in, the new ones come out. So memory holds one slice and the records, whatever the
number of events; and where even the records are too many, they wait on disk.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from features.engine import Engine, RunResult, Write
from features.event_columns import EventColumns

SLICE_EVENTS: Final = 1_000_000
"""About 0.6 GB of columns, state and vectors; and few enough slices that packing hardly counts."""


class RecordStore(Protocol):
    """Where records wait between slices."""

    def load(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The records of keys, None where there is none."""
        ...

    def store(self, writes: Sequence[Write]) -> None:
        """Replace records; they need not expire."""
        ...

    def writes(self) -> Iterator[Write]:
        """Everything kept, as writes on an empty store."""
        ...


class MemoryRecordStore:
    """Records in memory: about 450 bytes an entity."""

    def __init__(self) -> None:
        self._records: dict[bytes, tuple[bytes, int]] = {}

    def load(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See :class:`RecordStore`."""
        found = (self._records.get(key) for key in keys)
        return [None if record is None else record[0] for record in found]

    def store(self, writes: Sequence[Write]) -> None:
        """See :class:`RecordStore`."""
        self._records.update((write.key, (write.value, write.expire_ms)) for write in writes)

    def writes(self) -> Iterator[Write]:
        """See :class:`RecordStore`."""
        for key, (value, expire_ms) in self._records.items():
            yield Write(key, 0, value, expire_ms)


class SqliteRecordStore:
    """Records in a scratch file, for more entities than memory holds.

    Args:
        path: of a file that does not exist; the caller removes it.
    """

    def __init__(self, path: Path) -> None:
        # Used by one thread at a time, but not always by the same one.
        self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._base.execute("PRAGMA journal_mode = OFF")  # scratch: lost with the process anyway
        self._base.execute("PRAGMA synchronous = OFF")
        self._base.execute(
            "CREATE TABLE record (key BLOB PRIMARY KEY, value BLOB, expire_ms INTEGER)"
            " WITHOUT ROWID"
        )

    def load(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See :class:`RecordStore`."""
        read = self._base.cursor()
        found: list[bytes | None] = []
        for key in keys:
            row = read.execute("SELECT value FROM record WHERE key = ?", (key,)).fetchone()
            found.append(None if row is None else row[0])
        return found

    def store(self, writes: Sequence[Write]) -> None:
        """See :class:`RecordStore`."""
        self._base.execute("BEGIN")
        self._base.executemany(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?)",
            ((write.key, write.value, write.expire_ms) for write in writes),
        )
        self._base.execute("COMMIT")

    def writes(self) -> Iterator[Write]:
        """See :class:`RecordStore`."""
        for key, value, expire_ms in self._base.execute("SELECT * FROM record"):
            yield Write(key, 0, value, expire_ms)

    def close(self) -> None:
        """Close the file."""
        self._base.close()


def cores() -> int:
    """How many threads the kernel may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class HistoryRunner:
    """Walks through history slice by slice.

    Args:
        engine: computes the catalog's features.
        record_store: keeps the records between slices.
        threads: of the kernel; all cores by default.
    """

    def __init__(
        self, engine: Engine, *, record_store: RecordStore | None = None, threads: int | None = None
    ) -> None:
        self._engine = engine
        self.record_store: RecordStore = (
            record_store if record_store is not None else MemoryRecordStore()
        )
        self._threads = threads or cores()

    def run(self, columns: EventColumns, *, last: bool = False) -> RunResult:
        """Compute the next slice.

        Args:
            columns: events behind those of all earlier slices, in the order of application.
            last: no slice follows and nobody wants the records: they are not packed.
        """
        plan = self._engine.plan(columns)
        result = self._engine.run(plan, self.record_store.load(plan.keys), threads=self._threads)
        if not last:
            self.record_store.store(result.writes())
        return result

    def slices(
        self, columns: EventColumns, *, slice_events: int = SLICE_EVENTS, keep: bool = False
    ) -> Iterator[RunResult]:
        """Compute columns that are in memory already.

        Args:
            columns: all events, in the order of application.
            slice_events: about how many of them at once.
            keep: the records are wanted after the last slice.
        """
        starts = columns.event_rows()[::slice_events]  # an outcome's rows are never torn apart
        for start, after in zip(starts, np.append(starts[1:], len(columns)), strict=True):
            yield self.run(
                columns.take(slice(int(start), int(after))),
                last=not keep and int(after) == len(columns),
            )
