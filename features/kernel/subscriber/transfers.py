"""What a transfer changes in its subscriber's record: sums, pairs, settlements and corrections."""

from features.catalog.channels import ACCOUNTS
from features.catalog.channels import SUBSCRIBER_TILE as TILE
from features.catalog.semantics import SETTLED_SOON_MS, UNSETTLED_MS
from features.kernel.compilation import inner
from features.kernel.pairs import find_pair, short_id, touch_pair
from features.kernel.record_layout import (
    PAIR,
    T_FUNDING,
    T_OUT,
    T_REFUSED,
    T_REVERSED,
    T_SETTLED,
    T_YOUNG,
    TRANSFER,
)
from features.kernel.record_layout import SUBSCRIBER_HEAD as HEAD
from features.kernel.record_state import Context, Cursor
from features.kernel.subscriber.stage import ESCALATING, FUNDING, NEW_PAYEE, advance
from features.kernel.subscriber.transfer_memory import find_transfer, place_of_transfer
from features.kernel.tiles import is_night, tile_at
from features.kinds import PURPOSE_SHIFT, PURPOSES, REVISION_SHIFT, EventKind

_OUT_ATTEMPTED, _IN_ATTEMPTED = int(EventKind.OUT_ATTEMPTED), int(EventKind.IN_ATTEMPTED)
_BLOCKED, _REVERSED = 2, 3  # status of a transfer, after attempted and completed
_LOAN, _REFUND = PURPOSES.index("loan"), PURPOSES.index("refund")
_SAVINGS_BREAK = PURPOSES.index("savings_break")


@inner
def apply_transfer(c: Cursor, context: Context) -> bool:
    """Apply a status of a transfer; True if it is the first sight of the transfer."""
    cells, out = c.cells, 1 if c.kind < _IN_ATTEMPTED else 0
    status = c.kind - (_OUT_ATTEMPTED if out else _IN_ATTEMPTED)
    # The two postings of a transfer between own accounts share a subject: keep them apart.
    subject_id = short_id(c.subject ^ (out << 31))
    revision = c.flags >> REVISION_SHIFT
    transfer = find_transfer(c, subject_id)
    if transfer >= 0:
        if revision > cells[transfer + TRANSFER.revision]:
            _correct_amount(c, transfer)
            cells[transfer + TRANSFER.revision] = revision
        _settle(c, transfer, status)
        return False
    if status > 0 and _may_be_evicted(c, out):
        if status >= _BLOCKED:
            _count_refused(c)
        return False
    purpose = c.flags >> PURPOSE_SHIFT & 15
    funding = out == 0 and purpose in (_LOAN, _SAVINGS_BREAK)
    bits = (T_OUT if out else 0) | (T_YOUNG if context.is_young else 0)
    bits |= T_FUNDING if funding else 0
    first_sight = status != _REVERSED  # a reversal that comes first has nothing to take back
    transfer = place_of_transfer(c)
    cells[transfer + TRANSFER.subject_id] = subject_id
    cells[transfer + TRANSFER.begun_at] = c.time_ms
    cells[transfer + TRANSFER.amount] = c.amount if first_sight else 0
    cells[transfer + TRANSFER.revision] = revision
    cells[transfer + TRANSFER.state] = bits if first_sight else bits | T_REVERSED
    if first_sight:
        _count_transfer(c, bits)
        _note_amount(c, bits, purpose)
    _settle(c, transfer, status)
    return first_sight


@inner
def _may_be_evicted(c: Cursor, out: int) -> bool:
    """Whether an unknown transfer may be one that was evicted unsettled, and is counted already."""
    lost_at = c.cells[c.head + (HEAD.out_lost_at if out else HEAD.in_lost_at)]
    return lost_at > 0 and c.cells[c.head + HEAD.clock] - lost_at <= UNSETTLED_MS


@inner
def _count_refused(c: Cursor) -> None:
    tile = tile_at(c, 0, c.time_ms + c.offset_ms)
    if tile >= 0:
        c.cells[tile + TILE.refused] += 1


