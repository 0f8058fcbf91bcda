"""What a transfer does to its subscriber's record: sums, pairs, settlements and corrections."""

import numpy as np

from features.catalog.channels import ACCOUNTS
from features.catalog.channels import SUBSCRIBER_TILE as TILE
from features.catalog.semantics import (
    MINUTE_MS,
    N_TRANSFERS,
    REMEMBER_MS,
    SETTLED_KEPT,
    SETTLED_SOON_MS,
    UNSETTLED_MS,
)
from features.kernel import pairs
from features.kernel.compilation import inner
from features.kernel.record_layout import (
    BATCH,
    PAIR,
    R_HEAD,
    T_FUNDING,
    T_OUT,
    T_REFUSED,
    T_REVERSED,
    T_SETTLED,
    T_YOUNG,
    TRANSFER,
)
from features.kernel.record_layout import SUBSCRIBER_HEAD as HEAD
from features.kernel.record_state import State, find_pair, tile_at, touch_pair
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
    out = 1 if b[i, BATCH.kind] < _IN_ATTEMPTED else 0
    status = b[i, BATCH.kind] - (_OUT_ATTEMPTED if out else _IN_ATTEMPTED)
    # The two postings of a transfer between own accounts share a subject: keep them apart.
    subject = pairs.short_id(b[i, BATCH.subject] ^ (out << 31))
    amount, time_ms = b[i, BATCH.amount], b[i, BATCH.time_ms]
    revision = b[i, BATCH.flags] >> REVISION_SHIFT
    move = _remembered(head, h, subject)
    if move >= 0:
        if revision > head[move + TRANSFER.revision]:
            _correct_amount(state, r, b, i, move, amount, offset_ms, cut)
            head[move + TRANSFER.revision] = revision
        _settle(state, r, b, i, move, status, offset_ms, cut)
        return False
    if status > 0 and _was_lost(head, h, out):
        if status >= _BLOCKED:
            _refuse(state, r, time_ms + offset_ms, cut)
        return False
    purpose = b[i, BATCH.flags] >> PURPOSE_SHIFT & 15
    fund = out == 0 and purpose in (_LOAN, _SAVINGS_BREAK)
    bits = (T_OUT if out else 0) | (T_YOUNG if young else 0) | (T_FUNDING if fund else 0)
    first_sight = status != _REVERSED  # one that comes first leaves nothing to be taken back
    move = _place(head, h)
    head[move + TRANSFER.subject_id] = subject
    head[move + TRANSFER.begun_at] = time_ms
    head[move + TRANSFER.amount] = amount if first_sight else 0
    head[move + TRANSFER.revision] = revision
    head[move + TRANSFER.state] = bits if first_sight else bits | T_REVERSED
    if first_sight:
        _count_transfer(state, r, b, i, bits, offset_ms, cut)
        _money_moved(head, h, time_ms, amount, bits, purpose)
    _settle(state, r, b, i, move, status, offset_ms, cut)
    return first_sight


@inner
def is_live(head: np.ndarray, move: int, clock: int) -> bool:
    """Whether a transfer is still remembered; an empty place is not."""
    span = REMEMBER_MS if head[move + TRANSFER.state] & T_SETTLED else UNSETTLED_MS
    return head[move + TRANSFER.subject_id] != 0 and clock - head[move + TRANSFER.begun_at] <= span


@inner
def _remembered(head: np.ndarray, h: int, subject: int) -> int:
    for move in range(
        h + HEAD.transfers, h + HEAD.transfers + N_TRANSFERS * len(TRANSFER), len(TRANSFER)
    ):
        if head[move + TRANSFER.subject_id] == subject and is_live(
            head, move, head[h + HEAD.clock]
        ):
            return move
    return -1


@inner
def _was_lost(head: np.ndarray, h: int, out: int) -> bool:
    """Whether an unknown transfer in flight may be one that had to make way, and is counted already."""
    lost_at = head[h + (HEAD.out_lost_at if out else HEAD.in_lost_at)]
    return lost_at > 0 and head[h + HEAD.clock] - lost_at <= UNSETTLED_MS


@inner
def _refuse(state: State, r: int, local_ms: int, cut: np.ndarray) -> None:
    at = tile_at(state, r, 0, local_ms, cut)
    if at >= 0:
        state.cells[at + TILE.refused] += 1


@inner
def _goes_before(head: np.ndarray, move: int, other: int) -> bool:
    """Whether one remembered transfer makes way before another."""
    settled, other_settled = (
        head[move + TRANSFER.state] & T_SETTLED,
        head[other + TRANSFER.state] & T_SETTLED,
    )
    if settled != other_settled:
        return settled > other_settled
    if head[move + TRANSFER.begun_at] != head[other + TRANSFER.begun_at]:
        return head[move + TRANSFER.begun_at] < head[other + TRANSFER.begun_at]
    return head[move + TRANSFER.subject_id] < head[other + TRANSFER.subject_id]


