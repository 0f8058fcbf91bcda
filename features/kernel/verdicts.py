"""Outcomes by case: what a record has heard of the last few cases, so that a verdict counts once.

A case sends an outcome for each of its warnings, and again with a higher revision when it is corrected. So
a record remembers the verdict and the revision of a case: the first counts, the same is no news, a higher
revision takes the old verdict back and counts the new one. What other events do never drives a case out.
"""

import numpy as np

from features.kernel.compilation import inner
from features.kernel.record_layout import CASE, REVISION_FACTOR
from features.kinds import CLEARED, CONFIRMED, REVISION_SHIFT

VERDICT_NONE, VERDICT_CONFIRMED, VERDICT_CLEARED = range(3)
REPEATED, OUTDATED = -1, -2


@inner
def verdict_of(flags: int) -> int:
    """What an outcome says: fraud, no fraud, or neither (nobody was reached, a duplicate)."""
    if flags & CONFIRMED:
        return VERDICT_CONFIRMED
    return VERDICT_CLEARED if flags & CLEARED else VERDICT_NONE


@inner
def record_verdict(head: np.ndarray, base: int, n: int, case: int, flags: int) -> int:
    """Note what an outcome says of its case.

    Args:
        head: all cells.
        base: where the record's cases begin in them, the one heard of last first.
        n: how many it remembers.
        case: 32 bits of the case's pseudonym, not 0.
        flags: of the event.

    Returns:
        The verdict before it; REPEATED or OUTDATED where this revision or a higher one is known.
    """
    revision = flags >> REVISION_SHIFT
    state = revision * REVISION_FACTOR + verdict_of(flags)
    for at in range(base, base + n * len(CASE), len(CASE)):
        if head[at + CASE.case_id] != case:
            continue
        known = head[at + CASE.state]
        if revision <= known // REVISION_FACTOR:
            return REPEATED if revision == known // REVISION_FACTOR else OUTDATED
        head[at + CASE.state] = state
        return known % REVISION_FACTOR
    for at in range(base + n * len(CASE) - 1, base + len(CASE) - 1, -1):
        head[at] = head[at - len(CASE)]
    head[base + CASE.case_id] = case
    head[base + CASE.state] = state
    return VERDICT_NONE


@inner
def update_counts(
    head: np.ndarray,
    confirmed: int,
    cleared: int,
    confirmed_at: int,
    before: int,
    verdict: int,
    time_ms: int,
) -> None:
    """Apply the difference between two verdicts to the counts at the given places."""
    if before == verdict:
        return
    if before == VERDICT_CONFIRMED:
        head[confirmed] -= 1
        if head[confirmed] == 0:
            head[confirmed_at] = 0
    elif before == VERDICT_CLEARED:
        head[cleared] -= 1
    if verdict == VERDICT_CONFIRMED:
        head[confirmed] += 1
        head[confirmed_at] = max(head[confirmed_at], time_ms)
    elif verdict == VERDICT_CLEARED:
        head[cleared] += 1
