"""Shared records (numbers, accounts, devices): what an event reads of them and does to them.

Fields of first degree depend on the event alone. Fields of second degree also depend on what the
subscriber's step said about the event, and no subscriber's step reads them. That is why a lost race can be applied again, and why whole histories can be computed in three parallel phases.
"""

import numpy as np

from features.kernel import pairs, verdicts
from features.kernel.compilation import inner
from features.kernel.program import (
    BLOCK_SECOND,
    BLOCK_SHARED,
    SH_AGE_DAYS,
    SH_CLEARED,
    SH_CONFIRMED,
    SH_CONFIRMED_DAYS,
    SH_IDLE_HOURS,
    SH_ONWARD_MINUTES,
    SH_SINCE_RECEIPT_MINUTES,
    evaluate,
)
from features.kernel.record_layout import (
    A_ATTEMPT_AMOUNT,
    A_ATTEMPTS,
    A_MAX_ATTEMPT,
    A_PAID,
    A_PAID_AMOUNT,
    A_RECEIVED,
    A_RECEIVED_AMOUNT,
    A_REFUSED,
    B_AMOUNT,
    B_DURATION,
    B_FLAGS,
    B_KIND,
    B_SUBJECT,
    B_SUBSCRIBER,
    B_TIME,
    D_AMOUNT,
    D_CALLS,
    D_TRANSFERS,
    E_COUNTED,
    E_NEW,
    E_PRESSED,
    E_TAINTED,
    H_CASES,
    H_CLEARED,
    H_CLOCK,
    H_CLOCK2,
    H_CONFIRMED,
    H_CONFIRMED_AT,
    H_EVENTS,
    H_FIRST,
    H_ONWARD_MS,
    H_RECEIVED_AT,
    H_SEEN,
    N_CALLED_BACK,
    N_ENDED,
    N_ENDED_BACK,
    N_SHORT,
    N_STARTED,
    N_TALK_S,
    N_UNANSWERED,
    R_HEAD,
    R_KIND,
    R_PAIR_COUNT,
    R_PAIRS,
    R_SKETCH,
    R_SKETCH_ON,
    X_NEW,
    X_PRESSED,
    X_TAINTED,
)
from features.kernel.record_state import Scratch, State, read_tiles, tile_at, touch_pair
from features.kernel.semantics import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    N_CASES_SHARED,
    N_SEEN,
    PAIR_CAPACITY,
    SECOND_MS,
    SHORT_CALL_S,
)
from features.kernel.tiles import cutoffs
from features.kinds import ANSWERED, INBOUND, REVISION_SHIFT, EventKind

_NUMBER, _ACCOUNT, _DEVICE = 1, 2, 3
_STARTED = int(EventKind.CALL_STARTED)
_OUT_ATTEMPTED, _OUT_COMPLETED = int(EventKind.OUT_ATTEMPTED), int(EventKind.OUT_COMPLETED)
_OUT_REVERSED, _IN_ATTEMPTED = int(EventKind.OUT_REVERSED), int(EventKind.IN_ATTEMPTED)
_IN_COMPLETED, _IN_REVERSED = int(EventKind.IN_COMPLETED), int(EventKind.IN_REVERSED)
_OUTCOME = int(EventKind.OUTCOME)
_KIND_MIX = 0x9E3779B97F4A7C15 - (1 << 64)  # an odd multiplier that spreads the kinds


