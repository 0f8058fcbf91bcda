"""Events of any number through the engine in slices, with the records carried from one to the next.

A slice is to the engine what a chunk is to the worker, only larger: the records that its events concern
are loaded, and the new ones are stored. So memory holds one slice and the records, whatever the number of
events; where the records are too many for it, a ``RecordFile`` keeps them on disk.
"""

import os
from collections.abc import Iterator
from typing import Final

import numpy as np

from features.engine import Engine, RunResult
from features.event_columns import EventColumns
from features.offline.record_store import MemoryRecordStore, RecordStore

SLICE_EVENTS: Final = 1_000_000
"""About 0.6 GB of columns, state and vectors; larger slices save no measurable time."""


def cores() -> int:
    """The number of threads that the kernel may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class HistoryRunner:
    """Runs the engine over history slice by slice.

    Args:
        engine: computes the catalog's features.
        record_store: keeps the records between slices; in memory by default.
        threads: of the kernel; all cores by default.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        record_store: RecordStore | None = None,
        threads: int | None = None,
    ) -> None:
        self._engine = engine
        self.record_store: RecordStore = (
            MemoryRecordStore() if record_store is None else record_store
        )
        self._threads = threads or cores()

    def run(self, columns: EventColumns, *, last: bool = False) -> RunResult:
        """Compute the next slice.

        Args:
            columns: events after those of all earlier slices, in the order of application.
            last: the records are not used any more, so they are not packed.
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
            slice_events: about how many events one slice has.
            keep: store the records of the last slice too.
        """
        starts = columns.event_rows()[::slice_events]  # rows of one outcome stay in one slice
        for start, after in zip(starts, np.append(starts[1:], len(columns)), strict=True):
            yield self.run(
                columns.take(slice(int(start), int(after))),
                last=not keep and int(after) == len(columns),
            )
