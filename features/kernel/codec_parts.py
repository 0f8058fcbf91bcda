"""Tile series, pair tables and sketches of a record to bytes and back; ``codec`` states the format."""

import numpy as np

from features.catalog.channels import ACCOUNTS, CHANNELS
from features.catalog.semantics import MINUTE_MS, SKETCH_BUCKETS, W_30D
from features.kernel.compilation import inner
from features.kernel.pairs import PAIR_STRIDE, bounds, readable_bits
from features.kernel.record_layout import (
    BITS_CALLED_IN,
    LEVEL_TILE_MS,
    PAIR,
    PAIR_BITS,
    R_SKETCH,
    R_TILE_COUNT,
    R_TILES,
)
from features.kernel.record_state import Cursor
from features.kernel.varint import get_unsigned, get_varint, put_unsigned, put_varint

_ID_BYTES = 4
_BITS = 2 * BITS_CALLED_IN
_STEP_MS = int(LEVEL_TILE_MS[0])


@inner
def pack_tiles(c: Cursor, part: int, local_ms: int, out: np.ndarray, at: int) -> int:
    """Write one tile series; the position behind it."""
    cells, channels = c.cells, CHANNELS[c.entity, part]
    base, before = c.cells[c.record + R_TILES + part], local_ms - local_ms % _STEP_MS
    for t in range(c.cells[c.record + R_TILE_COUNT + part] - 1, -1, -1):
        tile = base + t * (channels + 1)
        at = put_varint(out, at, (before - cells[tile]) // _STEP_MS)
        before = cells[tile]
        bitmap = 0
        for channel in range(channels):
            if cells[tile + 1 + channel] != 0:
                bitmap |= 1 << channel
        out[at] = np.uint8(bitmap & 255)
        at += 1
        if channels > 8:
            out[at] = np.uint8(bitmap >> 8)
            at += 1
        for channel in range(channels):
            if cells[tile + 1 + channel] != 0:
                at = put_varint(out, at, cells[tile + 1 + channel])
    return at


@inner
def unpack_tiles(c: Cursor, part: int, local_ms: int, data: np.ndarray, at: int) -> int:
    """Read one tile series; the position behind it."""
    cells, channels = c.cells, CHANNELS[c.entity, part]
    base, before = c.cells[c.record + R_TILES + part], local_ms - local_ms % _STEP_MS
    for t in range(c.cells[c.record + R_TILE_COUNT + part] - 1, -1, -1):
        tile = base + t * (channels + 1)
        steps, at = get_varint(data, at)
        before -= steps * _STEP_MS
        cells[tile] = before
        bitmap = np.int64(data[at])
        at += 1
        if channels > 8:
            bitmap |= np.int64(data[at]) << np.int64(8)
            at += 1
        for channel in range(channels):
            cells[tile + 1 + channel] = 0
            if bitmap >> channel & 1:
                cells[tile + 1 + channel], at = get_varint(data, at)
    return at


@inner
def pack_pairs(c: Cursor, table: int, minute: int, out: np.ndarray, at: int) -> int:
    """Write one pair table; the position behind it."""
    cells = c.cells
    base, end = bounds(c, table)
    for pair in range(base, end, PAIR_STRIDE):
        last = cells[pair + PAIR.last_minute]
        at = put_unsigned(out, at, _ID_BYTES, cells[pair + PAIR.pair_id])
        at = put_varint(out, at, minute - last)
        if c.entity > 0:  # no value of a shared record depends on since when, how often or how much
            continue
        at = put_varint(out, at, last - cells[pair + PAIR.first_minute])
        count = cells[pair + PAIR.count]
        if table == ACCOUNTS:
            at = put_varint(out, at, count)
            at = put_varint(out, at, cells[pair + PAIR.amount])
            continue
        bits = readable_bits(cells, pair, minute)
        at = put_varint(out, at, -1 - (count * _BITS + bits) if bits else count)
    return at


@inner
def unpack_pairs(c: Cursor, table: int, minute: int, data: np.ndarray, at: int) -> int:
    """Read one pair table; the position behind it."""
    cells = c.cells
    base, end = bounds(c, table)
    for pair in range(base, end, PAIR_STRIDE):
        cells[pair + PAIR.pair_id] = get_unsigned(data, at, _ID_BYTES)
        age, at = get_varint(data, at + _ID_BYTES)
        cells[pair + PAIR.last_minute] = minute - age
        cells[pair + PAIR.first_minute] = minute - age
        cells[pair + PAIR.count] = 0
        cells[pair + PAIR.amount] = 0
        if c.entity > 0:
            continue
        span, at = get_varint(data, at)
        cells[pair + PAIR.first_minute] -= span
        count, at = get_varint(data, at)
        if table == ACCOUNTS:
            cells[pair + PAIR.amount], at = get_varint(data, at)
        elif count < 0:
            both = -1 - count
            count, cells[pair + PAIR_BITS] = both // _BITS, both % _BITS
        cells[pair + PAIR.count] = count
    return at


@inner
def pack_sketch(c: Cursor, minute: int, out: np.ndarray, at: int) -> int:
    """Write the buckets of the sketch that are in a window; the position behind them."""
    cells, sketch = c.cells, c.cells[c.record + R_SKETCH]
    since = (c.cut[W_30D] - c.offset_ms) // MINUTE_MS
    seen = 0
    for bucket in range(SKETCH_BUCKETS):
        if cells[sketch + bucket] >= since and cells[sketch + bucket] > 0:
            seen += 1
    at = put_varint(out, at, seen)
    before = 0
    for bucket in range(SKETCH_BUCKETS):
        if cells[sketch + bucket] >= since and cells[sketch + bucket] > 0:
            at = put_varint(out, at, bucket - before)
            at = put_varint(out, at, minute - cells[sketch + bucket])
            before = bucket
    return at


@inner
def unpack_sketch(c: Cursor, minute: int, data: np.ndarray, at: int) -> int:
    """Read a sketch; the position behind it."""
    bucket = c.cells[c.record + R_SKETCH]
    seen, at = get_varint(data, at)
    for _ in range(seen):
        gap, at = get_varint(data, at)
        age, at = get_varint(data, at)
        bucket += gap
        c.cells[bucket] = minute - age
    return at
