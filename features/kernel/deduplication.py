"""The distinct records and watermarks of a run, in order of first appearance."""

import numpy as np

from features.kernel.compilation import entry

_MIX = np.uint64(0x9E3779B97F4A7C15)


@entry
def dedupe(a: np.ndarray, b: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the distinct pairs (a, b) by first appearance.

    Args:
        a: uint64 [m].
        b: int64 [m].
        wanted: bool [m]; other entries get the index -1.

    Returns:
        Index of each entry's pair, int64 [m], and the entry where each pair first appears.
    """
    m = len(a)
    size = 16
    while size < 2 * m:
        size *= 2
    mask = np.uint64(size - 1)
    table = np.full(size, -1, np.int64)
    index = np.full(m, -1, np.int64)
    first = np.empty(m, np.int64)
    count = 0
    for j in range(m):
        if not wanted[j]:
            continue
        mixed = (a[j] ^ (np.uint64(b[j]) * _MIX)) * _MIX
        place = (mixed ^ (mixed >> np.uint64(32))) & mask
        while True:
            known = table[place]
            if known < 0:
                table[place] = count
                first[count] = j
                index[j] = count
                count += 1
                break
            if a[first[known]] == a[j] and b[first[known]] == b[j]:
                index[j] = known
                break
            place = (place + np.uint64(1)) & mask
    return index, first[:count].copy()
