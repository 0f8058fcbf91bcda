"""The records of one run in flat arrays, and the cursor by which a step sees one event at one record.

All records of all entities share one index space, so one function unpacks, updates and packs them all, and
the memory is that of what the records hold plus what the run may add.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.kernel.compilation import inner
from features.kernel.record_layout import BATCH, DESCRIPTOR_CELLS, R_ENTITY

I64 = npt.NDArray[np.int64]


class State(NamedTuple):
    """All records end to end.

    Attributes:
        starts: int64 [records], where each record's descriptor begins in ``cells``.
        cells: int64.
    """

    starts: I64
    cells: I64


class Cursor(NamedTuple):
    """One event at one record: what every step of the kernel takes.

    Attributes:
        cells: those of the state.
        cut: int64 [windows + 1], scratch of ``features.kernel.tiles.set_cutoffs``.
        offset_ms: local time minus UTC.
        record: index of the first cell of the record, its descriptor (``R_...``).
        entity: kind of the record, a ``features.entity_keys.Entity``.
        head: index of the first cell of the record's head.
        row: row of the event in the batch and in the vectors; it and all below are 0 where a record is
            only packed or unpacked.
        kind: a ``features.kinds.EventKind``.
        time_ms: event time, UTC.
        subscriber: pseudonym.
        counterparty: pseudonym; 0 for none.
        subject: pseudonym of the call, transfer or case.
        amount: minor units.
        duration_ms: of a call.
        flags: bits of ``features.kinds``.
    """

    cells: I64
    cut: I64
    offset_ms: int
    record: int
    entity: int
    head: int
    row: int
    kind: int
    time_ms: int
    subscriber: int
    counterparty: int
    subject: int
    amount: int
    duration_ms: int
    flags: int


class Context(NamedTuple):
    """What a subscriber's record says of an event before it is applied.

    Attributes:
        level: suspicion against the counterparty, 0 to 7.
        is_new: the subscriber has no contact with the counterparty on record.
        is_young: the first contact was at most a day ago, or the counterparty is new.
        on_call_level: suspicion against the caller of the call in progress; 0 without one.
        on_call_seconds: duration of the call in progress so far.
    """

    level: int
    is_new: bool
    is_young: bool
    on_call_level: int
    on_call_seconds: int


@inner
def event_cursor(
    state: State, record: int, cut: np.ndarray, offset_ms: int, batch: np.ndarray, row: int
) -> Cursor:
    """The cursor of one row of a batch (columns ``BATCH``) at one record."""
    start = state.starts[record]
    return Cursor(
        state.cells,
        cut,
        offset_ms,
        start,
        state.cells[start + R_ENTITY],
        start + DESCRIPTOR_CELLS,
        row,
        batch[row, BATCH.kind],
        batch[row, BATCH.time_ms],
        batch[row, BATCH.subscriber],
        batch[row, BATCH.counterparty],
        batch[row, BATCH.subject],
        batch[row, BATCH.amount],
        batch[row, BATCH.duration_ms],
        batch[row, BATCH.flags],
    )


@inner
def record_cursor(state: State, record: int, cut: np.ndarray, offset_ms: int) -> Cursor:
    """A cursor at a record without an event."""
    cells, start = state.cells, state.starts[record]
    entity, head = cells[start + R_ENTITY], start + DESCRIPTOR_CELLS
    return Cursor(cells, cut, offset_ms, start, entity, head, 0, 0, 0, 0, 0, 0, 0, 0, 0)


@inner
def clear(cells: np.ndarray, at: int, size: int) -> None:
    """Set ``size`` entries to 0; a loop compiles ten times faster than a slice."""
    for j in range(at, at + size):
        cells[j] = 0
