"""Stored records joined into one buffer, as the kernel reads them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.kernel.watermarks import StoredRecords
from features.record_header import HEADER_BYTES, LAYOUT_VERSION
from forewarn.errors import ConfigurationError

_VERSION_AT = 4  # where features.record_header keeps the version, as u32


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
    if (lengths < HEADER_BYTES).any():
        raise ValueError("a state record is shorter than its header")
    data = np.frombuffer(b"".join(stored), np.uint8)
    ends = np.cumsum(lengths)
    starts = ends - lengths
    _require_layout(data[starts])
    joined = StoredRecords(
        data,
        np.full(len(records), -1, np.int64),
        np.full(len(records), -1, np.int64),
        np.zeros(len(records), np.uint32),
    )
    joined.starts[present] = starts
    joined.ends[present] = ends
    joined.versions[present] = sum(
        data[starts + _VERSION_AT + byte].astype(np.uint32) << (8 * byte) for byte in range(4)
    )
    return joined


def _require_layout(layouts: npt.NDArray[np.uint8]) -> None:
    others = layouts[layouts != LAYOUT_VERSION]
    if len(others):
        raise ConfigurationError(
            f"A state record has layout {others[0]}; this version reads layout {LAYOUT_VERSION} only.",
            hint="Run the version that wrote it, or rebuild the state with `forewarn rebuild`.",
        )
