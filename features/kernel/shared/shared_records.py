"""Shared records (numbers, accounts, devices): what an event reads of them and does to them.

Fields of first degree depend on the event alone. Fields of second degree also depend on what the
subscriber's step said about the event, and no subscriber's step reads them. That is why a lost race can be applied again, and why whole histories can be computed in three parallel phases.
"""

import numpy as np

from features.catalog.channels import ACCOUNT_TILE, CONTACT_TILE, DEVICE_TILE, NUMBER_TILE
from features.catalog.declaration import BLOCK_SECOND, BLOCK_SHARED
from features.catalog.schema import SHARED_SCALARS
from features.catalog.semantics import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    N_CASES_SHARED,
    N_SEEN,
    PAIR_CAPACITY,
    SECOND_MS,
    SHORT_CALL_S,
)
from features.kernel import pairs, verdicts
from features.kernel.compilation import inner
from features.kernel.program import evaluate
from features.kernel.record_layout import (
    BATCH,
    E_COUNTED,
    E_NEW,
    E_PRESSED,
    E_TAINTED,
    R_HEAD,
    R_KIND,
    R_PAIR_COUNT,
    R_PAIRS,
    R_SKETCH,
    R_SKETCH_ON,
)
from features.kernel.record_layout import SHARED_HEAD as HEAD
from features.kernel.record_state import Scratch, State, read_tiles, tile_at, touch_pair
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
    now = max(time_ms, head[h + HEAD.clock])
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
    known = head[h + HEAD.events] > 0
    s[SHARED_SCALARS.age_days] = (now - head[h + HEAD.first_at]) / DAY_MS if known else np.nan
    s[SHARED_SCALARS.idle_hours] = (now - head[h + HEAD.clock]) / HOUR_MS if known else np.nan
    s[SHARED_SCALARS.confirmed] = head[h + HEAD.confirmed]
    s[SHARED_SCALARS.cleared] = head[h + HEAD.cleared]
    confirmed_at = head[h + HEAD.confirmed_at]
    s[SHARED_SCALARS.confirmed_since_days] = (
        (now - confirmed_at) / DAY_MS if confirmed_at > 0 else np.nan
    )
    onward = head[h + HEAD.onward_ms]
    s[SHARED_SCALARS.onward_minutes] = (onward - 1) / MINUTE_MS if onward > 0 else np.nan
    received_at = head[h + HEAD.received_at]
    s[SHARED_SCALARS.receipt_since_minutes] = (
        (now - received_at) / MINUTE_MS if received_at > 0 else np.nan
    )
    block = BLOCK_SHARED + state.meta[r, R_KIND] - 1
    evaluate(program, bounds, block, scratch.acc, scratch.dist, s, vectors, i)


@inner
def _is_news(head: np.ndarray, h: int, b: np.ndarray, i: int) -> bool:
    """Whether a call or transfer is neither a producer's duplicate nor a correction; remembers it."""
    if b[i, BATCH.flags] >> REVISION_SHIFT > 0:
        return False
    seen = pairs.short_id(b[i, BATCH.subject] + b[i, BATCH.kind] * _KIND_MIX)
    for j in range(N_SEEN):
        if head[h + HEAD.seen + j] == seen:
            return False
    head[h + HEAD.seen + head[h + HEAD.events] % N_SEEN] = seen
    if head[h + HEAD.events] == 0 or b[i, BATCH.time_ms] < head[h + HEAD.first_at]:
        head[h + HEAD.first_at] = b[i, BATCH.time_ms]
    head[h + HEAD.events] += 1
    return True


@inner
def _outcome(head: np.ndarray, h: int, b: np.ndarray, i: int) -> None:
    """A case that names this one was closed or corrected; it is no sight of it."""
    flags, case = b[i, BATCH.flags], pairs.short_id(b[i, BATCH.subject])
    before = verdicts.record_verdict(head, h + HEAD.cases, N_CASES_SHARED, case, flags)
    if before >= 0:
        confirmed, cleared, confirmed_at = (
            h + HEAD.confirmed,
            h + HEAD.cleared,
            h + HEAD.confirmed_at,
        )
        verdict = verdicts.verdict_of(flags)
        verdicts.update_counts(
            head, confirmed, cleared, confirmed_at, before, verdict, b[i, BATCH.time_ms]
        )


