"""Pair tables: the counterparties of an entity, exact for the most recent, a sketch beyond.

When a table is full, the counterparty seen longest ago is evicted (the first of them on a tie). In a
subscriber's table those met once are evicted before regulars, or a month of shops would turn a landlord
into a stranger; but regulars never hold more than half of the table against newcomers, or a siege of
strangers could not be counted. Shared records keep the most recent counterparties of any kind, so the
distinct count of a window is exact as long as the window holds no more than the table.

From then on they use *sliding linear counting*: 512 buckets remember when an identifier was last seen;
``-m ln(empty / m)`` estimates the distinct count of any window (K.-Y. Whang et al., 1990). Its standard
error is 3.7 % at 512 and 4.6 % at 1,000 distinct; it saturates at about 3,200.
"""

import numpy as np

from features.catalog.channels import NUMBERS
from features.catalog.semantics import (
    DOUBT_MINUTES,
    MINUTE_MS,
    ONE_OFF_PLACES,
    PAIR_CAPACITY,
    REGULAR_CONTACTS,
    REGULAR_MINUTES,
    SKETCH_BUCKETS,
    YOUNG_PAIR_MINUTES,
)
from features.kernel.compilation import inner
from features.kernel.record_layout import (
    BITS_CALLED_IN,
    BITS_HARMLESS,
    BITS_LEVEL,
    HEAD,
    PAIR,
    PAIR_BITS,
    R_PAIR_COUNT,
    R_PAIRS,
    R_SKETCH,
    R_SKETCH_ON,
)
from features.kernel.record_state import Cursor

PAIR_STRIDE = len(PAIR)
ESTIMATES = np.array(
    [
        SKETCH_BUCKETS * np.log(SKETCH_BUCKETS / max(empty, 0.5))
        for empty in range(SKETCH_BUCKETS + 1)
    ]
)
"""Estimated distinct count by the number of empty buckets; a full sketch counts as half empty."""


@inner
def short_id(pseudonym: int) -> int:
    """The 32 bits by which tables remember a pseudonym, never 0.

    In a table of 24 the probability that a stranger is taken for an acquaintance is 6e-9.
    """
    low = pseudonym & 0xFFFFFFFF
    return low if low != 0 else 1


@inner
def bounds(c: Cursor, table: int) -> tuple[int, int]:
    """Indices of the first cell of a table and of the cell behind its last pair."""
    base = c.cells[c.record + R_PAIRS + table]
    return base, base + c.cells[c.record + R_PAIR_COUNT + table] * PAIR_STRIDE


@inner
def find_pair(c: Cursor, table: int, pair_id: int) -> int:
    """Index of the fields of a pair, or -1."""
    base, end = bounds(c, table)
    for pair in range(base, end, PAIR_STRIDE):
        if c.cells[pair + PAIR.pair_id] == pair_id:
            return pair
    return -1


@inner
def touch_pair(c: Cursor, table: int, pair_id: int) -> int:
    """Note that a counterparty was seen at the event's time.

    Returns:
        Index of the pair's fields; -1 for a late contact that is older than the pair that it would evict.
    """
    cells, minute = c.cells, c.time_ms // MINUTE_MS
    sketch = cells[c.record + R_SKETCH] if table == 0 else -1
    if sketch >= 0 and cells[c.record + R_SKETCH_ON]:
        _mark(cells, sketch, pair_id, minute)
    pair = find_pair(c, table, pair_id)
    if pair >= 0:
        cells[pair + PAIR.first_minute] = min(cells[pair + PAIR.first_minute], minute)
        cells[pair + PAIR.last_minute] = max(cells[pair + PAIR.last_minute], minute)
        return pair
    base, end = bounds(c, table)
    if end - base < PAIR_CAPACITY[c.entity, table] * PAIR_STRIDE:
        pair = end
        cells[c.record + R_PAIR_COUNT + table] += 1
    else:
        if sketch >= 0 and not cells[c.record + R_SKETCH_ON]:
            for old in range(base, end, PAIR_STRIDE):
                old_id, last = cells[old + PAIR.pair_id], cells[old + PAIR.last_minute]
                _mark(cells, sketch, old_id, last)
            _mark(cells, sketch, pair_id, minute)
            cells[c.record + R_SKETCH_ON] = 1
        pair = _evicted(c, table)
        if minute < cells[pair + PAIR.last_minute]:
            return -1
    cells[pair + PAIR.pair_id] = pair_id
    cells[pair + PAIR.first_minute] = minute
    cells[pair + PAIR.last_minute] = minute
    cells[pair + PAIR.count] = 0
    cells[pair + PAIR.amount] = 0
    return pair


@inner
def _evicted(c: Cursor, table: int) -> int:
    """Index of the pair that a newcomer replaces."""
    cells, now_minute = c.cells, c.cells[c.head + HEAD.clock] // MINUTE_MS
    oldest, one_off, one_offs = -1, -1, 0
    base, end = bounds(c, table)
    for pair in range(base, end, PAIR_STRIDE):
        last = cells[pair + PAIR.last_minute]
        if c.entity > 0 or _is_regular(cells, pair, table, now_minute):
            if oldest < 0 or last < cells[oldest + PAIR.last_minute]:
                oldest = pair
        else:
            one_offs += 1
            if one_off < 0 or last < cells[one_off + PAIR.last_minute]:
                one_off = pair
    return one_off if one_offs >= ONE_OFF_PLACES else oldest


@inner
def _is_regular(cells: np.ndarray, pair: int, table: int, now_minute: int) -> bool:
    """Met more than once, or over more than a day, or under suspicion."""
    if cells[pair + PAIR.count] >= REGULAR_CONTACTS:
        return True
    if cells[pair + PAIR.last_minute] - cells[pair + PAIR.first_minute] >= REGULAR_MINUTES:
        return True
    return table == NUMBERS and pair_level(cells, pair, now_minute) > 0


@inner
def pair_level(cells: np.ndarray, pair: int, now_minute: int) -> int:
    """The level that stays with a number after a suspicious call; 0 once that is too long ago."""
    if now_minute - cells[pair + PAIR.first_minute] > DOUBT_MINUTES:
        return 0
    return cells[pair + PAIR_BITS] & BITS_LEVEL


@inner
def readable_bits(cells: np.ndarray, pair: int, now_minute: int) -> int:
    """The bits of a number on which a value at ``now_minute`` or later can depend."""
    bits = pair_level(cells, pair, now_minute)
    if now_minute - cells[pair + PAIR.first_minute] <= YOUNG_PAIR_MINUTES:
        bits |= cells[pair + PAIR_BITS] & (BITS_HARMLESS | BITS_CALLED_IN)
    return bits


@inner
def _mark(cells: np.ndarray, sketch: int, pair_id: int, minute: int) -> None:
    bucket = sketch + pair_id % SKETCH_BUCKETS
    cells[bucket] = max(cells[bucket], minute)
