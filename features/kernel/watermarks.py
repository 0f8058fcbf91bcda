"""Watermarks in bulk: what ``features.record_header`` defines, read and written for many records at once."""

import numpy as np

from features.kernel.compilation import entry, inner
from features.record_header import HEADER_BYTES, LAYOUT_VERSION, WATERMARK_BYTES


@inner
def le(data: np.ndarray, at: int, size: int) -> np.int64:
    """A little-endian unsigned integer of ``size`` bytes."""
    value = np.int64(0)
    for j in range(size):
        value |= np.int64(data[at + j]) << np.int64(8 * j)
    return value


@inner
def put_le(out: np.ndarray, at: int, size: int, value: int) -> int:
    """Write a little-endian unsigned integer; the position behind it."""
    for j in range(size):
        out[at + j] = np.uint8(value >> (8 * j) & 255)
    return at + size


@entry
def applied_offsets(
    data: np.ndarray,
    starts: np.ndarray,
    records: np.ndarray,
    sources: np.ndarray,
    partitions: np.ndarray,
) -> np.ndarray:
    """The offset that each (record, source, partition) has applied last; -1 where none."""
    out = np.full(len(records), -1, np.int64)
    for g in range(len(records)):
        at = starts[records[g]]
        if at < 0:
            continue
        count = le(data, at + 2, 2)
        for j in range(count):
            mark = at + HEADER_BYTES + j * WATERMARK_BYTES
            if data[mark] == sources[g] and le(data, mark + 1, 2) == partitions[g]:
                out[g] = le(data, mark + 3, 6)
                break
    return out


@inner
def put_header(
    out: np.ndarray,
    at: int,
    entity: int,
    version: int,
    clock: int,
    data: np.ndarray,
    start: int,
    groups: np.ndarray,
    sources: np.ndarray,
    partitions: np.ndarray,
    offsets: np.ndarray,
) -> int:
    """Write a header: the old watermarks, advanced or joined by those of ``groups``.

    ``offsets`` of a group that applied nothing is -1. Returns the position behind the header.
    """
    head = at
    at = put_le(out, at, 1, LAYOUT_VERSION)
    at = put_le(out, at, 1, entity)
    at = put_le(out, at + 2, 4, version)
    at = put_le(out, at, 6, clock)
    count = 0
    old = le(data, start + 2, 2) if start >= 0 else 0
    for j in range(old):
        mark = start + HEADER_BYTES + j * WATERMARK_BYTES
        source, partition = np.int64(data[mark]), le(data, mark + 1, 2)
        offset, landed = le(data, mark + 3, 6), le(data, mark + 9, 4)
        for g in groups:
            if sources[g] == source and partitions[g] == partition and offsets[g] >= 0:
                offset, landed = offsets[g], version
        at = _put_mark(out, at, source, partition, offset, landed)
        count += 1
    for g in groups:
        if offsets[g] < 0:
            continue
        known = False
        for j in range(old):
            mark = start + HEADER_BYTES + j * WATERMARK_BYTES
            if data[mark] == sources[g] and le(data, mark + 1, 2) == partitions[g]:
                known = True
        if not known:
            at = _put_mark(out, at, sources[g], partitions[g], offsets[g], version)
            count += 1
    put_le(out, head + 2, 2, count)
    return at


@inner
def _put_mark(
    out: np.ndarray, at: int, source: int, partition: int, offset: int, version: int
) -> int:
    at = put_le(out, at, 1, source)
    at = put_le(out, at, 2, partition)
    at = put_le(out, at, 6, offset)
    return put_le(out, at, 4, version)
