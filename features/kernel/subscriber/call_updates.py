"""What a call changes in its subscriber's record: sums, pairs, the calls remembered, corrections."""

from features.catalog.channels import NUMBERS
from features.catalog.channels import SUBSCRIBER_TILE as TILE
from features.catalog.semantics import (
    LONG_CALL_S,
    N_CALLS,
    N_OPEN_CALLS,
    REMEMBER_MS,
    SECOND_MS,
    SUSPECT_LEVEL,
)
from features.kernel.compilation import inner
from features.kernel.pairs import short_id, touch_pair
from features.kernel.record_layout import (
    BITS_CALLED_IN,
    BITS_LEVEL,
    OPEN_CALL,
    PAIR,
    PAIR_BITS,
    PAST_CALL,
    STATE_UNANSWERED,
)
from features.kernel.record_layout import SUBSCRIBER_HEAD as HEAD
from features.kernel.record_state import Context, Cursor, clear
from features.kernel.subscriber.stage import CONTACT, LONG_CALL, advance
from features.kernel.tiles import is_night, tile_at
from features.kinds import ANSWERED, INBOUND, REVISION_SHIFT

_OPEN_STRIDE, _PAST_STRIDE = len(OPEN_CALL), len(PAST_CALL)
_OPEN_END = HEAD.open_calls + N_OPEN_CALLS * _OPEN_STRIDE
_PAST_END = HEAD.calls + N_CALLS * _PAST_STRIDE


@inner
def apply_call_start(c: Cursor, context: Context) -> bool:
    """Apply a call's start; True if it is the first sight of the call."""
    cells, subject_id = c.cells, short_id(c.subject)
    for call in range(c.head + HEAD.open_calls, c.head + _OPEN_END, _OPEN_STRIDE):
        if cells[call + OPEN_CALL.subject_id] == subject_id:
            return False
    if _find_past_call(c, subject_id) >= 0:
        return False  # its end came first
    call = _place_of_open_call(c)
    cells[call + OPEN_CALL.subject_id] = subject_id
    cells[call + OPEN_CALL.number_id] = short_id(c.counterparty)
    cells[call + OPEN_CALL.start_at] = c.time_ms
    cells[call + OPEN_CALL.level] = context.level
    _count_call(c, context)
    return True


@inner
def apply_call_end(c: Cursor, context: Context) -> bool:
    """Apply a call's end; True if it is the first sight of the call."""
    cells, subject_id, level = c.cells, short_id(c.subject), context.level
    unanswered = 0 if c.flags & ANSWERED else 1
    talk_seconds = 0 if unanswered else c.duration_ms // SECOND_MS
    revision = c.flags >> REVISION_SHIFT
    call = _find_past_call(c, subject_id)
    if call >= 0:
        if revision > cells[call + PAST_CALL.revision]:
            _correct_call(c, call, talk_seconds, unanswered)
        return False
    first_sight = True
    for opened in range(c.head + HEAD.open_calls, c.head + _OPEN_END, _OPEN_STRIDE):
        if cells[opened + OPEN_CALL.subject_id] == subject_id:
            level, first_sight = cells[opened + OPEN_CALL.level], False
            clear(cells, opened, _OPEN_STRIDE)
    if first_sight:
        _count_call(c, context)
    else:
        _touch_number(c, level)
    call = _place_of_past_call(c)
    cells[call + PAST_CALL.subject_id] = subject_id
    cells[call + PAST_CALL.end_at] = c.time_ms
    cells[call + PAST_CALL.talk_seconds] = talk_seconds
    cells[call + PAST_CALL.revision] = revision
    cells[call + PAST_CALL.state] = level + unanswered * STATE_UNANSWERED
    _count_talk(c, c.time_ms, level, talk_seconds, unanswered)
    _note_hangup(c, level, talk_seconds)
    return first_sight


@inner
def _find_past_call(c: Cursor, subject_id: int) -> int:
    """Index of a remembered call, or -1."""
    horizon = c.cells[c.head + HEAD.clock] - REMEMBER_MS
    for call in range(c.head + HEAD.calls, c.head + _PAST_END, _PAST_STRIDE):
        found = c.cells[call + PAST_CALL.subject_id] == subject_id
        if found and c.cells[call + PAST_CALL.end_at] >= horizon:
            return call
    return -1


