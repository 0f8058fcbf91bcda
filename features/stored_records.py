"""Stored records joined into one buffer, as the kernel reads them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.kernel.watermarks import StoredRecords, stored_versions
from features.record_header import COMPACT_LAYOUT, HEADER_BYTES, PLAIN_LAYOUT
from forewarn.errors import ConfigurationError

_SHORTEST = 8
"""Bytes of the shortest compact record: its clock alone has five."""


def join_records(records: Sequence[bytes | None]) -> StoredRecords:
    """Join records end to end.

    Args:
        records: as loaded; None where there is none.

    Raises:
        ValueError: if a record is shorter than its header.
        ConfigurationError: if a record has another layout than this version reads.
    """
    present = np.array([record is not None for record in records], np.bool_)
    stored = [record for record in records if record is not None]
    lengths = np.fromiter(map(len, stored), np.int64, len(stored))
    if (lengths < _SHORTEST).any():
        raise ValueError("a state record is shorter than its header")
    joined = b"".join(stored)
    words = np.zeros(len(joined) // 8 + 2, np.uint64)
    data = words.view(np.uint8)
    data[: len(joined)] = np.frombuffer(joined, np.uint8)
    ends = np.cumsum(lengths)
    firsts = ends - lengths
    _require_layout(data[firsts], lengths)
    starts = np.full(len(records), -1, np.int64)
    starts[present] = firsts
    all_ends = np.full(len(records), -1, np.int64)
    all_ends[present] = ends
    return StoredRecords(data, words, starts, all_ends, stored_versions(data, starts))


def _require_layout(first_bytes: npt.NDArray[np.uint8], lengths: npt.NDArray[np.int64]) -> None:
    plain = first_bytes == PLAIN_LAYOUT
    if (lengths[plain] < HEADER_BYTES).any():
        raise ValueError("a state record is shorter than its header")
    others = first_bytes[~plain & (first_bytes >> 3 != COMPACT_LAYOUT)]
    if len(others):
        raise ConfigurationError(
            f"A state record begins with the byte {others[0]}, which is no layout that this version reads.",
            hint="Run the version that wrote it, or rebuild the state with `forewarn rebuild`.",
        )
