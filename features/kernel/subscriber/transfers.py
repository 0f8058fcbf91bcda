"""What a transfer does to its subscriber's record: sums, pairs, settlements and corrections."""

import numpy as np

from features.kernel import pairs
from features.kernel.compilation import inner
from features.kernel.record_layout import (
    ACCOUNTS,
    B_AMOUNT,
    B_COUNTERPARTY,
    B_FLAGS,
    B_KIND,
    B_SUBJECT,
    B_TIME,
    H_CLOCK,
    H_FUND_AMOUNT,
    H_FUND_AT,
    H_IN_AMOUNT,
    H_IN_AT,
    H_IN_LOST_AT,
    H_MOVES,
    H_OUT_AMOUNT,
    H_OUT_AT,
    H_OUT_LOST_AT,
    H_REFUND_AMOUNT,
    H_REFUND_AT,
    H_STAGE,
    M_AMOUNT,
    M_FUND,
    M_OUT,
    M_REFUSED,
    M_REVERSED,
    M_REVISION,
    M_SETTLED,
    M_STATE,
    M_SUBJECT,
    M_TIME,
    M_YOUNG,
    MOVE_STRIDE,
    P_AMOUNT,
    P_COUNT,
    R_HEAD,
    S_FUND_AMOUNT,
    S_IN,
    S_IN_AMOUNT,
    S_MAX_OUT,
    S_NIGHT,
    S_OUT,
    S_OUT_AMOUNT,
    S_REFUSED,
    S_YOUNG_AMOUNT,
)
from features.kernel.record_state import State, find_pair, tile_at, touch_pair
from features.kernel.semantics import (
    MINUTE_MS,
    N_MOVES,
    REMEMBER_MS,
    SETTLED_KEPT,
    SETTLED_SOON_MS,
    UNSETTLED_MS,
)
from features.kernel.subscriber.stage import ESCALATING, FUNDING, NEW_PAYEE, advance
from features.kernel.tiles import is_night
from features.kinds import PURPOSE_SHIFT, PURPOSES, REVISION_SHIFT, EventKind

_OUT_ATTEMPTED, _IN_ATTEMPTED = int(EventKind.OUT_ATTEMPTED), int(EventKind.IN_ATTEMPTED)
_BLOCKED, _REVERSED = 2, 3  # status of a transfer, after attempted and completed
_LOAN, _REFUND = PURPOSES.index("loan"), PURPOSES.index("refund")
_SAVINGS_BREAK = PURPOSES.index("savings_break")


@inner
def transfer(
    state: State, r: int, b: np.ndarray, i: int, offset_ms: int, young: bool, cut: np.ndarray
) -> bool:
    """Apply a status of a transfer; True if it is the first sight of it."""
    head, h = state.cells, state.meta[r, R_HEAD]
    out = 1 if b[i, B_KIND] < _IN_ATTEMPTED else 0
    status = b[i, B_KIND] - (_OUT_ATTEMPTED if out else _IN_ATTEMPTED)
    # The two postings of a transfer between own accounts share a subject: keep them apart.
    subject = pairs.short_id(b[i, B_SUBJECT] ^ (out << 31))
    amount, time_ms = b[i, B_AMOUNT], b[i, B_TIME]
    revision = b[i, B_FLAGS] >> REVISION_SHIFT
    move = _remembered(head, h, subject)
    if move >= 0:
        if revision > head[move + M_REVISION]:
            _correct_amount(state, r, b, i, move, amount, offset_ms, cut)
            head[move + M_REVISION] = revision
        _settle(state, r, b, i, move, status, offset_ms, cut)
        return False
    if status > 0 and _was_lost(head, h, out):
        if status >= _BLOCKED:
            _refuse(state, r, time_ms + offset_ms, cut)
        return False
    purpose = b[i, B_FLAGS] >> PURPOSE_SHIFT & 15
    fund = out == 0 and purpose in (_LOAN, _SAVINGS_BREAK)
    bits = (M_OUT if out else 0) | (M_YOUNG if young else 0) | (M_FUND if fund else 0)
    first_sight = status != _REVERSED  # one that comes first leaves nothing to be taken back
    move = _place(head, h)
    head[move + M_SUBJECT] = subject
    head[move + M_TIME] = time_ms
    head[move + M_AMOUNT] = amount if first_sight else 0
    head[move + M_REVISION] = revision
    head[move + M_STATE] = bits if first_sight else bits | M_REVERSED
    if first_sight:
        _count_transfer(state, r, b, i, bits, offset_ms, cut)
        _money_moved(head, h, time_ms, amount, bits, purpose)
    _settle(state, r, b, i, move, status, offset_ms, cut)
    return first_sight


