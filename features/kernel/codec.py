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

Varints are zigzag LEB128, 7 bits a byte. Nothing is lost: unpacking gives the same integers, except for
what no reading can see any more (tiles and buckets out of every window, calls and transfers forgotten).
"""

import numpy as np

from features.catalog.channels import ACCOUNTS, CHANNELS, SUM_CHANNELS
from features.catalog.semantics import (
    MINUTE_MS,
    N_CALLS,
    N_TRANSFERS,
    REMEMBER_MS,
    SKETCH_BUCKETS,
    UNSETTLED_MS,
    W_30D,
)
from features.kernel import pairs
from features.kernel.compilation import inner
from features.kernel.record_layout import (
    BITS_CALLED_IN,
    COMPACT_AFTER,
    HEAD,
    HEAD_FIELDS,
    HEAD_PACKING,
    LEVEL_TILE_MS,
    PACK_ID,
    PACK_NOT,
    PACK_NUMBER,
    PACK_TIME,
    PAIR,
    PAIR_BITS,
    PAST_CALL,
    R_HEAD,
    R_KIND,
    R_PAIR_COUNT,
    R_PAIRS,
    R_SKETCH,
    R_SKETCH_ON,
    R_TILE_COUNT,
    R_TILE_SOFT,
    R_TILES,
    SHARED_HEAD,
    SUBSCRIBER_HEAD,
    TRANSFER,
)
from features.kernel.record_state import State, clear
from features.kernel.subscriber.transfers import is_live
from features.kernel.tiles import compact, cutoffs

COUNTS_BYTES = 5
_BITS = 2 * BITS_CALLED_IN
_STEP_MS = int(LEVEL_TILE_MS[0])


@inner
def put(out: np.ndarray, at: int, value: int) -> int:
    """Write a signed integer as a zigzag varint; the position behind it."""
    bits = np.uint64((value << 1) ^ (value >> 63))
    while bits >= np.uint64(128):
        out[at] = np.uint8(bits & np.uint64(127)) | np.uint8(128)
        bits >>= np.uint64(7)
        at += 1
    out[at] = np.uint8(bits)
    return at + 1


@inner
def get(data: np.ndarray, at: int) -> tuple[np.int64, int]:
    """Read a zigzag varint; the integer and the position behind it."""
    bits, shift = np.uint64(0), np.uint64(0)
    while data[at] >= 128:
        bits |= np.uint64(data[at] & 127) << shift
        shift += np.uint64(7)
        at += 1
    bits |= np.uint64(data[at]) << shift
    value = np.int64(bits >> np.uint64(1)) ^ -np.int64(bits & np.uint64(1))
    return value, at + 1


@inner
def _put_u32(out: np.ndarray, at: int, value: int) -> int:
    for shift in range(0, 32, 8):
        out[at] = np.uint8(value >> shift & 255)
        at += 1
    return at


@inner
def _get_u32(data: np.ndarray, at: int) -> np.int64:
    value = np.int64(0)
    for j in range(4):
        value |= np.int64(data[at + j]) << np.int64(8 * j)
    return value


@inner
def worst_bytes(state: State, r: int) -> int:
    """An upper bound of a packed body."""
    kind = state.meta[r, R_KIND]
    size = COUNTS_BYTES + 11 * HEAD_FIELDS[kind]
    for part in range(2):
        size += state.meta[r, R_TILE_COUNT + part] * (12 + 10 * CHANNELS[kind, part])
        size += state.meta[r, R_PAIR_COUNT + part] * (4 + 4 * 10)
    if state.meta[r, R_SKETCH_ON]:
        size += 2 + SKETCH_BUCKETS * 7
    return size


@inner
def pack(state: State, r: int, offset_ms: int, cut: np.ndarray, out: np.ndarray, at: int) -> int:
    """Write the body of a record; the position behind it. Compacts and forgets on the way."""
    kind = state.meta[r, R_KIND]
    clock = state.cells[state.meta[r, R_HEAD] + HEAD.clock]
    cutoffs(clock + offset_ms, cut)
    for part in range(2):
        if CHANNELS[kind, part] == 0:
            continue
        state.meta[r, R_TILE_COUNT + part] = compact(
            state.cells,
            state.meta[r, R_TILES + part],
            state.meta[r, R_TILE_COUNT + part],
            CHANNELS[kind, part],
            SUM_CHANNELS[kind, part],
            cut,
        )
    out[at] = state.meta[r, R_TILE_COUNT]
    out[at + 1] = state.meta[r, R_TILE_COUNT + 1]
    out[at + 2] = state.meta[r, R_PAIR_COUNT]
    out[at + 3] = state.meta[r, R_PAIR_COUNT + 1]
    out[at + 4] = state.meta[r, R_SKETCH_ON]
    at = _pack_head(state.cells, state.meta[r, R_HEAD], kind, out, at + COUNTS_BYTES)
    for part in range(2):
        at = _pack_tiles(state, r, part, clock + offset_ms, out, at)
    for table in range(2):
        at = _pack_pairs(state, r, table, clock // MINUTE_MS, out, at)
    if state.meta[r, R_SKETCH_ON]:
        since = (cut[W_30D] - offset_ms) // MINUTE_MS
        at = _pack_sketch(state.cells, state.meta[r, R_SKETCH], clock // MINUTE_MS, since, out, at)
    return at


@inner
def _forget(head: np.ndarray, h: int) -> None:
    """Clear the calls and transfers that are too old to be recognised, and that some were lost."""
    clock = head[h + HEAD.clock]
    for call in range(
        h + SUBSCRIBER_HEAD.calls,
        h + SUBSCRIBER_HEAD.calls + N_CALLS * len(PAST_CALL),
        len(PAST_CALL),
    ):
        if head[call + PAST_CALL.end_at] < clock - REMEMBER_MS:
            clear(head, call, len(PAST_CALL))
    for move in range(
        h + SUBSCRIBER_HEAD.transfers,
        h + SUBSCRIBER_HEAD.transfers + N_TRANSFERS * len(TRANSFER),
        len(TRANSFER),
    ):
        if not is_live(head, move, clock):
            clear(head, move, len(TRANSFER))
    for lost in (SUBSCRIBER_HEAD.out_lost_at, SUBSCRIBER_HEAD.in_lost_at):
        if head[h + lost] < clock - UNSETTLED_MS:
            head[h + lost] = 0


@inner
def _pack_head(head: np.ndarray, h: int, kind: int, out: np.ndarray, at: int) -> int:
    if kind == 0:
        _forget(head, h)
    clock, fields = head[h + HEAD.clock], HEAD_FIELDS[kind]
    bitmap = at
    at += (fields + 7) // 8
    clear(out, bitmap, at - bitmap)
    for f in range(fields):
        packing, value = HEAD_PACKING[kind, f], head[h + f]
        if packing == PACK_NOT or value == 0:
            continue
        out[bitmap + f // 8] |= np.uint8(1 << (f % 8))
        if packing == PACK_NUMBER:
            at = put(out, at, value)
        elif packing == PACK_TIME:
            at = put(out, at, clock - value)
        else:
            at = _put_u32(out, at, value)
    return at


@inner
def _unpack_head(data: np.ndarray, at: int, kind: int, clock: int, head: np.ndarray, h: int) -> int:
    fields = HEAD_FIELDS[kind]
    bitmap = at
    at += (fields + 7) // 8
    for f in range(fields):
        if data[bitmap + f // 8] >> (f % 8) & 1 == 0:
            continue
        packing = HEAD_PACKING[kind, f]
        if packing == PACK_ID:
            head[h + f] = _get_u32(data, at)
            at += 4
            continue
        value, at = get(data, at)
        head[h + f] = clock - value if packing == PACK_TIME else value
    head[h + HEAD.clock] = clock
    if kind > 0:
        head[h + SHARED_HEAD.clock2] = clock
    return at


@inner
def _pack_tiles(state: State, r: int, part: int, now: int, out: np.ndarray, at: int) -> int:
    channels = CHANNELS[state.meta[r, R_KIND], part]
    stride = channels + 1
    base = state.meta[r, R_TILES + part]
    before = now - now % _STEP_MS
    for t in range(state.meta[r, R_TILE_COUNT + part] - 1, -1, -1):
        tile = base + t * stride
        at = put(out, at, (before - state.cells[tile]) // _STEP_MS)
        before = state.cells[tile]
        bitmap = 0
        for c in range(channels):
            if state.cells[tile + 1 + c] != 0:
                bitmap |= 1 << c
        out[at] = np.uint8(bitmap & 255)
        at += 1
        if channels > 8:
            out[at] = np.uint8(bitmap >> 8)
            at += 1
        for c in range(channels):
            if state.cells[tile + 1 + c] != 0:
                at = put(out, at, state.cells[tile + 1 + c])
    return at


@inner
def _unpack_tiles(
    data: np.ndarray, at: int, channels: int, count: int, now: int, tiles: np.ndarray, base: int
) -> int:
    stride = channels + 1
    before = now - now % _STEP_MS
    for t in range(count - 1, -1, -1):
        tile = base + t * stride
        steps, at = get(data, at)
        before -= steps * _STEP_MS
        tiles[tile] = before
        bitmap = np.int64(data[at])
        at += 1
        if channels > 8:
            bitmap |= np.int64(data[at]) << np.int64(8)
            at += 1
        for c in range(channels):
            tiles[tile + 1 + c] = 0
            if bitmap >> c & 1:
                tiles[tile + 1 + c], at = get(data, at)
    return at


@inner
def _pack_pairs(state: State, r: int, table: int, minute: int, out: np.ndarray, at: int) -> int:
    base = state.meta[r, R_PAIRS + table]
    end = base + state.meta[r, R_PAIR_COUNT + table] * len(PAIR)
    for pair in range(base, end, len(PAIR)):
        last = state.cells[pair + PAIR.last_minute]
        at = _put_u32(out, at, state.cells[pair + PAIR.pair_id])
        at = put(out, at, minute - last)
        if state.meta[r, R_KIND] == 0:  # shared records never ask since when, how often or how much
            at = put(out, at, last - state.cells[pair + PAIR.first_minute])
            count = state.cells[pair + PAIR.count]
            if table == ACCOUNTS:
                at = put(out, at, count)
                at = put(out, at, state.cells[pair + PAIR.amount])
                continue
            bits = pairs.readable_bits(state.cells, pair, minute)
            at = put(out, at, -1 - (count * _BITS + bits) if bits else count)
    return at


@inner
def _unpack_pairs(
    data: np.ndarray,
    at: int,
    kind: int,
    table: int,
    count: int,
    minute: int,
    cells: np.ndarray,
    base: int,
) -> int:
    for pair in range(base, base + count * len(PAIR), len(PAIR)):
        cells[pair + PAIR.pair_id] = _get_u32(data, at)
        age, at = get(data, at + 4)
        cells[pair + PAIR.last_minute] = minute - age
        cells[pair + PAIR.first_minute] = minute - age
        cells[pair + PAIR.count] = 0
        cells[pair + PAIR.amount] = 0
        if kind == 0:
            span, at = get(data, at)
            cells[pair + PAIR.first_minute] -= span
            cells[pair + PAIR.count], at = get(data, at)
            if table == ACCOUNTS:
                cells[pair + PAIR.amount], at = get(data, at)
            elif cells[pair + PAIR.count] < 0:
                both = -1 - cells[pair + PAIR.count]
                cells[pair + PAIR.count], cells[pair + PAIR_BITS] = both // _BITS, both % _BITS
    return at


@inner
def _pack_sketch(
    sketch: np.ndarray, base: int, minute: int, since: int, out: np.ndarray, at: int
) -> int:
    seen = 0
    for bucket in range(SKETCH_BUCKETS):
        if sketch[base + bucket] >= since and sketch[base + bucket] > 0:
            seen += 1
    at = put(out, at, seen)
    before = 0
    for bucket in range(SKETCH_BUCKETS):
        if sketch[base + bucket] >= since and sketch[base + bucket] > 0:
            at = put(out, at, bucket - before)
            at = put(out, at, minute - sketch[base + bucket])
            before = bucket
    return at


@inner
def _unpack_sketch(data: np.ndarray, at: int, minute: int, sketch: np.ndarray, base: int) -> int:
    seen, at = get(data, at)
    bucket = 0
    for _ in range(seen):
        gap, at = get(data, at)
        age, at = get(data, at)
        bucket += gap
        sketch[base + bucket] = minute - age
    return at


@inner
def unpack(state: State, r: int, clock: int, offset_ms: int, data: np.ndarray, at: int) -> int:
    """Read the body of a record into a state with room for it; the position behind it."""
    kind = state.meta[r, R_KIND]
    counts = at
    state.meta[r, R_TILE_COUNT], state.meta[r, R_TILE_COUNT + 1] = data[at], data[at + 1]
    state.meta[r, R_PAIR_COUNT], state.meta[r, R_PAIR_COUNT + 1] = data[at + 2], data[at + 3]
    state.meta[r, R_SKETCH_ON] = data[at + 4]
    at += COUNTS_BYTES
    at = _unpack_head(data, at, kind, clock, state.cells, state.meta[r, R_HEAD])
    for part in range(2):
        count = np.int64(data[counts + part])
        state.meta[r, R_TILE_SOFT + part] = count + COMPACT_AFTER
        base = state.meta[r, R_TILES + part]
        now = clock + offset_ms
        at = _unpack_tiles(data, at, CHANNELS[kind, part], count, now, state.cells, base)
    for table in range(2):
        count = np.int64(data[counts + 2 + table])
        base = state.meta[r, R_PAIRS + table]
        minute = clock // MINUTE_MS
        at = _unpack_pairs(data, at, kind, table, count, minute, state.cells, base)
    if state.meta[r, R_SKETCH_ON]:
        minute = clock // MINUTE_MS
        at = _unpack_sketch(data, at, minute, state.cells, state.meta[r, R_SKETCH])
    return at
