"""Tile series: rolling sums and maxima over eight windows from one short list of tiles.

An event is counted in exactly one tile. Recent tiles are fine; a tile that has left the widest window of
its level is merged into the coarser level. Windows nest, so one pass from the newest tile to the oldest
gives all of them. Because a cutoff is a multiple of its level's tile, no value depends on whether tiles
have been merged yet; so they are merged only now and then.
"""

import numpy as np

from features.catalog.channels import CHANNELS, SUM_CHANNELS
from features.catalog.semantics import (
    HOUR_MS,
    N_WINDOWS,
    NIGHT_FROM_HOUR,
    NIGHT_TO_HOUR,
    WINDOW_TILE_MS,
    WINDOW_TILES,
)
from features.kernel.compilation import inner
from features.kernel.record_layout import (
    COMPACT_AFTER,
    LEVEL_TILE_MS,
    LEVEL_WINDOW,
    R_TILE_COUNT,
    R_TILE_SOFT,
    R_TILES,
)
from features.kernel.record_state import Cursor

_WIDEST = N_WINDOWS - 1
_TILE_MS = tuple(WINDOW_TILE_MS.tolist())
_BEFORE_MS = tuple((WINDOW_TILE_MS * (WINDOW_TILES - 1)).tolist())
CUT_SIZE = N_WINDOWS + 1


@inner
def set_cutoffs(c: Cursor, now_ms: int) -> None:
    """Write the start of the oldest tile of each window at ``now_ms`` (UTC) into ``c.cut``.

    Cutoffs are in local milliseconds. The last entry of ``c.cut`` is the local time that they are of.
    """
    cut, local_ms = c.cut, now_ms + c.offset_ms
    if cut[N_WINDOWS] == local_ms:
        return  # an event is read at the same time in most of its records
    cut[N_WINDOWS] = local_ms
    # Written out, because dividing by a constant is ten times faster than by a variable.
    cut[0] = local_ms - local_ms % _TILE_MS[0] - _BEFORE_MS[0]
    cut[1] = local_ms - local_ms % _TILE_MS[1] - _BEFORE_MS[1]
    cut[2] = local_ms - local_ms % _TILE_MS[2] - _BEFORE_MS[2]
    cut[3] = local_ms - local_ms % _TILE_MS[3] - _BEFORE_MS[3]
    cut[4] = local_ms - local_ms % _TILE_MS[4] - _BEFORE_MS[4]
    cut[5] = local_ms - local_ms % _TILE_MS[5] - _BEFORE_MS[5]
    cut[6] = local_ms - local_ms % _TILE_MS[6] - _BEFORE_MS[6]
    cut[7] = local_ms - local_ms % _TILE_MS[7] - _BEFORE_MS[7]


@inner
def is_night(local_ms: int) -> bool:
    """Whether a local time is between 23:00 and 6:00."""
    hour = local_ms // HOUR_MS % 24
    return hour >= NIGHT_FROM_HOUR or hour < NIGHT_TO_HOUR


@inner
def read_tiles(c: Cursor, part: int, acc: np.ndarray) -> None:
    """Write the value of each window and channel of one series into ``acc``; int64 [windows, channels]."""
    cells, cut = c.cells, c.cut
    base, count = c.cells[c.record + R_TILES + part], c.cells[c.record + R_TILE_COUNT + part]
    channels, sums = CHANNELS[c.entity, part], SUM_CHANNELS[c.entity, part]
    stride = channels + 1
    for channel in range(channels):
        acc[_WIDEST, channel] = 0
    w = 0
    for t in range(count - 1, -1, -1):
        tile = base + t * stride
        start = cells[tile]
        while w < _WIDEST and start < cut[w]:
            for channel in range(channels):
                acc[w, channel] = acc[_WIDEST, channel]
            w += 1
        if start < cut[_WIDEST]:
            break
        for channel in range(sums):
            acc[_WIDEST, channel] += cells[tile + 1 + channel]
        for channel in range(sums, channels):
            acc[_WIDEST, channel] = max(acc[_WIDEST, channel], cells[tile + 1 + channel])
    while w < _WIDEST:
        for channel in range(channels):
            acc[w, channel] = acc[_WIDEST, channel]
        w += 1


@inner
def clear_channel(c: Cursor, part: int, channel: int) -> None:
    """Set a channel of a series to 0 in all tiles."""
    base, count = c.cells[c.record + R_TILES + part], c.cells[c.record + R_TILE_COUNT + part]
    stride = CHANNELS[c.entity, part] + 1
    for t in range(count):
        c.cells[base + t * stride + 1 + channel] = 0


@inner
def compact(c: Cursor, part: int) -> None:
    """Merge tiles into the level where they belong and drop those out of all windows."""
    cells, cut = c.cells, c.cut
    base, count = c.cells[c.record + R_TILES + part], c.cells[c.record + R_TILE_COUNT + part]
    sums, stride = SUM_CHANNELS[c.entity, part], CHANNELS[c.entity, part] + 1
    kept = 0
    for t in range(count):
        tile = base + t * stride
        start = cells[tile]
        if start < cut[_WIDEST]:
            continue
        level = 0
        while start < cut[LEVEL_WINDOW[level]]:
            level += 1
        start -= start % LEVEL_TILE_MS[level]
        to = base + kept * stride
        if kept > 0 and cells[to - stride] == start:
            to -= stride
            for j in range(1, sums + 1):
                cells[to + j] += cells[tile + j]
            for j in range(sums + 1, stride):
                cells[to + j] = max(cells[to + j], cells[tile + j])
        else:
            cells[to] = start
            if to != tile:
                for j in range(1, stride):
                    cells[to + j] = cells[tile + j]
            kept += 1
    c.cells[c.record + R_TILE_COUNT + part] = kept


@inner
def tile_at(c: Cursor, part: int, local_ms: int) -> int:
    """Find or insert the tile of a local time in one series.

    ``c.cut`` holds the cutoffs of the record's clock with the event applied.

    Returns:
        Index of the tile's first channel, valid until the next call; -1 where the time is older than
        every window.
    """
    cells, cut = c.cells, c.cut
    if c.cells[c.record + R_TILE_COUNT + part] >= c.cells[c.record + R_TILE_SOFT + part]:
        compact(c, part)
        c.cells[c.record + R_TILE_SOFT + part] = (
            c.cells[c.record + R_TILE_COUNT + part] + COMPACT_AFTER
        )
    if local_ms < cut[_WIDEST]:
        return -1
    base, count = c.cells[c.record + R_TILES + part], c.cells[c.record + R_TILE_COUNT + part]
    stride = CHANNELS[c.entity, part] + 1
    level = 0
    while local_ms < cut[LEVEL_WINDOW[level]]:
        level += 1
    start = local_ms - local_ms % LEVEL_TILE_MS[level]
    t = count
    while t > 0 and cells[base + (t - 1) * stride] > start:
        t -= 1
    if t > 0 and cells[base + (t - 1) * stride] == start:
        return base + (t - 1) * stride + 1
    for at in range(base + count * stride - 1, base + t * stride - 1, -1):
        cells[at + stride] = cells[at]
    tile = base + t * stride
    cells[tile] = start
    for j in range(1, stride):
        cells[tile + j] = 0
    c.cells[c.record + R_TILE_COUNT + part] = count + 1
    return tile + 1
