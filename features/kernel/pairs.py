"""Pair tables: who an entity has dealt with, exact for the most recent, a sketch beyond.

When a table is full, the counterparty seen longest ago makes way (the first of them on a tie). In a
subscriber's table those met once go before regulars, or a month of shops would turn a landlord into a
stranger; but regulars never hold more than half of the table against newcomers, or a siege of strangers
could not be counted. Shared records do not care who is who: so their distinct counts of a window are exact
until the table holds nothing but that window. From then on they use *sliding linear counting*: 512 buckets
remember when an identifier was last seen; ``-m ln(empty / m)`` estimates the distinct count of any window
(K.-Y. Whang et al., 1990). Its standard error is 3.7 % at 512 and 4.6 % at 1,000 distinct; it saturates at
about 3,200.
"""

import numpy as np

from features.catalog.channels import NUMBERS
from features.catalog.semantics import (
    DISTINCT_WINDOWS,
    DOUBT_MINUTES,
    MINUTE_MS,
    ONE_OFF_PLACES,
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
    PAIR,
    PAIR_BITS,
    SHARED_TABLE,
)

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

    In a table of 24 the chance to take a stranger for an acquaintance is 6e-9.
    """
    low = pseudonym & 0xFFFFFFFF
    return low if low != 0 else 1


@inner
def find(pairs: np.ndarray, base: int, count: int, pair_id: int) -> int:
    """Index of a pair's fields, or -1."""
    for at in range(base, base + count * len(PAIR), len(PAIR)):
        if pairs[at + PAIR.pair_id] == pair_id:
            return at
    return -1


@inner
def touch(
    pairs: np.ndarray,
    base: int,
    count: int,
    capacity: int,
    pair_id: int,
    minute: int,
    table: int,
    now_minute: int,
    sketch_base: int,
    sketch_on: int,
) -> tuple[int, int, int]:
    """Note that a pair was seen at ``minute``; index of its fields, new count, new sketch_on.

    ``table`` is SHARED_TABLE, or which of a subscriber's tables it is. A late pair that is older than the
    one that would make way for it finds no place: the index is -1.
    """
    if sketch_on:
        _mark(pairs, sketch_base, pair_id, minute)
    at = find(pairs, base, count, pair_id)
    if at >= 0:
        pairs[at + PAIR.first_minute] = min(pairs[at + PAIR.first_minute], minute)
        pairs[at + PAIR.last_minute] = max(pairs[at + PAIR.last_minute], minute)
        return at, count, sketch_on
    if count < capacity:
        at = base + count * len(PAIR)
        count += 1
    else:
        if sketch_base >= 0 and not sketch_on:
            for old in range(base, base + count * len(PAIR), len(PAIR)):
                _mark(pairs, sketch_base, pairs[old + PAIR.pair_id], pairs[old + PAIR.last_minute])
            _mark(pairs, sketch_base, pair_id, minute)
            sketch_on = 1
        at = _makes_way(pairs, base, count, table, now_minute)
        if minute < pairs[at + PAIR.last_minute]:
            return -1, count, sketch_on
    pairs[at + PAIR.pair_id] = pair_id
    pairs[at + PAIR.first_minute] = minute
    pairs[at + PAIR.last_minute] = minute
    pairs[at + PAIR.count] = 0
    pairs[at + PAIR.amount] = 0
    return at, count, sketch_on


@inner
def _makes_way(pairs: np.ndarray, base: int, count: int, table: int, now_minute: int) -> int:
    """Index of the pair that a newcomer replaces."""
    oldest, one_off, one_offs = -1, -1, 0
    for at in range(base, base + count * len(PAIR), len(PAIR)):
        last = pairs[at + PAIR.last_minute]
        if table == SHARED_TABLE or _is_regular(pairs, at, table, now_minute):
            if oldest < 0 or last < pairs[oldest + PAIR.last_minute]:
                oldest = at
        else:
            one_offs += 1
            if one_off < 0 or last < pairs[one_off + PAIR.last_minute]:
                one_off = at
    return one_off if one_offs >= ONE_OFF_PLACES else oldest


@inner
def _is_regular(pairs: np.ndarray, at: int, table: int, now_minute: int) -> bool:
    """Met more than once, or for longer than a day; and whoever is under suspicion."""
    if pairs[at + PAIR.count] >= REGULAR_CONTACTS:
        return True
    if pairs[at + PAIR.last_minute] - pairs[at + PAIR.first_minute] >= REGULAR_MINUTES:
        return True
    return table == NUMBERS and level(pairs, at, now_minute) > 0


@inner
def level(pairs: np.ndarray, at: int, now_minute: int) -> int:
    """The level that stays with a number since a suspicious call; 0 once that is too long ago."""
    if now_minute - pairs[at + PAIR.first_minute] > DOUBT_MINUTES:
        return 0
    return pairs[at + PAIR_BITS] & BITS_LEVEL


@inner
def readable_bits(pairs: np.ndarray, at: int, now_minute: int) -> int:
    """The bits of a number that a reading at ``now_minute`` or later can still see."""
    bits = level(pairs, at, now_minute)
    if now_minute - pairs[at + PAIR.first_minute] <= YOUNG_PAIR_MINUTES:
        bits |= pairs[at + PAIR_BITS] & (BITS_HARMLESS | BITS_CALLED_IN)
    return bits


@inner
def _mark(sketch: np.ndarray, base: int, pair_id: int, minute: int) -> None:
    at = base + pair_id % SKETCH_BUCKETS
    sketch[at] = max(sketch[at], minute)


@inner
def distinct(
    pairs: np.ndarray,
    base: int,
    count: int,
    capacity: int,
    sketch: np.ndarray,
    sketch_base: int,
    sketch_on: int,
    cut: np.ndarray,
    offset_ms: int,
    out: np.ndarray,
) -> None:
    """Write the number of distinct counterparties of each distinct window into ``out``."""
    since_0 = (cut[DISTINCT_WINDOWS[0]] - offset_ms) // MINUTE_MS
    since_1 = (cut[DISTINCT_WINDOWS[1]] - offset_ms) // MINUTE_MS
    since_2 = (cut[DISTINCT_WINDOWS[2]] - offset_ms) // MINUTE_MS
    since_3 = max((cut[DISTINCT_WINDOWS[3]] - offset_ms) // MINUTE_MS, 1)  # 0 is an empty bucket
    seen_0 = seen_1 = seen_2 = seen_3 = 0
    for at in range(base, base + count * len(PAIR), len(PAIR)):
        last = pairs[at + PAIR.last_minute]
        seen_0 += last >= since_0
        seen_1 += last >= since_1
        seen_2 += last >= since_2
        seen_3 += last >= since_3
    out[0], out[1], out[2], out[3] = seen_0, seen_1, seen_2, seen_3
    if not sketch_on or seen_3 < capacity:
        return
    full_0 = full_1 = full_2 = full_3 = 0
    for at in range(sketch_base, sketch_base + SKETCH_BUCKETS):
        last = sketch[at]
        full_0 += last >= since_0
        full_1 += last >= since_1
        full_2 += last >= since_2
        full_3 += last >= since_3
    if seen_0 == capacity:
        out[0] = max(out[0], ESTIMATES[SKETCH_BUCKETS - full_0])
    if seen_1 == capacity:
        out[1] = max(out[1], ESTIMATES[SKETCH_BUCKETS - full_1])
    if seen_2 == capacity:
        out[2] = max(out[2], ESTIMATES[SKETCH_BUCKETS - full_2])
    out[3] = max(out[3], ESTIMATES[SKETCH_BUCKETS - full_3])