@inner
def is_live(head: np.ndarray, move: int, clock: int) -> bool:
    """Whether a transfer is still remembered; an empty place is not."""
    span = REMEMBER_MS if head[move + M_STATE] & M_SETTLED else UNSETTLED_MS
    return head[move + M_SUBJECT] != 0 and clock - head[move + M_TIME] <= span


@inner
def _remembered(head: np.ndarray, h: int, subject: int) -> int:
    for move in range(h + H_MOVES, h + H_MOVES + N_MOVES * MOVE_STRIDE, MOVE_STRIDE):
        if head[move + M_SUBJECT] == subject and is_live(head, move, head[h + H_CLOCK]):
            return move
    return -1


@inner
def _was_lost(head: np.ndarray, h: int, out: int) -> bool:
    """Whether an unknown transfer in flight may be one that had to make way, and is counted already."""
    lost_at = head[h + (H_OUT_LOST_AT if out else H_IN_LOST_AT)]
    return lost_at > 0 and head[h + H_CLOCK] - lost_at <= UNSETTLED_MS


@inner
def _refuse(state: State, r: int, local_ms: int, cut: np.ndarray) -> None:
    at = tile_at(state, r, 0, local_ms, cut)
    if at >= 0:
        state.cells[at + S_REFUSED] += 1


@inner
def _goes_before(head: np.ndarray, move: int, other: int) -> bool:
    """Whether one remembered transfer makes way before another."""
    settled, other_settled = head[move + M_STATE] & M_SETTLED, head[other + M_STATE] & M_SETTLED
    if settled != other_settled:
        return settled > other_settled
    if head[move + M_TIME] != head[other + M_TIME]:
        return head[move + M_TIME] < head[other + M_TIME]
    return head[move + M_SUBJECT] < head[other + M_SUBJECT]


@inner
def _place(head: np.ndarray, h: int) -> int:
    """Room for a transfer: that of the oldest settled one if enough of them are kept, else a free
    place, else that of the oldest settled one, else of the oldest.

    The order is one of contents (the lower subject on a tie) and never of places, because packing
    frees places earlier than a run does.
    """
    clock, free, best, settled = head[h + H_CLOCK], -1, -1, 0
    for move in range(h + H_MOVES, h + H_MOVES + N_MOVES * MOVE_STRIDE, MOVE_STRIDE):
        if not is_live(head, move, clock):
            free = move
            continue
        settled += 1 if head[move + M_STATE] & M_SETTLED else 0
        if best < 0 or _goes_before(head, move, best):
            best = move
    if free >= 0 and settled < SETTLED_KEPT:
        return free
    if head[best + M_STATE] & M_SETTLED == 0:
        lost = h + (H_OUT_LOST_AT if head[best + M_STATE] & M_OUT else H_IN_LOST_AT)
        head[lost] = max(head[lost], head[best + M_TIME])
    return best


