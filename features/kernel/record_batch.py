"""Stored records to a :class:`State` with room for a run, and back to bytes."""

import numpy as np

from features.catalog.channels import CHANNELS
from features.catalog.semantics import (
    PAIR_CAPACITY,
    SKETCH_BUCKETS,
)
from features.kernel.codec import COUNTS_BYTES, pack, unpack, worst_bytes
from features.kernel.compilation import entry, inner
from features.kernel.record_layout import (
    COMPACT_AFTER,
    HEAD,
    HEAD_FIELDS,
    META_COLUMNS,
    PAIR,
    R_HEAD,
    R_KIND,
    R_PAIRS,
    R_SKETCH,
    R_TILE_SOFT,
    R_TILES,
    SHARED_HEAD,
    TILE_CAPACITY,
)
from features.kernel.record_state import State
from features.kernel.tiles import CUT_SIZE
from features.kernel.watermarks import le, put_header, put_le
from features.record_header import HEADER_BYTES, WATERMARK_BYTES

ANNEX_LENGTH_BYTES = 2


@inner
def body_at(data: np.ndarray, start: int) -> int:
    """Where the body of a record begins: behind header and annex."""
    annex = start + HEADER_BYTES + WATERMARK_BYTES * le(data, start + 2, 2)
    return annex + ANNEX_LENGTH_BYTES + le(data, annex, 2)


@entry
def allocate(kind: np.ndarray, touches: np.ndarray, data: np.ndarray, starts: np.ndarray) -> State:
    """A state with room for the stored records and what ``touches`` events may add to each."""
    n = len(kind)
    meta = np.zeros((n, META_COLUMNS), np.int64)
    cells = 0
    for r in range(n):
        k = kind[r]
        body = body_at(data, starts[r]) if starts[r] >= 0 else -1
        meta[r, R_KIND] = k
        meta[r, R_HEAD] = cells
        cells += HEAD_FIELDS[k]
        for part in range(2):
            meta[r, R_TILES + part] = cells
            meta[r, R_TILE_SOFT + part] = COMPACT_AFTER
            if CHANNELS[k, part] > 0:
                old = np.int64(data[body + part]) if body >= 0 else 0
                room = min(TILE_CAPACITY, old + 2 * touches[r])
                cells += room * (CHANNELS[k, part] + 1)
            old = np.int64(data[body + 2 + part]) if body >= 0 else 0
            meta[r, R_PAIRS + part] = cells
            cells += min(PAIR_CAPACITY[k, part], old + touches[r]) * len(PAIR)
        old = np.int64(data[body + 2]) if body >= 0 else 0
        crowded = k > 0 and old + touches[r] > PAIR_CAPACITY[k, 0]
        meta[r, R_SKETCH] = -1
        if crowded or (body >= 0 and data[body + COUNTS_BYTES - 1]):
            meta[r, R_SKETCH] = cells
            cells += SKETCH_BUCKETS
    return State(meta, np.zeros(cells, np.int64))


@entry
def unpack_all(
    state: State, data: np.ndarray, starts: np.ndarray, ends: np.ndarray, offset_ms: int
) -> int:
    """Read all stored records; index of the first that is corrupted, or -1."""
    for r in range(len(starts)):
        if starts[r] < 0:
            continue
        clock = le(data, starts[r] + 8, 6)
        at = unpack(state, r, clock, offset_ms, data, body_at(data, starts[r]))
        if at != ends[r]:
            return r
    return -1


@entry
def pack_some(
    state: State,
    chosen: np.ndarray,
    first: int,
    versions: np.ndarray,
    data: np.ndarray,
    starts: np.ndarray,
    group_bounds: np.ndarray,
    group_order: np.ndarray,
    sources: np.ndarray,
    partitions: np.ndarray,
    offsets: np.ndarray,
    annexes: np.ndarray,
    annex_at: np.ndarray,
    annex_length: np.ndarray,
    offset_ms: int,
    out: np.ndarray,
    ends: np.ndarray,
    confirmed: np.ndarray,
) -> int:
    """Pack records ``chosen[first:]`` into ``out`` until it might not hold the next.

    ``annex_at`` is where a record's new annex begins in ``annexes``; -1 keeps the one stored. Writes
    the end of each record into ``ends`` and whether a swindler was confirmed into ``confirmed``.
    Returns the place in ``chosen`` of the first record that was not packed.
    """
    cut = np.full(CUT_SIZE, -1, np.int64)
    at = 0
    for j in range(first, len(chosen)):
        r = chosen[j]
        groups = group_order[group_bounds[r] : group_bounds[r + 1]]
        start = starts[r]
        marks = len(groups) + (le(data, start + 2, 2) if start >= 0 else 0)
        annex, length, source = 0, 0, annexes
        if annex_at[r] >= 0:
            annex, length = annex_at[r], annex_length[r]
        elif start >= 0:
            behind = start + HEADER_BYTES + WATERMARK_BYTES * le(data, start + 2, 2)
            annex, length, source = behind + ANNEX_LENGTH_BYTES, le(data, behind, 2), data
        header = HEADER_BYTES + WATERMARK_BYTES * marks + ANNEX_LENGTH_BYTES
        if at + header + length + worst_bytes(state, r) > len(out):
            return j
        clock = state.cells[state.meta[r, R_HEAD] + HEAD.clock]
        at = put_header(
            out,
            at,
            state.meta[r, R_KIND],
            versions[r] + 1,
            clock,
            data,
            start,
            groups,
            sources,
            partitions,
            offsets,
        )
        at = put_le(out, at, ANNEX_LENGTH_BYTES, length)
        for byte in range(length):
            out[at + byte] = source[annex + byte]
        at = pack(state, r, offset_ms, cut, out, at + length)
        ends[j] = at
        confirmed[j] = (
            state.meta[r, R_KIND] > 0
            and state.cells[state.meta[r, R_HEAD] + SHARED_HEAD.confirmed] > 0
        )
    return len(chosen)
