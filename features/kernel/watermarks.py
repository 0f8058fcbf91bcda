"""Watermarks in bulk: what ``features.record_header`` defines, read and written for many records at once."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.kernel.compact.bit_codes import get_code, put_code
from features.kernel.compact.compact_header import (
    annex_of,
    bits_at,
    get_counts,
    get_mark,
    get_version,
    is_compact,
    put_mark,
)
from features.kernel.compilation import entry, inner
from features.kernel.varint import get_unsigned, put_unsigned
from features.record_header import HEADER_BYTES, PLAIN_LAYOUT, WATERMARK_BYTES
from features.record_header import HEADER_ORDERS as ORDERS

I64 = npt.NDArray[np.int64]


class StoredRecords(NamedTuple):
    """Records as loaded, end to end.

    Attributes:
        data: uint8, all bytes.
        words: uint64, the same memory; zeros fill it up.
        starts: int64 [records], where each begins; -1 where there is none.
        ends: int64 [records], where each ends; -1 where there is none.
        versions: uint32 [records]; 0 where there is none.
    """

    data: npt.NDArray[np.uint8]
    words: npt.NDArray[np.uint64]
    starts: I64
    ends: I64
    versions: npt.NDArray[np.uint32]


class Watermarks(NamedTuple):
    """What a run adds to the watermarks of its records.

    Attributes:
        order: int64 [watermarks], indices of the watermarks ordered by record.
        bounds: int64 [records + 1], where each record's begin in ``order``.
        sources: int64 [watermarks].
        partitions: int64 [watermarks].
        offsets: int64 [watermarks], the newest offset applied; -1 where none was.
    """

    order: I64
    bounds: I64
    sources: I64
    partitions: I64
    offsets: I64


@inner
def _marks_of(stored: StoredRecords, start: int) -> tuple[int, int]:
    """Number of watermarks of the record that starts there, 0 for a start of -1, and where they begin."""
    if start < 0:
        return 0, 0
    data = stored.data
    if not is_compact(data, start):
        return get_unsigned(data, start + 2, 2), start + HEADER_BYTES
    words, entity = stored.words, np.int64(data[start] & 3)
    at = get_counts(words, bits_at(data, start), entity)[5]
    _clock, at = get_code(words, at, ORDERS.clock)
    count, at = get_code(words, at, ORDERS.marks)
    return min(max(count, 0), len(data)), at


@inner
def _next_mark(
    stored: StoredRecords, start: int, at: int, version: int
) -> tuple[np.int64, np.int64, np.int64, np.int64, int]:
    """Source, partition, offset and version of the watermark at a position, and that of the next."""
    data = stored.data
    if is_compact(data, start):
        return get_mark(stored.words, at, version)
    partition, offset = get_unsigned(data, at + 1, 2), get_unsigned(data, at + 3, 6)
    landed = get_unsigned(data, at + 9, 4)
    return np.int64(data[at]), partition, offset, landed, at + WATERMARK_BYTES


@entry
def annex_spans(stored: StoredRecords) -> np.ndarray:
    """The first byte and the length of each record's annex; int64 [2, records]."""
    spans = np.zeros((2, len(stored.starts)), np.int64)
    for r in range(len(stored.starts)):
        spans[0, r], spans[1, r] = annex_span(stored, stored.starts[r])
    return spans


@inner
def annex_span(stored: StoredRecords, start: int) -> tuple[int, np.int64]:
    """The first byte and the length of the annex of the record that starts there; 0 for a start of -1."""
    if start < 0:
        return 0, np.int64(0)
    data = stored.data
    if is_compact(data, start):
        return annex_of(data, start)
    at = start + HEADER_BYTES + WATERMARK_BYTES * get_unsigned(data, start + 2, 2)
    return at + 2, get_unsigned(data, at, 2)


