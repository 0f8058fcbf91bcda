"""Records of the compact layout: the body behind the watermarks, to bits and back.

::

    head: how many fields are not 0, then of each the gap before it and its code: a number, a time before the
        clock, an id of 32 bits (of a last event: 1 bit where it follows from the id before it)
    each tile series, newest first: by how many levels it is coarser than the one before, how many tiles of its
        level are missing between them, which channels are not 0, those less one (1 bit where it equals its twin)
    each pair table: id of 32 bits, minutes before the clock; of subscribers also the minutes before those,
        the number of contacts, and the amount or the bits
    sketch: number of buckets seen, then for each: gap to the bucket before it, age in minutes

The integers are those of ``features.kernel.codec``, bit for bit.
"""

import numpy as np

from features.catalog.channels import CHANNELS
from features.catalog.semantics import MINUTE_MS, N_SEEN, PAIR_CAPACITY, SKETCH_BUCKETS
from features.kernel.compact import code_orders as order
from features.kernel.compact.bit_codes import get_bits, get_code, put_bits, put_code
from features.kernel.compact.compact_parts import (
    get_pairs,
    get_sketch,
    get_tiles,
    put_pairs,
    put_sketch,
    put_tiles,
)
from features.kernel.compilation import inner
from features.kernel.record_layout import (
    COMPACT_AFTER,
    HEAD,
    HEAD_FIELDS,
    HEAD_PACKING,
    PACK_ID,
    PACK_NOT,
    PACK_TIME,
    R_PAIR_COUNT,
    R_SKETCH_ON,
    R_TILE_COUNT,
    R_TILE_SOFT,
    SHARED_HEAD,
    TILE_CAPACITY,
)
from features.kernel.record_state import Cursor
from features.kernel.shared.shared_updates import KIND_MIX
from features.record_header import COUNT_ORDERS

_ID_BITS = 32
_CODE_BYTES = 12  # at most, with a bit or a gap in front of it


@inner
def max_compact_bytes(c: Cursor) -> int:
    """An upper bound of a packed body, counts included."""
    cells, record, entity = c.cells, c.record, c.entity
    size = _CODE_BYTES * (6 + 2 * HEAD_FIELDS[entity])
    for part in range(2):
        tile_bytes = _CODE_BYTES * (3 + CHANNELS[entity, part])
        size += cells[record + R_TILE_COUNT + part] * tile_bytes
        size += cells[record + R_PAIR_COUNT + part] * 5 * _CODE_BYTES
    if cells[record + R_SKETCH_ON]:
        size += 2 * _CODE_BYTES * (1 + SKETCH_BUCKETS)
    return size


@inner
def put_counts(c: Cursor, words: np.ndarray, at: int) -> int:
    """Write how much there is of each part; the position behind."""
    for part in range(2):
        count = c.cells[c.record + R_TILE_COUNT + part]
        at = put_code(words, at, COUNT_ORDERS[c.entity, part], count)
    for table in range(2):
        count = c.cells[c.record + R_PAIR_COUNT + table]
        at = put_code(words, at, COUNT_ORDERS[c.entity, 2 + table], count)
    return put_bits(words, at, 1, c.cells[c.record + R_SKETCH_ON])