@inner
def read_first(
    state: State,
    r: int,
    time_ms: int,
    offset_ms: int,
    program: np.ndarray,
    bounds: np.ndarray,
    scratch: Scratch,
    vectors: np.ndarray,
    i: int,
) -> None:
    """Write the first-degree features of a record into a row of vectors."""
    head, h = state.cells, state.meta[r, R_HEAD]
    now = max(time_ms, head[h + H_CLOCK])
    cutoffs(now + offset_ms, scratch.cut)
    read_tiles(state, r, 0, scratch.cut, scratch.acc)
    pairs.distinct(
        state.cells,
        state.meta[r, R_PAIRS],
        state.meta[r, R_PAIR_COUNT],
        PAIR_CAPACITY[state.meta[r, R_KIND], 0],
        state.cells,
        state.meta[r, R_SKETCH],
        state.meta[r, R_SKETCH_ON],
        scratch.cut,
        offset_ms,
        scratch.dist[0],
    )
    s = scratch.scalars
    known = head[h + H_EVENTS] > 0
    s[SH_AGE_DAYS] = (now - head[h + H_FIRST]) / DAY_MS if known else np.nan
    s[SH_IDLE_HOURS] = (now - head[h + H_CLOCK]) / HOUR_MS if known else np.nan
    s[SH_CONFIRMED] = head[h + H_CONFIRMED]
    s[SH_CLEARED] = head[h + H_CLEARED]
    confirmed_at = head[h + H_CONFIRMED_AT]
    s[SH_CONFIRMED_DAYS] = (now - confirmed_at) / DAY_MS if confirmed_at > 0 else np.nan
    onward = head[h + H_ONWARD_MS]
    s[SH_ONWARD_MINUTES] = (onward - 1) / MINUTE_MS if onward > 0 else np.nan
    received_at = head[h + H_RECEIVED_AT]
    s[SH_SINCE_RECEIPT_MINUTES] = (now - received_at) / MINUTE_MS if received_at > 0 else np.nan
    block = BLOCK_SHARED + state.meta[r, R_KIND] - 1
    evaluate(program, bounds, block, scratch.acc, scratch.dist, s, vectors, i)


@inner
def _is_news(head: np.ndarray, h: int, b: np.ndarray, i: int) -> bool:
    """Whether a call or transfer is neither a producer's duplicate nor a correction; remembers it."""
    if b[i, B_FLAGS] >> REVISION_SHIFT > 0:
        return False
    seen = pairs.short_id(b[i, B_SUBJECT] + b[i, B_KIND] * _KIND_MIX)
    for j in range(N_SEEN):
        if head[h + H_SEEN + j] == seen:
            return False
    head[h + H_SEEN + head[h + H_EVENTS] % N_SEEN] = seen
    if head[h + H_EVENTS] == 0 or b[i, B_TIME] < head[h + H_FIRST]:
        head[h + H_FIRST] = b[i, B_TIME]
    head[h + H_EVENTS] += 1
    return True


@inner
def _outcome(head: np.ndarray, h: int, b: np.ndarray, i: int) -> None:
    """A case that names this one was closed or corrected; it is no sight of it."""
    flags, case = b[i, B_FLAGS], pairs.short_id(b[i, B_SUBJECT])
    before = verdicts.record_verdict(head, h + H_CASES, N_CASES_SHARED, case, flags)
    if before >= 0:
        confirmed, cleared, confirmed_at = h + H_CONFIRMED, h + H_CLEARED, h + H_CONFIRMED_AT
        verdict = verdicts.verdict_of(flags)
        verdicts.update_counts(
            head, confirmed, cleared, confirmed_at, before, verdict, b[i, B_TIME]
        )


