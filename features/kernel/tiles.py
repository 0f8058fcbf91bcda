"""Tile series: rolling sums and maxima over eight windows from one short list of tiles.

An event is counted in exactly one tile. Young tiles are fine; a tile that has left the widest window
of its level is merged into the coarser level. Windows nest, so one walk from the newest tile to the
oldest gives all of them. Because a cutoff is a multiple of its level's tile, whether merging has already
happened can never be seen in a reading; so it is done only now and then.
"""

import numpy as np

from features.catalog.semantics import (
    HOUR_MS,
    N_WINDOWS,
    NIGHT_FROM_HOUR,
    NIGHT_TO_HOUR,
    WINDOW_TILE_MS,
    WINDOW_TILES,
)
from features.kernel.compilation import inner
from features.kernel.record_layout import LEVEL_TILE_MS, LEVEL_WINDOW

_WIDEST = N_WINDOWS - 1
_TILE_MS = tuple(WINDOW_TILE_MS.tolist())
_BEFORE_MS = tuple((WINDOW_TILE_MS * (WINDOW_TILES - 1)).tolist())
CUT_SIZE = N_WINDOWS + 1


@inner
def cutoffs(now_ms: int, cut: np.ndarray) -> None:
    """Write the start of the oldest tile of each window into ``cut``; local milliseconds.

    ``cut`` has one entry more than there are windows: the time that it was made for.
    """
    if cut[N_WINDOWS] == now_ms:
        return  # one event is read at the same time in most of its records
    cut[N_WINDOWS] = now_ms
    # Written out, because dividing by a constant is ten times faster than by a variable.
    cut[0] = now_ms - now_ms % _TILE_MS[0] - _BEFORE_MS[0]
    cut[1] = now_ms - now_ms % _TILE_MS[1] - _BEFORE_MS[1]
    cut[2] = now_ms - now_ms % _TILE_MS[2] - _BEFORE_MS[2]
    cut[3] = now_ms - now_ms % _TILE_MS[3] - _BEFORE_MS[3]
    cut[4] = now_ms - now_ms % _TILE_MS[4] - _BEFORE_MS[4]
    cut[5] = now_ms - now_ms % _TILE_MS[5] - _BEFORE_MS[5]
    cut[6] = now_ms - now_ms % _TILE_MS[6] - _BEFORE_MS[6]
    cut[7] = now_ms - now_ms % _TILE_MS[7] - _BEFORE_MS[7]


@inner
def is_night(local_ms: int) -> bool:
    """Whether a local time is between 23:00 and 6:00."""
    hour = local_ms // HOUR_MS % 24
    return hour >= NIGHT_FROM_HOUR or hour < NIGHT_TO_HOUR


@inner
def read(
    tiles: np.ndarray,
    base: int,
    count: int,
    channels: int,
    sums: int,
    cut: np.ndarray,
    acc: np.ndarray,
) -> None:
    """Write the value of each window and channel into ``acc``; int64 [windows, channels]."""
    stride = channels + 1
    for c in range(channels):
        acc[_WIDEST, c] = 0
    w = 0
    for t in range(count - 1, -1, -1):
        at = base + t * stride
        start = tiles[at]
        while w < _WIDEST and start < cut[w]:
            for c in range(channels):
                acc[w, c] = acc[_WIDEST, c]
            w += 1
        if start < cut[_WIDEST]:
            break
        for c in range(sums):
            acc[_WIDEST, c] += tiles[at + 1 + c]
        for c in range(sums, channels):
            acc[_WIDEST, c] = max(acc[_WIDEST, c], tiles[at + 1 + c])
    while w < _WIDEST:
        for c in range(channels):
            acc[w, c] = acc[_WIDEST, c]
        w += 1


@inner
def compact(
    tiles: np.ndarray, base: int, count: int, channels: int, sums: int, cut: np.ndarray
) -> int:
    """Merge tiles into the level where they belong, drop those out of all windows; new count."""
    stride = channels + 1
    kept = 0
    for t in range(count):
        at = base + t * stride
        start = tiles[at]
        if start < cut[_WIDEST]:
            continue
        level = 0
        while start < cut[LEVEL_WINDOW[level]]:
            level += 1
        start -= start % LEVEL_TILE_MS[level]
        to = base + kept * stride
        if kept > 0 and tiles[to - stride] == start:
            to -= stride
            for c in range(1, sums + 1):
                tiles[to + c] += tiles[at + c]
            for c in range(sums + 1, stride):
                tiles[to + c] = max(tiles[to + c], tiles[at + c])
        else:
            tiles[to] = start
            if to != at:
                for c in range(1, stride):
                    tiles[to + c] = tiles[at + c]
            kept += 1
    return kept


@inner
def locate(
    tiles: np.ndarray, base: int, count: int, channels: int, time_ms: int, cut: np.ndarray
) -> tuple[int, bool]:
    """Find the tile of a local time, or insert an empty one.

    Returns:
        Index of the tile's first channel (-1 where the time is older than every window) and
        whether a tile was inserted. The caller has made sure of room for one more.
    """
    if time_ms < cut[_WIDEST]:
        return -1, False
    stride = channels + 1
    level = 0
    while time_ms < cut[LEVEL_WINDOW[level]]:
        level += 1
    start = time_ms - time_ms % LEVEL_TILE_MS[level]
    t = count
    while t > 0 and tiles[base + (t - 1) * stride] > start:
        t -= 1
    if t > 0 and tiles[base + (t - 1) * stride] == start:
        return base + (t - 1) * stride + 1, False
    for at in range(base + count * stride - 1, base + t * stride - 1, -1):
        tiles[at + stride] = tiles[at]
    at = base + t * stride
    tiles[at] = start
    for c in range(1, stride):
        tiles[at + c] = 0
    return at + 1, True
