"""Tile series, pair tables and sketches of a compact record to bits and back."""

import numpy as np

from features.catalog.channels import ACCOUNTS, CHANNELS, NUMBERS
from features.catalog.semantics import MINUTE_MS, SKETCH_BUCKETS, W_30D
from features.kernel.compact import code_orders as order
from features.kernel.compact.bit_codes import get_bits, get_code, put_bits, put_code
from features.kernel.compilation import inner
from features.kernel.pairs import PAIR_STRIDE, bounds, readable_bits
from features.kernel.record_layout import (
    LEVEL_TILE_MS,
    LEVEL_WINDOW,
    PAIR,
    PAIR_BITS,
    R_SKETCH,
    R_TILE_COUNT,
    R_TILES,
)
from features.kernel.record_state import Cursor

_ID_BITS = 32
_FLAGS_BITS = 5
_LEVELS = len(LEVEL_TILE_MS)
_STEP_MS = int(LEVEL_TILE_MS[0])


@inner
def put_tiles(c: Cursor, part: int, local_ms: int, words: np.ndarray, at: int) -> int:
    """Write one tile series, which is compacted, newest first; the position behind it.

    ``c.cut`` holds the cutoffs of the record's clock.
    """
    cells, channels = c.cells, CHANNELS[c.entity, part]
    base, before, level = c.cells[c.record + R_TILES + part], local_ms - local_ms % _STEP_MS, 0
    newest = cells[c.record + R_TILE_COUNT + part] - 1
    for t in range(newest, -1, -1):
        tile = base + t * (channels + 1)
        start, finer = cells[tile], level
        while level < _LEVELS - 1 and start < c.cut[LEVEL_WINDOW[level]]:
            level += 1
        at = put_code(words, at, order.LEVEL, level - finer)
        steps = _last_start(before, level, t == newest) - start
        at = put_code(words, at, order.STEPS[level], steps // LEVEL_TILE_MS[level])
        before = start
        at = _put_channels(c, part, tile + 1, words, at)
    return at


@inner
def get_tiles(c: Cursor, part: int, local_ms: int, words: np.ndarray, at: int) -> int:
    """Read one tile series; the position behind it, or -1 where it is corrupted."""
    cells, channels = c.cells, CHANNELS[c.entity, part]
    base, before, level = c.cells[c.record + R_TILES + part], local_ms - local_ms % _STEP_MS, 0
    newest = cells[c.record + R_TILE_COUNT + part] - 1
    for t in range(newest, -1, -1):
        tile = base + t * (channels + 1)
        coarser, at = get_code(words, at, order.LEVEL)
        level += coarser
        if level < 0 or level >= _LEVELS:
            return -1
        steps, at = get_code(words, at, order.STEPS[level])
        before = _last_start(before, level, t == newest) - steps * LEVEL_TILE_MS[level]
        cells[tile] = before
        at = _get_channels(c, part, tile + 1, words, at)
    return at


@inner
def _last_start(before: int, level: int, is_newest: bool) -> int:
    """The latest start that a tile of a level can have in front of the tile that starts at ``before``."""
    span = LEVEL_TILE_MS[level]
    start = before - before % span
    return start - span if start == before and not is_newest else start


@inner
def _put_channels(c: Cursor, part: int, first: int, words: np.ndarray, at: int) -> int:
    cells, channels = c.cells, CHANNELS[c.entity, part]
    bitmap = 0
    for channel in range(channels):
        if cells[first + channel] != 0:
            bitmap |= 1 << channel
    at = put_bits(words, at, channels, bitmap)
    for channel in range(channels):
        value, twin = cells[first + channel], order.TWIN[c.entity, part, channel]
        if value == 0:
            continue
        if twin >= 0 and cells[first + twin] != 0:
            is_same = cells[first + twin] == value
            at = put_bits(words, at, 1, 1 if is_same else 0)
            if is_same:
                continue
        at = put_code(words, at, order.CHANNEL[c.entity, part, channel], value - 1)
    return at


@inner
def _get_channels(c: Cursor, part: int, first: int, words: np.ndarray, at: int) -> int:
    cells, channels = c.cells, CHANNELS[c.entity, part]
    bitmap = get_bits(words, at, channels)
    at += channels
    for channel in range(channels):
        cells[first + channel] = 0
        if bitmap >> channel & 1 == 0:
            continue
        twin = order.TWIN[c.entity, part, channel]
        if twin >= 0 and cells[first + twin] != 0:
            at += 1
            if get_bits(words, at - 1, 1):
                cells[first + channel] = cells[first + twin]
                continue
        value, at = get_code(words, at, order.CHANNEL[c.entity, part, channel])
        cells[first + channel] = value + 1
    return at


@inner
def _put_minutes(words: np.ndarray, at: int, code_order: int, minutes: int) -> int:
    """Write one bit for 0, else another bit and a code; the position behind."""
    at = put_bits(words, at, 1, 0 if minutes == 0 else 1)
    return at if minutes == 0 else put_code(words, at, code_order, minutes - 1)


@inner
def _get_minutes(words: np.ndarray, at: int, code_order: int) -> tuple[np.int64, int]:
    if get_bits(words, at, 1) == 0:
        return np.int64(0), at + 1
    minutes, at = get_code(words, at + 1, code_order)
    return minutes + 1, at


@inner
def put_pairs(c: Cursor, table: int, minute: int, words: np.ndarray, at: int) -> int:
    """Write one pair table; the position behind it."""
    cells = c.cells
    base, end = bounds(c, table)
    for pair in range(base, end, PAIR_STRIDE):
        last = cells[pair + PAIR.last_minute]
        at = put_bits(words, at, _ID_BITS, cells[pair + PAIR.pair_id])
        at = _put_minutes(words, at, order.AGE_MINUTES[c.entity, table], minute - last)
        if c.entity > 0:  # no value of a shared record depends on since when, how often or how much
            continue
        span = last - cells[pair + PAIR.first_minute]
        at = _put_minutes(words, at, order.SPAN_MINUTES[table], span)
        at = put_code(words, at, order.CONTACTS, cells[pair + PAIR.count])
        if table == ACCOUNTS:
            at = put_code(words, at, order.PAIR_AMOUNT, cells[pair + PAIR.amount])
            continue
        bits = readable_bits(cells, pair, minute)
        at = put_bits(words, at, 1, 1 if bits else 0)
        if bits:
            at = put_bits(words, at, _FLAGS_BITS, bits)
    return at


@inner
def get_pairs(c: Cursor, table: int, minute: int, words: np.ndarray, at: int) -> int:
    """Read one pair table; the position behind it."""
    cells = c.cells
    base, end = bounds(c, table)
    for pair in range(base, end, PAIR_STRIDE):
        cells[pair + PAIR.pair_id] = get_bits(words, at, _ID_BITS)
        age, at = _get_minutes(words, at + _ID_BITS, order.AGE_MINUTES[c.entity, table])
        cells[pair + PAIR.last_minute] = minute - age
        cells[pair + PAIR.first_minute] = minute - age
        cells[pair + PAIR.count] = 0
        cells[pair + PAIR.amount] = 0
        if c.entity > 0:
            continue
        span, at = _get_minutes(words, at, order.SPAN_MINUTES[table])
        cells[pair + PAIR.first_minute] -= span
        cells[pair + PAIR.count], at = get_code(words, at, order.CONTACTS)
        if table == ACCOUNTS:
            cells[pair + PAIR.amount], at = get_code(words, at, order.PAIR_AMOUNT)
        elif table == NUMBERS:
            at += 1
            if get_bits(words, at - 1, 1):
                cells[pair + PAIR_BITS] = get_bits(words, at, _FLAGS_BITS)
                at += _FLAGS_BITS
    return at


@inner
def put_sketch(c: Cursor, minute: int, words: np.ndarray, at: int) -> int:
    """Write the buckets of the sketch that are in a window; the position behind them."""
    cells, sketch = c.cells, c.cells[c.record + R_SKETCH]
    since = (c.cut[W_30D] - c.offset_ms) // MINUTE_MS
    seen = 0
    for bucket in range(SKETCH_BUCKETS):
        if cells[sketch + bucket] >= since and cells[sketch + bucket] > 0:
            seen += 1
    at = put_code(words, at, order.BUCKETS, seen)
    before = 0
    for bucket in range(SKETCH_BUCKETS):
        if cells[sketch + bucket] >= since and cells[sketch + bucket] > 0:
            at = put_code(words, at, order.BUCKET_GAP, bucket - before)
            at = put_code(words, at, order.BUCKET_AGE, minute - cells[sketch + bucket])
            before = bucket
    return at


@inner
def get_sketch(c: Cursor, minute: int, words: np.ndarray, at: int) -> int:
    """Read a sketch; the position behind it, or -1 where it is corrupted."""
    sketch, bucket = c.cells[c.record + R_SKETCH], 0
    seen, at = get_code(words, at, order.BUCKETS)
    if seen < 0 or seen > SKETCH_BUCKETS:
        return -1
    for _ in range(seen):
        gap, at = get_code(words, at, order.BUCKET_GAP)
        age, at = get_code(words, at, order.BUCKET_AGE)
        bucket += gap
        if bucket < 0 or bucket >= SKETCH_BUCKETS:
            return -1
        c.cells[sketch + bucket] = minute - age
    return at
