"""Distinct counterparties of each window, from a pair table and its sketch.

A shared table holds the most recent counterparties, so a window is counted exactly as long as it holds no
more than the table. Beyond, sliding linear counting estimates.
"""

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
    held = _table_buckets(cells, base, end)
    if seen_0 == capacity:
        counts[0] = _estimate(capacity, held, full_0)
    if seen_1 == capacity:
        counts[1] = _estimate(capacity, held, full_1)
    if seen_2 == capacity:
        counts[2] = _estimate(capacity, held, full_2)
    counts[3] = _estimate(capacity, held, full_3)


@inner
def _estimate(capacity: int, held: int, full: int) -> float:
    """The count of a window that holds the whole table.

    A bucket of the window beyond those of the table's own pairs shows that there are more than the table
    holds; without one there are as many as it holds.
    """
    if full <= held:
        return np.float64(capacity)
    return max(np.float64(capacity + 1), ESTIMATES[SKETCH_BUCKETS - full])


@inner
def _table_buckets(cells: np.ndarray, base: int, end: int) -> int:
    """In how many buckets of the sketch the pairs of a table are."""
    distinct = 0
    for pair in range(base, end, PAIR_STRIDE):
        bucket, is_first = cells[pair + PAIR.pair_id] % SKETCH_BUCKETS, 1
        for other in range(base, pair, PAIR_STRIDE):
            if cells[other + PAIR.pair_id] % SKETCH_BUCKETS == bucket:
                is_first = 0
        distinct += is_first
    return distinct
