"""Records to compact bytes and back: the body behind the header and the annex.

::

    tiles 0 u8 | tiles 1 u8 | pairs 0 u8 | pairs 1 u8 | sketch u8 (0 or 1)
    head: bitmap of the fields that are not 0, then those: a varint, a time before the clock, an id u32
    each tile series, newest first: start as 10 s steps before the one before it (first: before now's
        tile), bitmap of channels, varints
    each pair table: id u32, last seen (minutes before the clock); of subscribers also first seen
        (minutes before that), count, and of their accounts the amount; numbers with any bits have, in
        place of the count, -1 less the count times 32 and the bits
    sketch: number of buckets seen, then for each: gap to the bucket before it, age in minutes

Nothing is lost: unpacking gives the same integers, except for those on which no value depends any more
(tiles and buckets out of every window, calls and transfers no longer remembered).
"""

import numpy as np

from features.catalog.channels import CHANNELS
from features.catalog.semantics import (
    MINUTE_MS,
    N_CALLS,
    N_TRANSFERS,
    REMEMBER_MS,
    SKETCH_BUCKETS,
    UNSETTLED_MS,
)
from features.kernel.codec_parts import (
    pack_pairs,
    pack_sketch,
    pack_tiles,
    unpack_pairs,
    unpack_sketch,
    unpack_tiles,
)
from features.kernel.compilation import inner
from features.kernel.record_layout import (
    COMPACT_AFTER,
    HEAD,
    HEAD_FIELDS,
    HEAD_PACKING,
    PACK_ID,
    PACK_NOT,
    PACK_NUMBER,
    PACK_TIME,
    PAST_CALL,
    R_PAIR_COUNT,
    R_SKETCH_ON,
    R_TILE_COUNT,
    R_TILE_SOFT,
    SHARED_HEAD,
    SUBSCRIBER_HEAD,
    TRANSFER,
)
from features.kernel.record_state import Cursor, clear
from features.kernel.subscriber.transfer_memory import is_live
from features.kernel.tiles import compact, set_cutoffs
from features.kernel.varint import get_unsigned, get_varint, put_unsigned, put_varint

COUNTS_BYTES = 5
_ID_BYTES = 4
_VARINT_BYTES = 10  # at most


@inner
def max_body_bytes(c: Cursor) -> int:
    """An upper bound of a packed body."""
    cells, record, entity = c.cells, c.record, c.entity
    size = COUNTS_BYTES + (1 + _VARINT_BYTES) * HEAD_FIELDS[entity]
    for part in range(2):
        tile_bytes = 2 + _VARINT_BYTES * (1 + CHANNELS[entity, part])
        size += cells[record + R_TILE_COUNT + part] * tile_bytes
        size += cells[record + R_PAIR_COUNT + part] * (_ID_BYTES + 4 * _VARINT_BYTES)
    if cells[record + R_SKETCH_ON]:
        size += 2 + SKETCH_BUCKETS * 7
    return size


@inner
def forget_and_compact(c: Cursor) -> None:
    """Drop what no value depends on any more; ``c.cut`` holds the cutoffs of the record's clock afterwards."""
    set_cutoffs(c, c.cells[c.head + HEAD.clock])
    for part in range(2):
        if CHANNELS[c.entity, part] > 0:
            compact(c, part)
    if c.entity == 0:
        _forget(c)