@entry
def stored_versions(data: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The version of the record at each start; uint32, 0 for a start of -1."""
    out = np.zeros(len(starts), np.uint32)
    for r in range(len(starts)):
        start = starts[r]
        if start >= 0 and is_compact(data, start):
            out[r] = get_version(data, start)[0]
        elif start >= 0:
            out[r] = get_unsigned(data, start + 4, 4)
    return out


@entry
def applied_offsets(
    stored: StoredRecords, records: np.ndarray, sources: np.ndarray, partitions: np.ndarray
) -> np.ndarray:
    """The offset that each (record, source, partition) has applied last; -1 where none."""
    out = np.full(len(records), -1, np.int64)
    for g in range(len(records)):
        start = stored.starts[records[g]]
        count, at = _marks_of(stored, start)
        for _ in range(count):
            source, partition, offset, _landed, at = _next_mark(stored, start, at, 0)
            if source == sources[g] and partition == partitions[g]:
                out[g] = offset
                break
    return out


@inner
def most_mark_bytes(record: int, stored: StoredRecords, added: Watermarks) -> int:
    """An upper bound of the bytes of the watermarks of a record's next version."""
    count = added.bounds[record + 1] - added.bounds[record]
    return 40 * (count + _marks_of(stored, stored.starts[record])[0])


@inner
def put_header(
    record: int,
    entity: int,
    clock: int,
    stored: StoredRecords,
    added: Watermarks,
    out: np.ndarray,
    at: int,
) -> int:
    """Write the plain header of a record's next version: its watermarks, advanced or joined by the run's.

    Returns:
        The position behind the header.
    """
    start, version, header = stored.starts[record], np.int64(stored.versions[record]) + 1, at
    at = put_unsigned(out, at, 1, PLAIN_LAYOUT)
    at = put_unsigned(out, at, 1, entity)
    at = put_unsigned(out, at + 2, 4, version)
    at = put_unsigned(out, at, 6, clock)
    count, read = _marks_of(stored, start)
    for _ in range(count):
        source, partition, offset, landed, read = _next_mark(stored, start, read, version - 1)
        newer = _added_offset(record, added, source, partition)
        if newer >= 0:
            offset, landed = newer, version
        at = _put_watermark(out, at, source, partition, offset, landed)
    for g in added.order[added.bounds[record] : added.bounds[record + 1]]:
        if _is_joining(stored, start, added, g):
            count += 1
            at = _put_watermark(
                out, at, added.sources[g], added.partitions[g], added.offsets[g], version
            )
    put_unsigned(out, header + 2, 2, count)
    return at


@inner
def put_compact_marks(
    record: int, stored: StoredRecords, added: Watermarks, words: np.ndarray, at: int
) -> int:
    """The same for the watermarks of a compact record: their number, and each; the position behind."""
    start, version = stored.starts[record], np.int64(stored.versions[record]) + 1
    groups = added.order[added.bounds[record] : added.bounds[record + 1]]
    count, read = _marks_of(stored, start)
    joining = 0
    for g in groups:
        joining += 1 if _is_joining(stored, start, added, g) else 0
    at = put_code(words, at, ORDERS.marks, count + joining)
    for _ in range(count):
        source, partition, offset, landed, read = _next_mark(stored, start, read, version - 1)
        newer = _added_offset(record, added, source, partition)
        if newer >= 0:
            offset, landed = newer, version
        at = put_mark(words, at, source, partition, offset, version - landed)
    for g in groups:
        if _is_joining(stored, start, added, g):
            at = put_mark(words, at, added.sources[g], added.partitions[g], added.offsets[g], 0)
    return at


@inner
def _added_offset(record: int, added: Watermarks, source: int, partition: int) -> int:
    """The offset to which a run advances a watermark; -1 where it does not."""
    for g in added.order[added.bounds[record] : added.bounds[record + 1]]:
        if added.sources[g] == source and added.partitions[g] == partition:
            return added.offsets[g]
    return -1


@inner
def _is_joining(stored: StoredRecords, start: int, added: Watermarks, g: int) -> bool:
    """Whether a watermark of the run was applied and is not among those of the stored record."""
    if added.offsets[g] < 0:
        return False
    count, at = _marks_of(stored, start)
    for _ in range(count):
        source, partition, _offset, _landed, at = _next_mark(stored, start, at, 0)
        if source == added.sources[g] and partition == added.partitions[g]:
            return False
    return True


@inner
def _put_watermark(
    out: np.ndarray, at: int, source: int, partition: int, offset: int, version: int
) -> int:
    at = put_unsigned(out, at, 1, source)
    at = put_unsigned(out, at, 2, partition)
    at = put_unsigned(out, at, 6, offset)
    return put_unsigned(out, at, 4, version)
