"""What an event changes in the records of its number, account and device.

Fields of first degree depend on the event alone. Fields of second degree also depend on what the
subscriber's record says of the event, and no subscriber's record reads them. That is why a lost race can be
applied again, and why whole histories can be computed in three parallel phases.
"""

from features.catalog.channels import ACCOUNT_TILE, CONTACT_TILE, DEVICE_TILE, NUMBER_TILE
from features.catalog.semantics import (
    N_CASES_SHARED,
    N_SEEN,
    SECOND_MS,
    SHORT_CALL_S,
)
from features.kernel import verdicts
from features.kernel.compilation import inner
from features.kernel.pairs import short_id, touch_pair
from features.kernel.record_layout import E_COUNTED, E_NEW, E_PRESSED, E_TAINTED
from features.kernel.record_layout import SHARED_HEAD as HEAD
from features.kernel.record_state import Cursor
from features.kernel.tiles import clear_channel, tile_at
from features.kinds import ANSWERED, INBOUND, REVISION_SHIFT, EventKind

_NUMBER, _ACCOUNT, _DEVICE = 1, 2, 3
_STARTED = int(EventKind.CALL_STARTED)
_OUT_ATTEMPTED, _OUT_COMPLETED = int(EventKind.OUT_ATTEMPTED), int(EventKind.OUT_COMPLETED)
_OUT_REVERSED, _IN_ATTEMPTED = int(EventKind.OUT_REVERSED), int(EventKind.IN_ATTEMPTED)
_IN_COMPLETED, _IN_REVERSED = int(EventKind.IN_COMPLETED), int(EventKind.IN_REVERSED)
_OUTCOME = int(EventKind.OUTCOME)
KIND_MIX = 0x9E3779B97F4A7C15 - (1 << 64)
"""An odd multiplier that spreads the kinds: the ids of a call's start and end, or of a transfer's attempt and
completion, differ by it."""


@inner
def apply_first_degree(c: Cursor) -> None:
    """Apply what depends on the event alone. Of corrections, only those of outcomes change anything.

    ``c.cut`` holds the cutoffs of the record's clock with this event applied.
    """
    cells, head = c.cells, c.head
    cells[head + HEAD.clock] = max(cells[head + HEAD.clock], c.time_ms)
    if c.kind == _OUTCOME:
        _apply_outcome(c)
        return
    if not _is_first_sight(c):
        return
    paying = _OUT_ATTEMPTED <= c.kind < _IN_ATTEMPTED
    if c.entity == _DEVICE or paying or c.flags & INBOUND:
        touch_pair(c, 0, short_id(c.subscriber))
    if c.entity == _ACCOUNT:
        _note_receipt(c)
    tile = tile_at(c, 0, c.time_ms + c.offset_ms)
    if tile < 0:
        return
    if c.entity == _NUMBER:
        _count_call(c, tile)
    elif c.entity == _ACCOUNT:
        _count_transfer(c, tile)
    elif c.kind == _STARTED:
        cells[tile + DEVICE_TILE.calls] += 1
    elif c.kind == _OUT_ATTEMPTED:
        cells[tile + DEVICE_TILE.transfers] += 1
        cells[tile + DEVICE_TILE.amount] += c.amount


@inner
def _is_first_sight(c: Cursor) -> bool:
    """Whether a call or transfer is neither a producer's duplicate nor a correction; remembers it."""
    cells, head = c.cells, c.head
    if c.flags >> REVISION_SHIFT > 0:
        return False
    event_id = short_id(c.subject + c.kind * KIND_MIX)
    for j in range(N_SEEN):
        if cells[head + HEAD.seen + j] == event_id:
            return False
    cells[head + HEAD.seen + cells[head + HEAD.events] % N_SEEN] = event_id
    if cells[head + HEAD.events] == 0 or c.time_ms < cells[head + HEAD.first_at]:
        cells[head + HEAD.first_at] = c.time_ms
    cells[head + HEAD.events] += 1
    return True


@inner
def _apply_outcome(c: Cursor) -> None:
    """A case that names the record was closed or corrected; that is no activity of the record."""
    before = verdicts.record_verdict(c, c.head + HEAD.cases, N_CASES_SHARED)
    if before >= 0:
        verdict = verdicts.verdict_of(c.flags)
        verdicts.update_counts(c, c.head + HEAD.confirmed, before, verdict)
        if verdict == verdicts.VERDICT_CONFIRMED and before != verdict:
            tile = tile_at(c, 0, c.time_ms + c.offset_ms)
            if tile >= 0:
                c.cells[tile + confirmed_channel(c.entity)] += 1
        elif before == verdicts.VERDICT_CONFIRMED and c.cells[c.head + HEAD.confirmed] == 0:
            clear_channel(c, 0, confirmed_channel(c.entity))


