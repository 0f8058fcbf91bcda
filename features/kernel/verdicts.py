"""Verdicts by case: what a record remembers of the last few cases, so that a verdict counts once.

A case sends an outcome for each of its warnings, and again with a higher revision when it is corrected. So
a record remembers the verdict and the revision of a case: the first counts, the same one changes nothing,
a higher revision takes the old verdict back and counts the new one. Other events never evict a case.
"""

from features.catalog.schema import indices
from features.kernel.compilation import inner
from features.kernel.pairs import short_id
from features.kernel.record_layout import CASE, REVISION_FACTOR
from features.kernel.record_state import Cursor
from features.kinds import CLEARED, CONFIRMED, REVISION_SHIFT

VERDICT_NONE, VERDICT_CONFIRMED, VERDICT_CLEARED = range(3)
REPEATED, OUTDATED = -1, -2

_COUNTS = indices(("confirmed", "cleared", "confirmed_at"))
_STRIDE = len(CASE)


@inner
def verdict_of(flags: int) -> int:
    """The verdict of an outcome: fraud, no fraud, or neither (the subscriber not reached, a duplicate)."""
    if flags & CONFIRMED:
        return VERDICT_CONFIRMED
    return VERDICT_CLEARED if flags & CLEARED else VERDICT_NONE


@inner
def record_verdict(c: Cursor, cases: int, places: int) -> int:
    """Note what the outcome says of its case.

    Args:
        c: at the outcome.
        cases: index of the record's first case in the cells; the latest case comes first.
        places: how many cases it remembers.

    Returns:
        The verdict before it; REPEATED or OUTDATED where this revision or a higher one is known.
    """
    cells, case = c.cells, short_id(c.subject)
    revision = c.flags >> REVISION_SHIFT
    state = revision * REVISION_FACTOR + verdict_of(c.flags)
    for at in range(cases, cases + places * _STRIDE, _STRIDE):
        if cells[at + CASE.case_id] != case:
            continue
        known = cells[at + CASE.state]
        if revision <= known // REVISION_FACTOR:
            return REPEATED if revision == known // REVISION_FACTOR else OUTDATED
        cells[at + CASE.state] = state
        return known % REVISION_FACTOR
    for at in range(cases + places * _STRIDE - 1, cases + _STRIDE - 1, -1):
        cells[at] = cells[at - _STRIDE]
    cells[cases + CASE.case_id] = case
    cells[cases + CASE.state] = state
    return VERDICT_NONE


@inner
def update_counts(c: Cursor, counts: int, before: int, verdict: int) -> None:
    """Apply the difference between two verdicts to a head's ``confirmed`` and the two fields behind it."""
    cells = c.cells
    if before == verdict:
        return
    if before == VERDICT_CONFIRMED:
        cells[counts + _COUNTS.confirmed] -= 1
        if cells[counts + _COUNTS.confirmed] == 0:
            cells[counts + _COUNTS.confirmed_at] = 0
    elif before == VERDICT_CLEARED:
        cells[counts + _COUNTS.cleared] -= 1
    if verdict == VERDICT_CONFIRMED:
        cells[counts + _COUNTS.confirmed] += 1
        latest = max(cells[counts + _COUNTS.confirmed_at], c.time_ms)
        cells[counts + _COUNTS.confirmed_at] = latest
    elif verdict == VERDICT_CLEARED:
        cells[counts + _COUNTS.cleared] += 1
