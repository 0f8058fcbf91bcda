"""What a compact record begins with: layout, version, annex, how much there is of each part, clock, watermarks.

``features.record_header`` states the format and reads it in Python.
"""

import numpy as np

from features.kernel.compact.bit_codes import get_bits, get_code, put_bits, put_code
from features.kernel.compilation import inner
from features.record_header import ANNEX_BIT, COMPACT_LAYOUT, COUNT_ORDERS
from features.record_header import HEADER_ORDERS as ORDERS


@inner
def is_compact(data: np.ndarray, start: int) -> bool:
    """Whether the record that begins at a byte has the compact layout."""
    return data[start] >> 3 == COMPACT_LAYOUT


@inner
def get_version(data: np.ndarray, start: int) -> tuple[np.int64, int]:
    """The version of a record, and the byte behind it."""
    at, version, shift = start + 1, np.int64(0), np.int64(0)
    while at < len(data) and shift < 35:
        version |= np.int64(data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            break
        shift += 7
    return version, at


@inner
def annex_of(data: np.ndarray, start: int) -> tuple[int, np.int64]:
    """The first byte of a record's annex, and how many it has."""
    _version, at = get_version(data, start)
    if data[start] & ANNEX_BIT == 0 or at + 2 > len(data):
        return at, np.int64(0)
    return at + 2, np.int64(data[at]) | np.int64(data[at + 1]) << 8


@inner
def bits_at(data: np.ndarray, start: int) -> int:
    """The bit at which a record's counts begin."""
    annex, length = annex_of(data, start)
    return 8 * (annex + length)


@inner
def get_counts(
    words: np.ndarray, at: int, entity: int
) -> tuple[np.int64, np.int64, np.int64, np.int64, np.int64, int]:
    """Tiles and pairs of both parts, whether there is a sketch, and the position behind them."""
    tiles_0, at = get_code(words, at, COUNT_ORDERS[entity, 0])
    tiles_1, at = get_code(words, at, COUNT_ORDERS[entity, 1])
    pairs_0, at = get_code(words, at, COUNT_ORDERS[entity, 2])
    pairs_1, at = get_code(words, at, COUNT_ORDERS[entity, 3])
    return tiles_0, tiles_1, pairs_0, pairs_1, get_bits(words, at, 1), at + 1


@inner
def get_mark(
    words: np.ndarray, at: int, version: int
) -> tuple[np.int64, np.int64, np.int64, np.int64, int]:
    """Source, partition, offset and version of a watermark, and the position behind it."""
    source, at = get_code(words, at, ORDERS.source)
    partition, at = get_code(words, at, ORDERS.partition)
    offset, at = get_code(words, at, ORDERS.offset)
    since, at = get_code(words, at, ORDERS.landed)
    return source, partition, offset, np.int64(version) - since, at


@inner
def put_mark(
    words: np.ndarray, at: int, source: int, partition: int, offset: int, since: int
) -> int:
    """Write a watermark on which nothing landed for ``since`` versions; the position behind it."""
    at = put_code(words, at, ORDERS.source, source)
    at = put_code(words, at, ORDERS.partition, partition)
    at = put_code(words, at, ORDERS.offset, offset)
    return put_code(words, at, ORDERS.landed, since)


@inner
def put_start(words: np.ndarray, at: int, entity: int, version: int, annex_bytes: int) -> int:
    """Write layout, entity, version, and the length of an annex if there is one; the position behind."""
    first = COMPACT_LAYOUT << 3 | entity
    if annex_bytes > 0:
        first |= ANNEX_BIT
    at = put_bits(words, at, 8, first)
    while version >= 128:
        at = put_bits(words, at, 8, version & 127 | 128)
        version >>= 7
    at = put_bits(words, at, 8, version)
    return put_bits(words, at, 16, annex_bytes) if annex_bytes > 0 else at