@inner
def confirmed_channel(entity: int) -> int:
    """The channel that counts the confirmations of a kind of record."""
    if entity == _NUMBER:
        return int(NUMBER_TILE.confirmed)
    if entity == _ACCOUNT:
        return int(ACCOUNT_TILE.confirmed)
    return int(DEVICE_TILE.confirmed)


@inner
def contact_channel(entity: int) -> int:
    """The channel that counts the contacts of a kind of record, of which confirmations are a share."""
    if entity == _NUMBER:
        return int(NUMBER_TILE.ended)
    if entity == _ACCOUNT:
        return int(ACCOUNT_TILE.attempts)
    return int(DEVICE_TILE.transfers)


@inner
def _count_call(c: Cursor, tile: int) -> None:
    cells = c.cells
    if c.kind == _STARTED:
        cells[tile + NUMBER_TILE.started] += 1
        if c.flags & INBOUND == 0:
            cells[tile + NUMBER_TILE.started_back] += 1
        return
    cells[tile + NUMBER_TILE.ended] += 1
    if c.flags & INBOUND == 0:
        cells[tile + NUMBER_TILE.ended_back] += 1
    if c.flags & ANSWERED == 0:
        cells[tile + NUMBER_TILE.unanswered] += 1
        return
    talk_seconds = c.duration_ms // SECOND_MS
    cells[tile + NUMBER_TILE.talk_seconds] += talk_seconds
    if talk_seconds < SHORT_CALL_S:
        cells[tile + NUMBER_TILE.short] += 1


@inner
def _count_transfer(c: Cursor, tile: int) -> None:
    cells, amount = c.cells, c.amount
    if c.kind == _OUT_ATTEMPTED:
        cells[tile + ACCOUNT_TILE.attempts] += 1
        cells[tile + ACCOUNT_TILE.attempt_amount] += amount
        largest = max(cells[tile + ACCOUNT_TILE.max_attempt], amount)
        cells[tile + ACCOUNT_TILE.max_attempt] = largest
    elif c.kind == _OUT_COMPLETED:
        cells[tile + ACCOUNT_TILE.received] += 1
        cells[tile + ACCOUNT_TILE.received_amount] += amount
    elif c.kind <= _OUT_REVERSED or c.kind == _IN_REVERSED:
        cells[tile + ACCOUNT_TILE.refused] += 1
    elif c.kind == _IN_COMPLETED:
        cells[tile + ACCOUNT_TILE.paid] += 1
        cells[tile + ACCOUNT_TILE.paid_amount] += amount


@inner
def _note_receipt(c: Cursor) -> None:
    """Note a receipt; at a payment, the time since the last one, plus 1 ms so that 0 means none."""
    cells, head = c.cells, c.head
    received_at = cells[head + HEAD.received_at]
    if c.kind == _OUT_COMPLETED:
        cells[head + HEAD.received_at] = max(received_at, c.time_ms)
    elif c.kind == _IN_COMPLETED and 0 < received_at <= c.time_ms:
        cells[head + HEAD.onward_ms] = c.time_ms - received_at + 1


@inner
def apply_second_degree(c: Cursor, effects: int) -> None:
    """Apply what the subscriber's record says of the event.

    Args:
        c: ``c.cut`` holds the cutoffs of the record's clock with this event applied.
        effects: bits ``E_...``.
    """
    cells, head = c.cells, c.head
    cells[head + HEAD.clock2] = max(cells[head + HEAD.clock2], c.time_ms)
    if effects & E_COUNTED == 0 or effects & (E_NEW | E_TAINTED | E_PRESSED) == 0:
        return
    tile = tile_at(c, 1, c.time_ms + c.offset_ms)
    if tile < 0:
        return
    if effects & E_NEW:
        cells[tile + CONTACT_TILE.new] += 1
    if effects & E_TAINTED:
        cells[tile + CONTACT_TILE.tainted] += 1
    if effects & E_PRESSED:
        cells[tile + CONTACT_TILE.pressed] += 1
