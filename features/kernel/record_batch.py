"""Stored records to a :class:`State` with room for a run, and back to bytes."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.catalog.channels import CHANNELS
from features.catalog.semantics import PAIR_CAPACITY, SKETCH_BUCKETS
from features.kernel.codec import COUNTS_BYTES, max_body_bytes, pack, unpack
from features.kernel.compilation import entry, inner
from features.kernel.pairs import PAIR_STRIDE
from features.kernel.record_layout import (
    COMPACT_AFTER,
    DESCRIPTOR_CELLS,
    HEAD,
    HEAD_FIELDS,
    R_ENTITY,
    R_PAIRS,
    R_SKETCH,
    R_TILE_SOFT,
    R_TILES,
    SHARED_HEAD,
    TILE_CAPACITY,
)
from features.kernel.record_state import State, record_cursor
from features.kernel.tiles import CUT_SIZE
from features.kernel.varint import get_unsigned, put_unsigned
from features.kernel.watermarks import StoredRecords, Watermarks, put_header, watermark_count
from features.record_header import HEADER_BYTES, WATERMARK_BYTES

ANNEX_LENGTH_BYTES = 2


class Annexes(NamedTuple):
    """New annexes of a run.

    Attributes:
        data: uint8, all bytes end to end.
        starts: int64 [records], where each begins; -1 where the stored annex is kept.
        lengths: int64 [records], in bytes.
    """

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]


class Packed(NamedTuple):
    """Where packed records go.

    Attributes:
        buffer: uint8; the records end to end, from the first of a call on.
        ends: int64 [chosen], where each record ends in the buffer.
        confirmed: bool [chosen], whether a number, account or device is confirmed as fraudulent.
    """

    buffer: npt.NDArray[np.uint8]
    ends: npt.NDArray[np.int64]
    confirmed: npt.NDArray[np.bool_]


@inner
def annex_at(data: np.ndarray, start: int) -> int:
    """Where the length of a stored record's annex is: behind the header."""
    return start + HEADER_BYTES + WATERMARK_BYTES * watermark_count(data, start)


@inner
def body_at(data: np.ndarray, start: int) -> int:
    """Where the body of a stored record begins: behind header and annex."""
    annex = annex_at(data, start)
    return annex + ANNEX_LENGTH_BYTES + get_unsigned(data, annex, ANNEX_LENGTH_BYTES)


@entry
def allocate(entity: np.ndarray, touches: np.ndarray, stored: StoredRecords) -> State:
    """A state with room for the stored records and what ``touches`` events may add to each."""
    n = len(entity)
    descriptors = np.zeros((n, DESCRIPTOR_CELLS), np.int64)
    starts, size = np.zeros(n, np.int64), 0
    for r in range(n):
        starts[r] = size
        size = _lay_out(r, entity[r], touches[r], stored, size, descriptors)
    cells = np.zeros(size, np.int64)
    for r in range(n):
        for j in range(DESCRIPTOR_CELLS):
            cells[starts[r] + j] = descriptors[r, j]
    return State(starts, cells)


@inner
def _lay_out(
    r: int, entity: int, touches: int, stored: StoredRecords, start: int, descriptors: np.ndarray
) -> int:
    """Write the descriptor of a record that begins at ``start``; where the next one begins."""
    data = stored.data
    body = body_at(data, stored.starts[r]) if stored.starts[r] >= 0 else -1
    end = start + DESCRIPTOR_CELLS + HEAD_FIELDS[entity]
    descriptors[r, R_ENTITY] = entity
    for part in range(2):
        descriptors[r, R_TILES + part] = end
        descriptors[r, R_TILE_SOFT + part] = COMPACT_AFTER
        channels = CHANNELS[entity, part]
        if channels > 0:
            old = np.int64(data[body + part]) if body >= 0 else 0
            end += min(TILE_CAPACITY, old + 2 * touches) * (channels + 1)
        old = np.int64(data[body + 2 + part]) if body >= 0 else 0
        descriptors[r, R_PAIRS + part] = end
        end += min(PAIR_CAPACITY[entity, part], old + touches) * PAIR_STRIDE
    old = np.int64(data[body + 2]) if body >= 0 else 0
    crowded = entity > 0 and old + touches > PAIR_CAPACITY[entity, 0]
    descriptors[r, R_SKETCH] = -1
    if crowded or (body >= 0 and data[body + COUNTS_BYTES - 1] != 0):
        descriptors[r, R_SKETCH] = end
        end += SKETCH_BUCKETS
    return end


@entry
def unpack_all(state: State, stored: StoredRecords, offset_ms: int) -> int:
    """Read all stored records; index of the first that is corrupted, or -1."""
    return _unpack_all(state, stored, offset_ms, np.full(CUT_SIZE, -1, np.int64))


@inner
def _unpack_all(state: State, stored: StoredRecords, offset_ms: int, cut: np.ndarray) -> int:
    data = stored.data
    for r in range(len(stored.starts)):
        start = stored.starts[r]
        if start < 0:
            continue
        c = record_cursor(state, r, cut, offset_ms)
        clock = get_unsigned(data, start + 8, 6)
        if unpack(c, clock, data, body_at(data, start)) != stored.ends[r]:
            return r
    return -1


@entry
def pack_some(
    state: State,
    chosen: np.ndarray,
    first: int,
    stored: StoredRecords,
    added: Watermarks,
    annexes: Annexes,
    offset_ms: int,
    packed: Packed,
) -> int:
    """Pack records ``chosen[first:]`` until the buffer might not hold the next.

    Args:
        state: of the run.
        chosen: int64, indices of records.
        first: place in ``chosen`` to begin at.
        stored: the records before the run.
        added: watermarks of the run.
        annexes: new annexes of the run.
        offset_ms: local time minus UTC.
        packed: written.

    Returns:
        The place in ``chosen`` of the first record that was not packed.
    """
    cut = np.full(CUT_SIZE, -1, np.int64)
    return _pack_some(state, chosen, first, stored, added, annexes, offset_ms, packed, cut)


@inner
def _pack_some(
    state: State,
    chosen: np.ndarray,
    first: int,
    stored: StoredRecords,
    added: Watermarks,
    annexes: Annexes,
    offset_ms: int,
    packed: Packed,
    cut: np.ndarray,
) -> int:
    out, at = packed.buffer, 0
    for j in range(first, len(chosen)):
        r = chosen[j]
        c, start = record_cursor(state, r, cut, offset_ms), stored.starts[r]
        watermarks = added.bounds[r + 1] - added.bounds[r] + watermark_count(stored.data, start)
        annex, length, source = 0, 0, annexes.data
        if annexes.starts[r] >= 0:
            annex, length = annexes.starts[r], annexes.lengths[r]
        elif start >= 0:
            annex, source = annex_at(stored.data, start) + ANNEX_LENGTH_BYTES, stored.data
            length = get_unsigned(source, annex - ANNEX_LENGTH_BYTES, ANNEX_LENGTH_BYTES)
        header_bytes = HEADER_BYTES + WATERMARK_BYTES * watermarks + ANNEX_LENGTH_BYTES
        if at + header_bytes + length + max_body_bytes(c) > len(out):
            return j
        at = put_header(r, c.entity, c.cells[c.head + HEAD.clock], stored, added, out, at)
        at = put_unsigned(out, at, ANNEX_LENGTH_BYTES, length)
        for byte in range(length):
            out[at + byte] = source[annex + byte]
        at = pack(c, out, at + length)
        packed.ends[j] = at
        packed.confirmed[j] = c.entity > 0 and c.cells[c.head + SHARED_HEAD.confirmed] > 0
    return len(chosen)