@inner
def _count_transfer(c: Cursor, bits: int) -> None:
    """Count a transfer at its first sight, whatever its status."""
    cells, local_ms = c.cells, c.time_ms + c.offset_ms
    pair = touch_pair(c, ACCOUNTS, short_id(c.counterparty))
    if pair >= 0 and bits & T_OUT:
        cells[pair + PAIR.count] += 1
    tile = tile_at(c, 0, local_ms)
    if tile >= 0:
        cells[tile + (TILE.transfers_out if bits & T_OUT else TILE.transfers_in)] += 1
        if bits & T_OUT:
            cells[tile + TILE.max_out] = max(cells[tile + TILE.max_out], c.amount)
        if is_night(local_ms):
            cells[tile + TILE.night_events] += 1
    _add_amount(c, bits, c.time_ms, c.amount)


@inner
def _add_amount(c: Cursor, bits: int, begun_ms: int, amount: int) -> None:
    """Add an amount (or a difference) to the pair and to the tile of the transfer's beginning."""
    cells = c.cells
    if bits & T_OUT and c.counterparty != 0:
        pair = find_pair(c, ACCOUNTS, short_id(c.counterparty))
        if pair >= 0:
            cells[pair + PAIR.amount] += amount
    tile = tile_at(c, 0, begun_ms + c.offset_ms)
    if tile < 0:
        return
    if bits & T_OUT:
        cells[tile + TILE.out_amount] += amount
        if bits & T_YOUNG:
            cells[tile + TILE.out_young_payee_amount] += amount
    else:
        cells[tile + TILE.in_amount] += amount
        if bits & T_FUNDING:
            cells[tile + TILE.funding_amount] += amount


@inner
def _correct_amount(c: Cursor, transfer: int) -> None:
    """A newer revision of an amount: the difference is added where the transfer was counted."""
    cells, bits = c.cells, c.cells[transfer + TRANSFER.state]
    if bits & T_REVERSED:
        return
    more = c.amount - cells[transfer + TRANSFER.amount]
    _add_amount(c, bits, cells[transfer + TRANSFER.begun_at], more)
    cells[transfer + TRANSFER.amount] = c.amount


@inner
def _settle(c: Cursor, transfer: int, status: int) -> None:
    """Apply a later status: blocked or reversed counts once as refused, a reversal takes the amount back."""
    cells, bits = c.cells, c.cells[transfer + TRANSFER.state]
    begun_at = cells[transfer + TRANSFER.begun_at]
    if status > 0 and c.time_ms - begun_at <= SETTLED_SOON_MS:
        bits |= T_SETTLED
    if status >= _BLOCKED and bits & T_REFUSED == 0:
        _count_refused(c)
        bits |= T_REFUSED
    if status == _REVERSED and bits & T_REVERSED == 0:
        _add_amount(c, bits, begun_at, -cells[transfer + TRANSFER.amount])
        bits |= T_REVERSED
    cells[transfer + TRANSFER.state] = bits


@inner
def _note_amount(c: Cursor, bits: int, purpose: int) -> None:
    """Keep the latest amount by direction and purpose, and advance the stage."""
    cells, head = c.cells, c.head
    if bits & T_OUT:
        if bits & T_YOUNG:
            larger = c.amount > cells[head + HEAD.out_amount]
            escalates = larger and cells[head + HEAD.stage] >= NEW_PAYEE
            advance(c, ESCALATING if escalates else NEW_PAYEE)
        _keep_latest(c, HEAD.out_at, HEAD.out_amount)
        return
    _keep_latest(c, HEAD.in_at, HEAD.in_amount)
    if purpose == _REFUND:
        _keep_latest(c, HEAD.refund_at, HEAD.refund_amount)
        advance(c, FUNDING)
    elif bits & T_FUNDING:
        _keep_latest(c, HEAD.funding_at, HEAD.funding_amount)
        advance(c, FUNDING)


@inner
def _keep_latest(c: Cursor, time_field: int, amount_field: int) -> None:
    if c.time_ms >= c.cells[c.head + time_field]:
        c.cells[c.head + time_field] = c.time_ms
        c.cells[c.head + amount_field] = c.amount
