"""The records of one run in flat arrays: what the kernel reads and writes.

All records of all entity kinds share one index space, so one unpack, one walk and one pack serve
them all, and the memory is that of what the records really hold plus what the run may add.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.catalog.channels import CHANNELS, SUM_CHANNELS
from features.catalog.semantics import (
    MINUTE_MS,
    PAIR_CAPACITY,
)
from features.kernel import pairs, tiles
from features.kernel.compilation import inner
from features.kernel.record_layout import (
    COMPACT_AFTER,
    HEAD,
    R_HEAD,
    R_KIND,
    R_PAIR_COUNT,
    R_PAIRS,
    R_SKETCH,
    R_SKETCH_ON,
    R_TILE_COUNT,
    R_TILE_SOFT,
    R_TILES,
    SHARED_TABLE,
)

I64 = npt.NDArray[np.int64]


class State(NamedTuple):
    """``r`` records: what is where, and all their integers end to end.

    Few arrays, because each costs compile time in every function that it is passed to.
    """

    meta: I64  # [r, META_COLUMNS], columns R_...
    cells: I64


class Scratch(NamedTuple):
    """Room for one event's readings."""

    cut: I64  # [windows]
    acc: I64  # [windows, channels]
    dist: npt.NDArray[np.float64]  # [2, distinct windows]
    scalars: npt.NDArray[np.float64]


@inner
def clear(cells: np.ndarray, at: int, size: int) -> None:
    """Set ``size`` entries to 0; a loop compiles ten times faster than a slice."""
    for j in range(at, at + size):
        cells[j] = 0


@inner
def tile_at(state: State, r: int, part: int, time_ms: int, cut: np.ndarray) -> int:
    """Index of the first channel of the tile that holds a local time; -1 where it is too old.

    Compacts now and then. An index is good until the next call.
    """
    kind = state.meta[r, R_KIND]
    channels = CHANNELS[kind, part]
    base = state.meta[r, R_TILES + part]
    count = state.meta[r, R_TILE_COUNT + part]
    if count >= state.meta[r, R_TILE_SOFT + part]:
        count = tiles.compact(state.cells, base, count, channels, SUM_CHANNELS[kind, part], cut)
        state.meta[r, R_TILE_SOFT + part] = count + COMPACT_AFTER
    at, added = tiles.locate(state.cells, base, count, channels, time_ms, cut)
    state.meta[r, R_TILE_COUNT + part] = count + 1 if added else count
    return at


@inner
def read_tiles(state: State, r: int, part: int, cut: np.ndarray, acc: np.ndarray) -> None:
    """Read all windows of one tile series."""
    kind = state.meta[r, R_KIND]
    tiles.read(
        state.cells,
        state.meta[r, R_TILES + part],
        state.meta[r, R_TILE_COUNT + part],
        CHANNELS[kind, part],
        SUM_CHANNELS[kind, part],
        cut,
        acc,
    )


@inner
def touch_pair(state: State, r: int, table: int, pair_id: int, minute: int) -> int:
    """Note a contact; index of the pair's fields or -1."""
    kind = state.meta[r, R_KIND]
    sketch_base = state.meta[r, R_SKETCH] if table == 0 else -1
    sketch_on = state.meta[r, R_SKETCH_ON] if table == 0 else 0
    at, count, sketch_on = pairs.touch(
        state.cells,
        state.meta[r, R_PAIRS + table],
        state.meta[r, R_PAIR_COUNT + table],
        PAIR_CAPACITY[kind, table],
        pair_id,
        minute,
        table if kind == 0 else SHARED_TABLE,
        state.cells[state.meta[r, R_HEAD] + HEAD.clock] // MINUTE_MS,
        sketch_base,
        sketch_on,
    )
    state.meta[r, R_PAIR_COUNT + table] = count
    if table == 0:
        state.meta[r, R_SKETCH_ON] = sketch_on
    return at


@inner
def find_pair(state: State, r: int, table: int, pair_id: int) -> int:
    """Index of a pair's fields or -1."""
    base, count = state.meta[r, R_PAIRS + table], state.meta[r, R_PAIR_COUNT + table]
    return pairs.find(state.cells, base, count, pair_id)