@inner
def pack(c: Cursor, out: np.ndarray, at: int) -> int:
    """Write the body of a record; the position behind it. Compacts and forgets first."""
    cells, record = c.cells, c.record
    clock = c.cells[c.head + HEAD.clock]
    forget_and_compact(c)
    for part in range(2):
        out[at + part] = cells[record + R_TILE_COUNT + part]
        out[at + 2 + part] = cells[record + R_PAIR_COUNT + part]
    out[at + 4] = cells[record + R_SKETCH_ON]
    at = _pack_head(c, out, at + COUNTS_BYTES)
    for part in range(2):
        at = pack_tiles(c, part, clock + c.offset_ms, out, at)
    for table in range(2):
        at = pack_pairs(c, table, clock // MINUTE_MS, out, at)
    if cells[record + R_SKETCH_ON]:
        at = pack_sketch(c, clock // MINUTE_MS, out, at)
    return at


@inner
def unpack(c: Cursor, clock: int, data: np.ndarray, at: int) -> int:
    """Read the body of a record into a state with room for it; the position behind it."""
    cells, record = c.cells, c.record
    for part in range(2):
        cells[record + R_TILE_COUNT + part] = data[at + part]
        cells[record + R_TILE_SOFT + part] = np.int64(data[at + part]) + COMPACT_AFTER
        cells[record + R_PAIR_COUNT + part] = data[at + 2 + part]
    cells[record + R_SKETCH_ON] = data[at + 4]
    at = _unpack_head(c, clock, data, at + COUNTS_BYTES)
    for part in range(2):
        at = unpack_tiles(c, part, clock + c.offset_ms, data, at)
    for table in range(2):
        at = unpack_pairs(c, table, clock // MINUTE_MS, data, at)
    if cells[record + R_SKETCH_ON]:
        at = unpack_sketch(c, clock // MINUTE_MS, data, at)
    return at


@inner
def _forget(c: Cursor) -> None:
    """Clear calls and transfers too old to be recognised, and the times at which some were evicted."""
    cells, head = c.cells, c.head
    clock = cells[head + HEAD.clock]
    for j in range(N_CALLS):
        call = head + SUBSCRIBER_HEAD.calls + j * len(PAST_CALL)
        if cells[call + PAST_CALL.end_at] < clock - REMEMBER_MS:
            clear(cells, call, len(PAST_CALL))
    for j in range(N_TRANSFERS):
        transfer = head + SUBSCRIBER_HEAD.transfers + j * len(TRANSFER)
        if not is_live(c, transfer):
            clear(cells, transfer, len(TRANSFER))
    for lost_at in (SUBSCRIBER_HEAD.out_lost_at, SUBSCRIBER_HEAD.in_lost_at):
        if cells[head + lost_at] < clock - UNSETTLED_MS:
            cells[head + lost_at] = 0


@inner
def _pack_head(c: Cursor, out: np.ndarray, at: int) -> int:
    clock, fields = c.cells[c.head + HEAD.clock], HEAD_FIELDS[c.entity]
    bitmap = at
    at += (fields + 7) // 8
    clear(out, bitmap, at - bitmap)
    for f in range(fields):
        packing, value = HEAD_PACKING[c.entity, f], c.cells[c.head + f]
        if packing == PACK_NOT or value == 0:
            continue
        out[bitmap + f // 8] |= np.uint8(1 << (f % 8))
        if packing == PACK_NUMBER:
            at = put_varint(out, at, value)
        elif packing == PACK_TIME:
            at = put_varint(out, at, clock - value)
        else:
            at = put_unsigned(out, at, _ID_BYTES, value)
    return at


@inner
def _unpack_head(c: Cursor, clock: int, data: np.ndarray, at: int) -> int:
    fields = HEAD_FIELDS[c.entity]
    bitmap = at
    at += (fields + 7) // 8
    for f in range(fields):
        if data[bitmap + f // 8] >> (f % 8) & 1 == 0:
            continue
        packing = HEAD_PACKING[c.entity, f]
        if packing == PACK_ID:
            c.cells[c.head + f] = get_unsigned(data, at, _ID_BYTES)
            at += _ID_BYTES
            continue
        value, at = get_varint(data, at)
        c.cells[c.head + f] = clock - value if packing == PACK_TIME else value
    c.cells[c.head + HEAD.clock] = clock
    if c.entity > 0:
        c.cells[c.head + SHARED_HEAD.clock2] = clock
    return at