@inner
def apply_first(
    state: State, r: int, b: np.ndarray, i: int, offset_ms: int, cut: np.ndarray
) -> None:
    """Apply what depends on the event alone. Of corrections, only those of outcomes change anything.

    ``cut`` holds the cutoffs of the record's clock with this event applied.
    """
    head, h = state.cells, state.meta[r, R_HEAD]
    kind, time_ms = b[i, B_KIND], b[i, B_TIME]
    head[h + H_CLOCK] = max(head[h + H_CLOCK], time_ms)
    if kind == _OUTCOME:
        _outcome(head, h, b, i)
        return
    if not _is_news(head, h, b, i):
        return
    entity = state.meta[r, R_KIND]
    paying = _OUT_ATTEMPTED <= kind < _IN_ATTEMPTED
    if entity == _DEVICE or paying or b[i, B_FLAGS] & INBOUND:
        subscriber = pairs.short_id(b[i, B_SUBSCRIBER])
        touch_pair(state, r, 0, subscriber, time_ms // MINUTE_MS)
    if entity == _ACCOUNT:
        _follow_money(head, h, kind, time_ms)
    at = tile_at(state, r, 0, time_ms + offset_ms, cut)
    if at < 0:
        return
    if entity == _NUMBER:
        _count_call(state.cells, at, kind, b[i, B_FLAGS], b[i, B_DURATION] // SECOND_MS)
    elif entity == _ACCOUNT:
        _count_transfer(state.cells, at, kind, b[i, B_AMOUNT])
    elif kind == _STARTED:
        state.cells[at + D_CALLS] += 1
    elif kind == _OUT_ATTEMPTED:
        state.cells[at + D_TRANSFERS] += 1
        state.cells[at + D_AMOUNT] += b[i, B_AMOUNT]


@inner
def _count_call(tiles: np.ndarray, at: int, kind: int, flags: int, talk_s: int) -> None:
    if kind == _STARTED:
        tiles[at + N_STARTED] += 1
        if flags & INBOUND == 0:
            tiles[at + N_CALLED_BACK] += 1
        return
    tiles[at + N_ENDED] += 1
    if flags & INBOUND == 0:
        tiles[at + N_ENDED_BACK] += 1
    if flags & ANSWERED == 0:
        tiles[at + N_UNANSWERED] += 1
        return
    tiles[at + N_TALK_S] += talk_s
    if talk_s < SHORT_CALL_S:
        tiles[at + N_SHORT] += 1


@inner
def _count_transfer(tiles: np.ndarray, at: int, kind: int, amount: int) -> None:
    if kind == _OUT_ATTEMPTED:
        tiles[at + A_ATTEMPTS] += 1
        tiles[at + A_ATTEMPT_AMOUNT] += amount
        tiles[at + A_MAX_ATTEMPT] = max(tiles[at + A_MAX_ATTEMPT], amount)
    elif kind == _OUT_COMPLETED:
        tiles[at + A_RECEIVED] += 1
        tiles[at + A_RECEIVED_AMOUNT] += amount
    elif kind <= _OUT_REVERSED or kind == _IN_REVERSED:
        tiles[at + A_REFUSED] += 1
    elif kind == _IN_COMPLETED:
        tiles[at + A_PAID] += 1
        tiles[at + A_PAID_AMOUNT] += amount


@inner
def _follow_money(head: np.ndarray, h: int, kind: int, time_ms: int) -> None:
    """Time from the last receipt to the next payment, plus one so that 0 says "none"."""
    if kind == _OUT_COMPLETED:
        head[h + H_RECEIVED_AT] = max(head[h + H_RECEIVED_AT], time_ms)
    elif kind == _IN_COMPLETED and 0 < head[h + H_RECEIVED_AT] <= time_ms:
        head[h + H_ONWARD_MS] = time_ms - head[h + H_RECEIVED_AT] + 1


@inner
def read_second(
    state: State,
    r: int,
    time_ms: int,
    offset_ms: int,
    program: np.ndarray,
    bounds: np.ndarray,
    scratch: Scratch,
    vectors: np.ndarray,
    i: int,
) -> None:
    """Write the second-degree features of a record into a row of vectors."""
    now = max(time_ms, state.cells[state.meta[r, R_HEAD] + H_CLOCK2])
    cutoffs(now + offset_ms, scratch.cut)
    read_tiles(state, r, 1, scratch.cut, scratch.acc)
    block = BLOCK_SECOND + state.meta[r, R_KIND] - 1
    acc, dist, scalars = scratch.acc, scratch.dist, scratch.scalars
    evaluate(program, bounds, block, acc, dist, scalars, vectors, i)


@inner
def apply_second(
    state: State, r: int, time_ms: int, effects: int, offset_ms: int, cut: np.ndarray
) -> None:
    """Apply what the subscriber's step said about the event; ``cut`` as in ``apply_first``."""
    head, h = state.cells, state.meta[r, R_HEAD]
    head[h + H_CLOCK2] = max(head[h + H_CLOCK2], time_ms)
    if effects & E_COUNTED == 0 or effects & (E_NEW | E_TAINTED | E_PRESSED) == 0:
        return
    at = tile_at(state, r, 1, time_ms + offset_ms, cut)
    if at < 0:
        return
    if effects & E_NEW:
        state.cells[at + X_NEW] += 1
    if effects & E_TAINTED:
        state.cells[at + X_TAINTED] += 1
    if effects & E_PRESSED:
        state.cells[at + X_PRESSED] += 1
