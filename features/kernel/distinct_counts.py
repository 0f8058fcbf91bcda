"""Distinct counterparties of each window, from a pair table and its sketch."""

import numpy as np

from features.catalog.semantics import (
    DISTINCT_WINDOWS,
    MINUTE_MS,
    PAIR_CAPACITY,
    SKETCH_BUCKETS,
)
from features.kernel.compilation import inner
from features.kernel.pairs import ESTIMATES, PAIR_STRIDE, bounds
from features.kernel.record_layout import PAIR, R_SKETCH, R_SKETCH_ON
from features.kernel.record_state import Cursor


@inner
def count_distinct(c: Cursor, table: int, counts: np.ndarray) -> None:
    """Write the distinct counterparties of each distinct window into ``counts``; float64 [4].

    ``c.cut`` holds the cutoffs of the time to count at.
    """
    cells = c.cells
    since_0 = (c.cut[DISTINCT_WINDOWS[0]] - c.offset_ms) // MINUTE_MS
    since_1 = (c.cut[DISTINCT_WINDOWS[1]] - c.offset_ms) // MINUTE_MS
    since_2 = (c.cut[DISTINCT_WINDOWS[2]] - c.offset_ms) // MINUTE_MS
    since_3 = max((c.cut[DISTINCT_WINDOWS[3]] - c.offset_ms) // MINUTE_MS, 1)  # 0: empty bucket
    seen_0 = seen_1 = seen_2 = seen_3 = 0
    base, end = bounds(c, table)
    for pair in range(base, end, PAIR_STRIDE):
        last = cells[pair + PAIR.last_minute]
        seen_0 += last >= since_0
        seen_1 += last >= since_1
        seen_2 += last >= since_2
        seen_3 += last >= since_3
    counts[0], counts[1], counts[2], counts[3] = seen_0, seen_1, seen_2, seen_3
    capacity = PAIR_CAPACITY[c.entity, table]
    if not c.cells[c.record + R_SKETCH_ON] or seen_3 < capacity:
        return
    full_0 = full_1 = full_2 = full_3 = 0
    sketch = c.cells[c.record + R_SKETCH]
    for bucket in range(sketch, sketch + SKETCH_BUCKETS):
        last = cells[bucket]
        full_0 += last >= since_0
        full_1 += last >= since_1
        full_2 += last >= since_2
        full_3 += last >= since_3
    if seen_0 == capacity:
        counts[0] = max(counts[0], ESTIMATES[SKETCH_BUCKETS - full_0])
    if seen_1 == capacity:
        counts[1] = max(counts[1], ESTIMATES[SKETCH_BUCKETS - full_1])
    if seen_2 == capacity:
        counts[2] = max(counts[2], ESTIMATES[SKETCH_BUCKETS - full_2])
    counts[3] = max(counts[3], ESTIMATES[SKETCH_BUCKETS - full_3])
