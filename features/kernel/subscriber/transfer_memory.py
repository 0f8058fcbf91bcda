"""The transfers that a subscriber's record remembers, for duplicates, settlements and corrections."""

from features.catalog.semantics import N_TRANSFERS, REMEMBER_MS, SETTLED_KEPT, UNSETTLED_MS
from features.kernel.compilation import inner
from features.kernel.record_layout import SUBSCRIBER_HEAD as HEAD
from features.kernel.record_layout import T_OUT, T_SETTLED, TRANSFER
from features.kernel.record_state import Cursor

_STRIDE = len(TRANSFER)
_END = HEAD.transfers + N_TRANSFERS * _STRIDE


@inner
def is_live(c: Cursor, transfer: int) -> bool:
    """Whether the transfer at an index of the cells is still remembered; an empty place is not."""
    span_ms = REMEMBER_MS if c.cells[transfer + TRANSFER.state] & T_SETTLED else UNSETTLED_MS
    age_ms = c.cells[c.head + HEAD.clock] - c.cells[transfer + TRANSFER.begun_at]
    return c.cells[transfer + TRANSFER.subject_id] != 0 and age_ms <= span_ms


@inner
def find_transfer(c: Cursor, subject_id: int) -> int:
    """Index of a remembered transfer, or -1."""
    for transfer in range(c.head + HEAD.transfers, c.head + _END, _STRIDE):
        if c.cells[transfer + TRANSFER.subject_id] == subject_id and is_live(c, transfer):
            return transfer
    return -1


@inner
def place_of_transfer(c: Cursor) -> int:
    """Place for a transfer: that of the oldest settled one if enough of them are kept, else a free one,
    else that of the oldest settled one, else of the oldest.

    The order depends on contents (the lower subject on a tie) and never on places, because packing frees
    places earlier than a run does.
    """
    cells, free, first, settled = c.cells, -1, -1, 0
    for transfer in range(c.head + HEAD.transfers, c.head + _END, _STRIDE):
        if not is_live(c, transfer):
            free = transfer
            continue
        settled += 1 if cells[transfer + TRANSFER.state] & T_SETTLED else 0
        if first < 0 or _is_evicted_before(c, transfer, first):
            first = transfer
    if free >= 0 and settled < SETTLED_KEPT:
        return free
    if cells[first + TRANSFER.state] & T_SETTLED == 0:
        out = cells[first + TRANSFER.state] & T_OUT
        lost = c.head + (HEAD.out_lost_at if out else HEAD.in_lost_at)
        cells[lost] = max(cells[lost], cells[first + TRANSFER.begun_at])
    return first


@inner
def _is_evicted_before(c: Cursor, transfer: int, other: int) -> bool:
    cells = c.cells
    settled = cells[transfer + TRANSFER.state] & T_SETTLED
    other_settled = cells[other + TRANSFER.state] & T_SETTLED
    if settled != other_settled:
        return settled > other_settled
    begun_at, other_begun_at = cells[transfer + TRANSFER.begun_at], cells[other + TRANSFER.begun_at]
    if begun_at != other_begun_at:
        return begun_at < other_begun_at
    return cells[transfer + TRANSFER.subject_id] < cells[other + TRANSFER.subject_id]
