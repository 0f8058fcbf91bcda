"""The records of one run in flat arrays: what the kernel reads and writes.

All records of all entity kinds share one index space, so one unpack, one walk and one pack serve
them all, and the memory is that of what the records really hold plus what the run may add.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from features.kernel import pairs, tiles
from features.kernel.layout import CHANNELS, COMPACT_AFTER, SUM_CHANNELS

I64 = npt.NDArray[np.int64]


class State(NamedTuple):
    """``r`` records; bases are indices into the flat arrays."""

    kind: npt.NDArray[np.uint8]  # [r]
    head: I64
    head_base: I64  # [r]
    tiles: I64
    tile_base: I64  # [r, 2]
    tile_count: I64  # [r, 2]
    tile_soft: I64  # [r, 2] compact when the count reaches this
    pairs: I64
    pair_base: I64  # [r, 2]
    pair_count: I64  # [r, 2]
    sketch: npt.NDArray[np.int32]
    sketch_base: I64  # [r], -1: none
    sketch_on: npt.NDArray[np.uint8]  # [r]


class Batch(NamedTuple):
    """``n`` events as the kernel sees them; slots are record indices, -1 where there is none."""

    kind: npt.NDArray[np.uint8]
    time_ms: I64
    subscriber_id: npt.NDArray[np.uint64]
    counterparty_id: npt.NDArray[np.uint64]
    subject: npt.NDArray[np.uint64]
    amount_minor: I64
    duration_ms: I64
    flags: npt.NDArray[np.uint32]
    slots: I64  # [n, 3]
    fresh: npt.NDArray[np.uint8]  # [n, 3]


class Scratch(NamedTuple):
    """Room for one event's readings."""

    cut: I64  # [windows]
    acc: I64  # [windows, channels]
    dist: npt.NDArray[np.float64]  # [2, distinct windows]
    scalars: npt.NDArray[np.float64]


@njit(cache=True, nogil=True)
def tile_at(state: State, r: int, part: int, time_ms: int, cut: np.ndarray) -> int:
    """Index of the first channel of the tile that holds a local time; -1 where it is too old.

    Compacts now and then. An index is good until the next call.
    """
    kind = state.kind[r]
    channels = CHANNELS[kind, part]
    base = state.tile_base[r, part]
    count = state.tile_count[r, part]
    if count >= state.tile_soft[r, part]:
        count = tiles.compact(state.tiles, base, count, channels, SUM_CHANNELS[kind, part], cut)
        state.tile_soft[r, part] = count + COMPACT_AFTER
    at, added = tiles.locate(state.tiles, base, count, channels, time_ms, cut)
    state.tile_count[r, part] = count + 1 if added else count
    return at


@njit(cache=True, nogil=True)
def read_tiles(state: State, r: int, part: int, cut: np.ndarray, acc: np.ndarray) -> None:
    """Read all windows of one tile series."""
    kind = state.kind[r]
    tiles.read(
        state.tiles,
        state.tile_base[r, part],
        state.tile_count[r, part],
        CHANNELS[kind, part],
        SUM_CHANNELS[kind, part],
        cut,
        acc,
    )


@njit(cache=True, nogil=True)
def touch_pair(state: State, r: int, table: int, capacity: int, pair_id: int, minute: int) -> int:
    """Note a contact; index of the pair's fields or -1."""
    sketch_base = state.sketch_base[r] if table == 0 else -1
    sketch_on = state.sketch_on[r] if table == 0 else 0
    at, count, sketch_on = pairs.touch(
        state.pairs,
        state.pair_base[r, table],
        state.pair_count[r, table],
        capacity,
        pair_id,
        minute,
        state.sketch,
        sketch_base,
        sketch_on,
    )
    state.pair_count[r, table] = count
    if table == 0:
        state.sketch_on[r] = sketch_on
    return at