@inner
def _count_transfer(
    state: State, r: int, b: np.ndarray, i: int, bits: int, offset_ms: int, cut: np.ndarray
) -> None:
    """Count a transfer at its first sight, whatever its status."""
    time_ms, amount = b[i, B_TIME], b[i, B_AMOUNT]
    account = pairs.short_id(b[i, B_COUNTERPARTY])
    pair = touch_pair(state, r, ACCOUNTS, account, time_ms // MINUTE_MS)
    if pair >= 0 and bits & M_OUT:
        state.cells[pair + P_COUNT] += 1
    at = tile_at(state, r, 0, time_ms + offset_ms, cut)
    if at >= 0:
        state.cells[at + (S_OUT if bits & M_OUT else S_IN)] += 1
        if bits & M_OUT:
            state.cells[at + S_MAX_OUT] = max(state.cells[at + S_MAX_OUT], amount)
        if is_night(time_ms + offset_ms):
            state.cells[at + S_NIGHT] += 1
    _add_amount(state, r, b, i, bits, time_ms + offset_ms, amount, cut)


@inner
def _add_amount(
    state: State,
    r: int,
    b: np.ndarray,
    i: int,
    bits: int,
    local_ms: int,
    amount: int,
    cut: np.ndarray,
) -> None:
    """Add an amount (or a difference) to the tile of a local time and to the pair."""
    if bits & M_OUT and b[i, B_COUNTERPARTY] != 0:
        pair = find_pair(state, r, ACCOUNTS, pairs.short_id(b[i, B_COUNTERPARTY]))
        if pair >= 0:
            state.cells[pair + P_AMOUNT] += amount
    at = tile_at(state, r, 0, local_ms, cut)
    if at < 0:
        return
    if bits & M_OUT:
        state.cells[at + S_OUT_AMOUNT] += amount
        if bits & M_YOUNG:
            state.cells[at + S_YOUNG_AMOUNT] += amount
    else:
        state.cells[at + S_IN_AMOUNT] += amount
        if bits & M_FUND:
            state.cells[at + S_FUND_AMOUNT] += amount


@inner
def _correct_amount(
    state: State,
    r: int,
    b: np.ndarray,
    i: int,
    move: int,
    amount: int,
    offset_ms: int,
    cut: np.ndarray,
) -> None:
    """A newer revision of an amount: the difference goes where the transfer was counted."""
    head = state.cells
    if head[move + M_STATE] & M_REVERSED:
        return
    more, local_ms = amount - head[move + M_AMOUNT], head[move + M_TIME] + offset_ms
    _add_amount(state, r, b, i, head[move + M_STATE], local_ms, more, cut)
    head[move + M_AMOUNT] = amount


@inner
def _settle(
    state: State,
    r: int,
    b: np.ndarray,
    i: int,
    move: int,
    status: int,
    offset_ms: int,
    cut: np.ndarray,
) -> None:
    """Completed: nothing but that it is settled. Blocked or reversed: counted once as refused; a
    reversal takes the amount back."""
    head = state.cells
    bits = head[move + M_STATE]
    if status > 0 and b[i, B_TIME] - head[move + M_TIME] <= SETTLED_SOON_MS:
        bits |= M_SETTLED
    if status >= _BLOCKED and bits & M_REFUSED == 0:
        _refuse(state, r, b[i, B_TIME] + offset_ms, cut)
        bits |= M_REFUSED
    if status == _REVERSED and bits & M_REVERSED == 0:
        local_ms = head[move + M_TIME] + offset_ms
        _add_amount(state, r, b, i, bits, local_ms, -head[move + M_AMOUNT], cut)
        bits |= M_REVERSED
    head[move + M_STATE] = bits


@inner
def _money_moved(
    head: np.ndarray, h: int, time_ms: int, amount: int, bits: int, purpose: int
) -> None:
    """Last amounts by direction and purpose, and the stages that money makes."""
    if bits & M_OUT:
        if bits & M_YOUNG:
            escalates = head[h + H_STAGE] >= NEW_PAYEE and amount > head[h + H_OUT_AMOUNT]
            advance(head, h, ESCALATING if escalates else NEW_PAYEE)
        if time_ms >= head[h + H_OUT_AT]:
            head[h + H_OUT_AT] = time_ms
            head[h + H_OUT_AMOUNT] = amount
        return
    if time_ms >= head[h + H_IN_AT]:
        head[h + H_IN_AT] = time_ms
        head[h + H_IN_AMOUNT] = amount
    if purpose == _REFUND:
        if time_ms >= head[h + H_REFUND_AT]:
            head[h + H_REFUND_AT] = time_ms
            head[h + H_REFUND_AMOUNT] = amount
        advance(head, h, FUNDING)
    elif bits & M_FUND:
        if time_ms >= head[h + H_FUND_AT]:
            head[h + H_FUND_AT] = time_ms
            head[h + H_FUND_AMOUNT] = amount
        advance(head, h, FUNDING)