@inner
def _place(head: np.ndarray, h: int) -> int:
    """Room for a transfer: that of the oldest settled one if enough of them are kept, else a free
    place, else that of the oldest settled one, else of the oldest.

    The order is one of contents (the lower subject on a tie) and never of places, because packing
    frees places earlier than a run does.
    """
    clock, free, best, settled = head[h + HEAD.clock], -1, -1, 0
    for move in range(
        h + HEAD.transfers, h + HEAD.transfers + N_TRANSFERS * len(TRANSFER), len(TRANSFER)
    ):
        if not is_live(head, move, clock):
            free = move
            continue
        settled += 1 if head[move + TRANSFER.state] & T_SETTLED else 0
        if best < 0 or _goes_before(head, move, best):
            best = move
    if free >= 0 and settled < SETTLED_KEPT:
        return free
    if head[best + TRANSFER.state] & T_SETTLED == 0:
        lost = h + (HEAD.out_lost_at if head[best + TRANSFER.state] & T_OUT else HEAD.in_lost_at)
        head[lost] = max(head[lost], head[best + TRANSFER.begun_at])
    return best


@inner
def _count_transfer(
    state: State, r: int, b: np.ndarray, i: int, bits: int, offset_ms: int, cut: np.ndarray
) -> None:
    """Count a transfer at its first sight, whatever its status."""
    time_ms, amount = b[i, BATCH.time_ms], b[i, BATCH.amount]
    account = pairs.short_id(b[i, BATCH.counterparty])
    pair = touch_pair(state, r, ACCOUNTS, account, time_ms // MINUTE_MS)
    if pair >= 0 and bits & T_OUT:
        state.cells[pair + PAIR.count] += 1
    at = tile_at(state, r, 0, time_ms + offset_ms, cut)
    if at >= 0:
        state.cells[at + (TILE.transfers_out if bits & T_OUT else TILE.transfers_in)] += 1
        if bits & T_OUT:
            state.cells[at + TILE.max_out] = max(state.cells[at + TILE.max_out], amount)
        if is_night(time_ms + offset_ms):
            state.cells[at + TILE.night_events] += 1
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
    if bits & T_OUT and b[i, BATCH.counterparty] != 0:
        pair = find_pair(state, r, ACCOUNTS, pairs.short_id(b[i, BATCH.counterparty]))
        if pair >= 0:
            state.cells[pair + PAIR.amount] += amount
    at = tile_at(state, r, 0, local_ms, cut)
    if at < 0:
        return
    if bits & T_OUT:
        state.cells[at + TILE.out_amount] += amount
        if bits & T_YOUNG:
            state.cells[at + TILE.out_young_payee_amount] += amount
    else:
        state.cells[at + TILE.in_amount] += amount
        if bits & T_FUNDING:
            state.cells[at + TILE.funding_amount] += amount


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
    if head[move + TRANSFER.state] & T_REVERSED:
        return
    more, local_ms = (
        amount - head[move + TRANSFER.amount],
        head[move + TRANSFER.begun_at] + offset_ms,
    )
    _add_amount(state, r, b, i, head[move + TRANSFER.state], local_ms, more, cut)
    head[move + TRANSFER.amount] = amount


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
    bits = head[move + TRANSFER.state]
    if status > 0 and b[i, BATCH.time_ms] - head[move + TRANSFER.begun_at] <= SETTLED_SOON_MS:
        bits |= T_SETTLED
    if status >= _BLOCKED and bits & T_REFUSED == 0:
        _refuse(state, r, b[i, BATCH.time_ms] + offset_ms, cut)
        bits |= T_REFUSED
    if status == _REVERSED and bits & T_REVERSED == 0:
        local_ms = head[move + TRANSFER.begun_at] + offset_ms
        _add_amount(state, r, b, i, bits, local_ms, -head[move + TRANSFER.amount], cut)
        bits |= T_REVERSED
    head[move + TRANSFER.state] = bits


@inner
def _money_moved(
    head: np.ndarray, h: int, time_ms: int, amount: int, bits: int, purpose: int
) -> None:
    """Last amounts by direction and purpose, and the stages that money makes."""
    if bits & T_OUT:
        if bits & T_YOUNG:
            escalates = head[h + HEAD.stage] >= NEW_PAYEE and amount > head[h + HEAD.out_amount]
            advance(head, h, ESCALATING if escalates else NEW_PAYEE)
        if time_ms >= head[h + HEAD.out_at]:
            head[h + HEAD.out_at] = time_ms
            head[h + HEAD.out_amount] = amount
        return
    if time_ms >= head[h + HEAD.in_at]:
        head[h + HEAD.in_at] = time_ms
        head[h + HEAD.in_amount] = amount
    if purpose == _REFUND:
        if time_ms >= head[h + HEAD.refund_at]:
            head[h + HEAD.refund_at] = time_ms
            head[h + HEAD.refund_amount] = amount
        advance(head, h, FUNDING)
    elif bits & T_FUNDING:
        if time_ms >= head[h + HEAD.funding_at]:
            head[h + HEAD.funding_at] = time_ms
            head[h + HEAD.funding_amount] = amount
        advance(head, h, FUNDING)
