"""Watermarks in bulk: what ``features.record_header`` defines, read and written for many records at once."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.kernel.compilation import entry, inner
from features.kernel.varint import get_unsigned, put_unsigned
from features.record_header import HEADER_BYTES, LAYOUT_VERSION, WATERMARK_BYTES

I64 = npt.NDArray[np.int64]


class StoredRecords(NamedTuple):
    """Records as loaded, end to end.

    Attributes:
        data: uint8, all bytes.
        starts: int64 [records], where each begins; -1 where there is none.
        ends: int64 [records], where each ends; -1 where there is none.
        versions: uint32 [records]; 0 where there is none.
    """

    data: npt.NDArray[np.uint8]
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
def watermark_count(data: np.ndarray, start: int) -> int:
    """Number of watermarks of the record that starts there; 0 for a start of -1."""
    return get_unsigned(data, start + 2, 2) if start >= 0 else 0


@entry
def applied_offsets(
    stored: StoredRecords, records: np.ndarray, sources: np.ndarray, partitions: np.ndarray
) -> np.ndarray:
    """The offset that each (record, source, partition) has applied last; -1 where none."""
    data = stored.data
    out = np.full(len(records), -1, np.int64)
    for g in range(len(records)):
        start = stored.starts[records[g]]
        for j in range(watermark_count(data, start)):
            mark = start + HEADER_BYTES + j * WATERMARK_BYTES
            if data[mark] == sources[g] and get_unsigned(data, mark + 1, 2) == partitions[g]:
                out[g] = get_unsigned(data, mark + 3, 6)
                break
    return out


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
    """Write the header of a record's next version: its watermarks, advanced or joined by the run's.

    Returns:
        The position behind the header.
    """
    data, start = stored.data, stored.starts[record]
    version, header = stored.versions[record] + 1, at
    at = put_unsigned(out, at, 1, LAYOUT_VERSION)
    at = put_unsigned(out, at, 1, entity)
    at = put_unsigned(out, at + 2, 4, version)
    at = put_unsigned(out, at, 6, clock)
    groups = added.order[added.bounds[record] : added.bounds[record + 1]]
    old = watermark_count(data, start)
    for j in range(old):
        mark = start + HEADER_BYTES + j * WATERMARK_BYTES
        source, partition = np.int64(data[mark]), get_unsigned(data, mark + 1, 2)
        offset, landed = get_unsigned(data, mark + 3, 6), get_unsigned(data, mark + 9, 4)
        for g in groups:
            same = added.sources[g] == source and added.partitions[g] == partition
            if same and added.offsets[g] >= 0:
                offset, landed = added.offsets[g], np.int64(version)
        at = _put_watermark(out, at, source, partition, offset, landed)
    count = old
    for g in groups:
        source, partition = added.sources[g], added.partitions[g]
        if added.offsets[g] < 0 or _is_known(data, start, old, source, partition):
            continue
        at = _put_watermark(out, at, source, partition, added.offsets[g], np.int64(version))
        count += 1
    put_unsigned(out, header + 2, 2, count)
    return at


@inner
def _is_known(data: np.ndarray, start: int, count: int, source: int, partition: int) -> bool:
    for j in range(count):
        mark = start + HEADER_BYTES + j * WATERMARK_BYTES
        if data[mark] == source and get_unsigned(data, mark + 1, 2) == partition:
            return True
    return False


@inner
def _put_watermark(
    out: np.ndarray, at: int, source: int, partition: int, offset: int, version: int
) -> int:
    at = put_unsigned(out, at, 1, source)
    at = put_unsigned(out, at, 2, partition)
    at = put_unsigned(out, at, 6, offset)
    return put_unsigned(out, at, 4, version)
