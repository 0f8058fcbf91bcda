"""Stored records to a :class:`State` with room for a run, and back to bytes."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.catalog.channels import CHANNELS
from features.catalog.semantics import PAIR_CAPACITY, SKETCH_BUCKETS
from features.kernel.codec import forget_and_compact, max_body_bytes, pack, unpack
from features.kernel.compact.bit_codes import begin, get_code, put_bits, put_code
from features.kernel.compact.compact_codec import (
    get_body,
    max_compact_bytes,
    put_body,
    put_counts,
    set_counts,
)
from features.kernel.compact.compact_header import (
    bits_at,
    get_counts,
    get_mark,
    is_compact,
    put_start,
)
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
from features.kernel.record_state import Cursor, State, record_cursor
from features.kernel.tiles import CUT_SIZE
from features.kernel.varint import get_unsigned, put_unsigned
from features.kernel.watermarks import (
    StoredRecords,
    Watermarks,
    annex_span,
    most_mark_bytes,
    put_compact_marks,
    put_header,
)
from features.record_header import HEADER_BYTES
from features.record_header import HEADER_ORDERS as ORDERS

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
        words: uint64, the same memory.
        compact: the layout to write: compact, or plain.
        ends: int64 [chosen], where each record ends in the buffer.
        confirmed: bool [chosen], whether a number, account or device is confirmed as fraudulent.
    """

    buffer: npt.NDArray[np.uint8]
    words: npt.NDArray[np.uint64]
    compact: bool
    ends: npt.NDArray[np.int64]
    confirmed: npt.NDArray[np.bool_]


@inner
def _body_at(stored: StoredRecords, start: int) -> int:
    """Where the body of a plain record begins: behind header and annex."""
    annex, length = annex_span(stored, start)
    return annex + length


@inner
def _stored_counts(
    stored: StoredRecords, start: int, entity: int
) -> tuple[tuple[np.int64, np.int64], tuple[np.int64, np.int64], np.int64]:
    """Tiles and pairs of both parts of a stored record, and whether it has a sketch; 0 for a start of -1."""
    if start < 0:
        none = np.int64(0)
        return (none, none), (none, none), none
    data = stored.data
    if is_compact(data, start):
        found = get_counts(stored.words, bits_at(data, start), entity)
        return (found[0], found[1]), (found[2], found[3]), found[4]
    at = _body_at(stored, start)
    tiles = (np.int64(data[at]), np.int64(data[at + 1]))
    return tiles, (np.int64(data[at + 2]), np.int64(data[at + 3])), np.int64(data[at + 4])


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
    tiles, pairs, sketch = _stored_counts(stored, stored.starts[r], entity)
    end = start + DESCRIPTOR_CELLS + HEAD_FIELDS[entity]
    descriptors[r, R_ENTITY] = entity
    for part in range(2):
        descriptors[r, R_TILES + part] = end
        descriptors[r, R_TILE_SOFT + part] = COMPACT_AFTER
        channels = CHANNELS[entity, part]
        if channels > 0:
            old = min(max(tiles[part], 0), TILE_CAPACITY)
            end += min(TILE_CAPACITY, old + 2 * touches) * (channels + 1)
        descriptors[r, R_PAIRS + part] = end
        old = min(max(pairs[part], 0), PAIR_CAPACITY[entity, part])
        end += min(PAIR_CAPACITY[entity, part], old + touches) * PAIR_STRIDE
    crowded = entity > 0 and pairs[0] + touches > PAIR_CAPACITY[entity, 0]
    descriptors[r, R_SKETCH] = -1
    if crowded or sketch != 0:
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
        if is_compact(data, start):
            end = _unpack_compact(c, stored, start)
        else:
            clock = get_unsigned(data, start + 8, 6)
            end = unpack(c, clock, data, _body_at(stored, start))
        if end != stored.ends[r]:
            return r
    return -1


@inner
def _unpack_compact(c: Cursor, stored: StoredRecords, start: int) -> int:
    """Read a compact record; the byte behind it, or -1 where it is corrupted."""
    words, at = stored.words, bits_at(stored.data, start)
    tiles, pairs, sketch = _stored_counts(stored, start, c.entity)
    at = get_counts(words, at, c.entity)[5]
    if not set_counts(c, tiles, pairs, sketch) or stored.data[start] & 3 != c.entity:
        return -1
    clock, at = get_code(words, at, ORDERS.clock)
    count, at = get_code(words, at, ORDERS.marks)
    for _ in range(min(count, len(stored.data))):
        _source, _partition, _offset, _landed, at = get_mark(words, at, 0)
    at = get_body(c, clock, words, at)
    return (at + 7) >> 3


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
    at = 0
    for j in range(first, len(chosen)):
        r = chosen[j]
        c = record_cursor(state, r, cut, offset_ms)
        annex, length = annex_span(stored, stored.starts[r])
        source = stored.data
        if annexes.starts[r] >= 0:
            annex, length, source = annexes.starts[r], annexes.lengths[r], annexes.data
        body = max_compact_bytes(c) if packed.compact else max_body_bytes(c)
        most = HEADER_BYTES + most_mark_bytes(r, stored, added) + ANNEX_LENGTH_BYTES + length + body
        if at + most + 16 > len(packed.buffer):
            return j
        if packed.compact:
            at = _pack_compact(r, c, stored, added, source[annex : annex + length], packed, at)
        else:
            at = _pack_plain(r, c, stored, added, source[annex : annex + length], packed, at)
        packed.ends[j] = at
        packed.confirmed[j] = c.entity > 0 and c.cells[c.head + SHARED_HEAD.confirmed] > 0
    return len(chosen)


@inner
def _pack_plain(
    r: int,
    c: Cursor,
    stored: StoredRecords,
    added: Watermarks,
    annex: np.ndarray,
    packed: Packed,
    at: int,
) -> int:
    """Write the next version of a record in the plain layout; the byte behind it."""
    out = packed.buffer
    at = put_header(r, c.entity, c.cells[c.head + HEAD.clock], stored, added, out, at)
    at = put_unsigned(out, at, ANNEX_LENGTH_BYTES, len(annex))
    for byte in range(len(annex)):
        out[at + byte] = annex[byte]
    return pack(c, out, at + len(annex))


@inner
def _pack_compact(
    r: int,
    c: Cursor,
    stored: StoredRecords,
    added: Watermarks,
    annex: np.ndarray,
    packed: Packed,
    start: int,
) -> int:
    """Write the next version of a record in the compact layout; the byte behind it."""
    words, at = packed.words, 8 * start
    forget_and_compact(c)
    begin(words, at)
    at = put_start(words, at, c.entity, np.int64(stored.versions[r]) + 1, len(annex))
    for byte in range(len(annex)):
        at = put_bits(words, at, 8, annex[byte])
    at = put_counts(c, words, at)
    at = put_code(words, at, ORDERS.clock, c.cells[c.head + HEAD.clock])
    at = put_compact_marks(r, stored, added, words, at)
    return (put_body(c, words, at) + 7) >> 3