@inner
def apply_first(
    state: State, r: int, b: np.ndarray, i: int, offset_ms: int, cut: np.ndarray
) -> None:
    """Apply what depends on the event alone. Of corrections, only those of outcomes change anything.

    ``cut`` holds the cutoffs of the record's clock with this event applied.
    """
    head, h = state.cells, state.meta[r, R_HEAD]
    kind, time_ms = b[i, BATCH.kind], b[i, BATCH.time_ms]
    head[h + HEAD.clock] = max(head[h + HEAD.clock], time_ms)
    if kind == _OUTCOME:
        _outcome(head, h, b, i)
        return
    if not _is_news(head, h, b, i):
        return
    entity = state.meta[r, R_KIND]
    paying = _OUT_ATTEMPTED <= kind < _IN_ATTEMPTED
    if entity == _DEVICE or paying or b[i, BATCH.flags] & INBOUND:
        subscriber = pairs.short_id(b[i, BATCH.subscriber])
        touch_pair(state, r, 0, subscriber, time_ms // MINUTE_MS)
    if entity == _ACCOUNT:
        _follow_money(head, h, kind, time_ms)
    at = tile_at(state, r, 0, time_ms + offset_ms, cut)
    if at < 0:
        return
    if entity == _NUMBER:
        _count_call(state.cells, at, kind, b[i, BATCH.flags], b[i, BATCH.duration_ms] // SECOND_MS)
    elif entity == _ACCOUNT:
        _count_transfer(state.cells, at, kind, b[i, BATCH.amount])
    elif kind == _STARTED:
        state.cells[at + DEVICE_TILE.calls] += 1
    elif kind == _OUT_ATTEMPTED:
        state.cells[at + DEVICE_TILE.transfers] += 1
        state.cells[at + DEVICE_TILE.amount] += b[i, BATCH.amount]


@inner
def _count_call(tiles: np.ndarray, at: int, kind: int, flags: int, talk_s: int) -> None:
    if kind == _STARTED:
        tiles[at + NUMBER_TILE.started] += 1
        if flags & INBOUND == 0:
            tiles[at + NUMBER_TILE.started_back] += 1
        return
    tiles[at + NUMBER_TILE.ended] += 1
    if flags & INBOUND == 0:
        tiles[at + NUMBER_TILE.ended_back] += 1
    if flags & ANSWERED == 0:
        tiles[at + NUMBER_TILE.unanswered] += 1
        return
    tiles[at + NUMBER_TILE.talk_seconds] += talk_s
    if talk_s < SHORT_CALL_S:
        tiles[at + NUMBER_TILE.short] += 1


@inner
def _count_transfer(tiles: np.ndarray, at: int, kind: int, amount: int) -> None:
    if kind == _OUT_ATTEMPTED:
        tiles[at + ACCOUNT_TILE.attempts] += 1
        tiles[at + ACCOUNT_TILE.attempt_amount] += amount
        tiles[at + ACCOUNT_TILE.max_attempt] = max(tiles[at + ACCOUNT_TILE.max_attempt], amount)
    elif kind == _OUT_COMPLETED:
        tiles[at + ACCOUNT_TILE.received] += 1
        tiles[at + ACCOUNT_TILE.received_amount] += amount
    elif kind <= _OUT_REVERSED or kind == _IN_REVERSED:
        tiles[at + ACCOUNT_TILE.refused] += 1
    elif kind == _IN_COMPLETED:
        tiles[at + ACCOUNT_TILE.paid] += 1
        tiles[at + ACCOUNT_TILE.paid_amount] += amount


@inner
def _follow_money(head: np.ndarray, h: int, kind: int, time_ms: int) -> None:
    """Time from the last receipt to the next payment, plus one so that 0 says "none"."""
    if kind == _OUT_COMPLETED:
        head[h + HEAD.received_at] = max(head[h + HEAD.received_at], time_ms)
    elif kind == _IN_COMPLETED and 0 < head[h + HEAD.received_at] <= time_ms:
        head[h + HEAD.onward_ms] = time_ms - head[h + HEAD.received_at] + 1


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
    now = max(time_ms, state.cells[state.meta[r, R_HEAD] + HEAD.clock2])
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
    head[h + HEAD.clock2] = max(head[h + HEAD.clock2], time_ms)
    if effects & E_COUNTED == 0 or effects & (E_NEW | E_TAINTED | E_PRESSED) == 0:
        return
    at = tile_at(state, r, 1, time_ms + offset_ms, cut)
    if at < 0:
        return
    if effects & E_NEW:
        state.cells[at + CONTACT_TILE.new] += 1
    if effects & E_TAINTED:
        state.cells[at + CONTACT_TILE.tainted] += 1
    if effects & E_PRESSED:
        state.cells[at + CONTACT_TILE.pressed] += 1