@inner
def _place_of_past_call(c: Cursor) -> int:
    """Place for an ended call: a free one, or that of the call that ended first.

    On a tie the lower subject goes, whatever its place; ``transfers._place`` states why.
    """
    cells, best = c.cells, c.head + HEAD.calls
    horizon = cells[c.head + HEAD.clock] - REMEMBER_MS
    for call in range(c.head + HEAD.calls, c.head + _PAST_END, _PAST_STRIDE):
        end_at, best_end_at = cells[call + PAST_CALL.end_at], cells[best + PAST_CALL.end_at]
        if end_at < horizon:
            return call
        subject_id = cells[call + PAST_CALL.subject_id]
        lower = subject_id < cells[best + PAST_CALL.subject_id]
        if end_at < best_end_at or (end_at == best_end_at and lower):
            best = call
    return best


@inner
def _place_of_open_call(c: Cursor) -> int:
    """Place for a call that starts: a free one, else that of the oldest (the first on a tie)."""
    best = c.head + HEAD.open_calls
    for call in range(c.head + HEAD.open_calls, c.head + _OPEN_END, _OPEN_STRIDE):
        if c.cells[call + OPEN_CALL.start_at] < c.cells[best + OPEN_CALL.start_at]:
            best = call
    return best


@inner
def _count_call(c: Cursor, context: Context) -> None:
    """Count a call at its first sight."""
    cells, inbound = c.cells, c.flags & INBOUND != 0
    if context.level >= SUSPECT_LEVEL:
        advance(c, CONTACT)
    pair = _touch_number(c, context.level)
    if pair >= 0:
        cells[pair + PAIR.count] += 1
    local_ms = c.time_ms + c.offset_ms
    tile = tile_at(c, 0, local_ms)
    if tile < 0:
        return
    cells[tile + (TILE.calls_in if inbound else TILE.calls_out)] += 1
    if inbound and context.is_new:
        cells[tile + TILE.calls_new_number] += 1
    if is_night(local_ms):
        cells[tile + TILE.night_events] += 1


@inner
def _touch_number(c: Cursor, level: int) -> int:
    """Note a contact with a number and the suspicion of the call; index of the pair or -1."""
    pair = touch_pair(c, NUMBERS, short_id(c.counterparty))
    if pair < 0:
        return -1
    bits = c.cells[pair + PAIR_BITS]
    if c.flags & INBOUND:
        bits |= BITS_CALLED_IN
    if level >= SUSPECT_LEVEL and level > bits & BITS_LEVEL:
        bits = bits & ~BITS_LEVEL | level
    c.cells[pair + PAIR_BITS] = bits
    return pair


@inner
def _note_hangup(c: Cursor, level: int, talk_seconds: int) -> None:
    cells, head = c.cells, c.head
    if c.time_ms >= cells[head + HEAD.hangup_at]:
        cells[head + HEAD.hangup_at] = c.time_ms
        cells[head + HEAD.hangup_talk_seconds] = talk_seconds
        cells[head + HEAD.hangup_level] = level
    if level < SUSPECT_LEVEL:
        return
    suspect_hangup_at = max(c.time_ms, cells[head + HEAD.suspect_hangup_at])
    cells[head + HEAD.suspect_hangup_at] = suspect_hangup_at
    if talk_seconds >= LONG_CALL_S:
        advance(c, LONG_CALL)


@inner
def _count_talk(c: Cursor, end_ms: int, level: int, talk_seconds: int, unanswered: int) -> None:
    """Add the talk of a call (or a difference) to the tile of its end."""
    tile = tile_at(c, 0, end_ms + c.offset_ms)
    if tile < 0:
        return
    c.cells[tile + TILE.talk_seconds] += talk_seconds
    c.cells[tile + TILE.calls_unanswered] += unanswered
    if level >= SUSPECT_LEVEL:
        c.cells[tile + TILE.suspect_talk_seconds] += talk_seconds


@inner
def _correct_call(c: Cursor, call: int, talk_seconds: int, unanswered: int) -> None:
    """A newer revision of a CDR: the difference is added where the call was counted."""
    cells = c.cells
    was_unanswered = 1 if cells[call + PAST_CALL.state] >= STATE_UNANSWERED else 0
    level = cells[call + PAST_CALL.state] % STATE_UNANSWERED
    end_ms = cells[call + PAST_CALL.end_at]
    more_seconds = talk_seconds - cells[call + PAST_CALL.talk_seconds]
    _count_talk(c, end_ms, level, more_seconds, unanswered - was_unanswered)
    cells[call + PAST_CALL.talk_seconds] = talk_seconds
    cells[call + PAST_CALL.revision] = c.flags >> REVISION_SHIFT
    cells[call + PAST_CALL.state] = level + unanswered * STATE_UNANSWERED
    if end_ms == cells[c.head + HEAD.hangup_at]:
        cells[c.head + HEAD.hangup_talk_seconds] = talk_seconds