@inner
def put_body(c: Cursor, words: np.ndarray, at: int) -> int:
    """Write the body of a record that forgot and compacted; the position behind it."""
    clock = c.cells[c.head + HEAD.clock]
    at = _put_head(c, words, at)
    for part in range(2):
        at = put_tiles(c, part, clock + c.offset_ms, words, at)
    for table in range(2):
        at = put_pairs(c, table, clock // MINUTE_MS, words, at)
    if c.cells[c.record + R_SKETCH_ON]:
        at = put_sketch(c, clock // MINUTE_MS, words, at)
    return at


@inner
def set_counts(
    c: Cursor,
    tiles: tuple[np.int64, np.int64],
    pairs: tuple[np.int64, np.int64],
    sketch: np.int64,
) -> bool:
    """Take over how much there is of each part; false where the state has no room: it is corrupted."""
    cells, record = c.cells, c.record
    for part in range(2):
        channels = CHANNELS[c.entity, part]
        if tiles[part] < 0 or tiles[part] > (TILE_CAPACITY if channels > 0 else 0):
            return False
        if pairs[part] < 0 or pairs[part] > PAIR_CAPACITY[c.entity, part]:
            return False
        cells[record + R_TILE_COUNT + part] = tiles[part]
        cells[record + R_TILE_SOFT + part] = tiles[part] + COMPACT_AFTER
        cells[record + R_PAIR_COUNT + part] = pairs[part]
    cells[record + R_SKETCH_ON] = sketch
    return True


@inner
def get_body(c: Cursor, clock: int, words: np.ndarray, at: int) -> int:
    """Read the body of a record whose counts are set; the position behind it, -1 if it is corrupted."""
    at = _get_head(c, clock, words, at)
    for part in range(2):
        if at >= 0:
            at = get_tiles(c, part, clock + c.offset_ms, words, at)
    if at < 0:
        return -1
    for table in range(2):
        at = get_pairs(c, table, clock // MINUTE_MS, words, at)
    if c.cells[c.record + R_SKETCH_ON]:
        at = get_sketch(c, clock // MINUTE_MS, words, at)
    return at


@inner
def _put_head(c: Cursor, words: np.ndarray, at: int) -> int:
    cells, head, fields = c.cells, c.head, HEAD_FIELDS[c.entity]
    clock, full = cells[head + HEAD.clock], 0
    for f in range(fields):
        if HEAD_PACKING[c.entity, f] != PACK_NOT and cells[head + f] != 0:
            full += 1
    at = put_code(words, at, order.FIELDS[c.entity], full)
    gap = 0
    for f in range(fields):
        packing, value = HEAD_PACKING[c.entity, f], cells[head + f]
        if packing == PACK_NOT:
            continue
        if value == 0:
            gap += 1
            continue
        at = put_code(words, at, order.GAP, gap)
        gap = 0
        if packing == PACK_ID:
            at = _put_id(c, f, words, at)
        else:
            if packing == PACK_TIME:
                value = clock - value
            at = put_code(words, at, order.HEAD[c.entity, f], value)
    return at


@inner
def _get_head(c: Cursor, clock: int, words: np.ndarray, at: int) -> int:
    cells, head, fields = c.cells, c.head, HEAD_FIELDS[c.entity]
    full, at = get_code(words, at, order.FIELDS[c.entity])
    f = -1
    for _ in range(min(full, fields)):
        gap, at = get_code(words, at, order.GAP)
        f = _skipped(c.entity, f, gap)
        if f >= fields:
            return -1
        packing = HEAD_PACKING[c.entity, f]
        if packing == PACK_ID:
            at = _get_id(c, f, words, at)
            continue
        value, at = get_code(words, at, order.HEAD[c.entity, f])
        cells[head + f] = clock - value if packing == PACK_TIME else value
    cells[head + HEAD.clock] = clock
    if c.entity > 0:
        cells[head + SHARED_HEAD.clock2] = clock
    return at


@inner
def _skipped(entity: int, f: int, gap: int) -> int:
    """The stored field behind ``f`` with ``gap`` stored fields between; the number of fields if none."""
    f += 1
    while f < HEAD_FIELDS[entity]:
        if HEAD_PACKING[entity, f] != PACK_NOT:
            if gap <= 0:
                return f
            gap -= 1
        f += 1
    return f


@inner
def _put_id(c: Cursor, f: int, words: np.ndarray, at: int) -> int:
    value, successor = c.cells[c.head + f], _successor(c, f)
    if successor != 0:
        at = put_bits(words, at, 1, 1 if value == successor else 0)
        if value == successor:
            return at
    return put_bits(words, at, _ID_BITS, value)


@inner
def _get_id(c: Cursor, f: int, words: np.ndarray, at: int) -> int:
    successor = _successor(c, f)
    if successor != 0:
        at += 1
        if get_bits(words, at - 1, 1):
            c.cells[c.head + f] = successor
            return at
    c.cells[c.head + f] = get_bits(words, at, _ID_BITS)
    return at + _ID_BITS


@inner
def _successor(c: Cursor, f: int) -> int:
    """The id of the end of the call, or of the completion of the transfer, that the event before was."""
    place = f - SHARED_HEAD.seen
    if c.entity == 0 or place < 1 or place >= N_SEEN:
        return 0
    before = c.cells[c.head + f - 1]
    return (before + KIND_MIX) & 0xFFFFFFFF if before != 0 else 0
