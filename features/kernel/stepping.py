"""What an event does to its subscriber's record."""

import numpy as np

from features.kernel import pairs
from features.kernel.compilation import inner
from features.kernel.layout import (
    ACCOUNTS,
    B_AMOUNT,
    B_COUNTERPARTY,
    B_DURATION,
    B_FLAGS,
    B_KIND,
    B_SUBJECT,
    B_TIME,
    C_END,
    C_REVISION,
    C_STATE,
    C_STATE_UNANSWERED,
    C_SUBJECT,
    C_TALK_S,
    CALL_STRIDE,
    H_CALLS,
    H_CLOCK,
    H_DND_AT,
    H_DND_SET,
    H_EPISODE_AT,
    H_EVENTS,
    H_FIRST,
    H_FORWARDING_AT,
    H_FORWARDING_SET,
    H_FUND_AMOUNT,
    H_FUND_AT,
    H_HANGUP_AT,
    H_HANGUP_LEVEL,
    H_HANGUP_TALK_S,
    H_IN_AMOUNT,
    H_IN_AT,
    H_LINE_AT,
    H_MOVES,
    H_OPEN,
    H_OUT_AMOUNT,
    H_OUT_AT,
    H_REFUND_AMOUNT,
    H_REFUND_AT,
    H_STAGE,
    H_STAGE_AT,
    H_SUSPECT_HANGUP_AT,
    H_SUSPECT_LEVEL,
    H_TAINT_AT,
    H_VICTIM,
    H_VICTIM_AT,
    H_VICTIM_CLEARED,
    HOUR_MS,
    LONG_CALL_S,
    M_AMOUNT,
    M_FUND,
    M_OUT,
    M_REFUSED,
    M_REVERSED,
    M_REVISION,
    M_STATE,
    M_SUBJECT,
    M_TIME,
    M_YOUNG,
    MINUTE_MS,
    MOVE_STRIDE,
    N_CALLS,
    N_MOVES,
    N_OPEN,
    NIGHT_FROM_HOUR,
    NIGHT_TO_HOUR,
    NUMBERS,
    O_LEVEL,
    O_NUMBER,
    O_START,
    O_SUBJECT,
    OPEN_STRIDE,
    P_AMOUNT,
    P_COUNT,
    PAIR_CAPACITY,
    R_HEAD,
    R_PAIR_COUNT,
    R_PAIRS,
    REMEMBER_MS,
    S_FUND_AMOUNT,
    S_IN,
    S_IN_AMOUNT,
    S_IN_CALLS,
    S_MAX_OUT,
    S_NEW_CALLS,
    S_NIGHT,
    S_OUT,
    S_OUT_AMOUNT,
    S_OUT_CALLS,
    S_REFUSED,
    S_SUSPECT_TALK_S,
    S_TALK_S,
    S_UNANSWERED,
    S_YOUNG_AMOUNT,
    SECOND_MS,
    SUSPECT_LEVEL,
)
from features.kernel.reading import current_stage
from features.kernel.state import State, clear, tile_at, touch_pair
from features.kinds import (
    ACTIVE,
    ANSWERED,
    CLEARED,
    CONFIRMED,
    FORWARDING,
    INBOUND,
    PURPOSE_SHIFT,
    PURPOSES,
    REVISION_SHIFT,
    EventKind,
)

_STARTED, _ENDED = int(EventKind.CALL_STARTED), int(EventKind.CALL_ENDED)
_LINE, _OUTCOME = int(EventKind.LINE_CHANGED), int(EventKind.OUTCOME)
_OUT_ATTEMPTED, _IN_ATTEMPTED = int(EventKind.OUT_ATTEMPTED), int(EventKind.IN_ATTEMPTED)
_BLOCKED, _REVERSED = 2, 3  # status of a transfer, after attempted and completed
_LOAN, _REFUND = PURPOSES.index("loan"), PURPOSES.index("refund")
_SAVINGS_BREAK = PURPOSES.index("savings_break")
_CONTACT, _LONG_CALL, _ISOLATION, _FUNDING, _NEW_PAYEE, _ESCALATING = range(1, 7)


@inner
def step_subscriber(
    state: State,
    r: int,
    b: np.ndarray,
    i: int,
    offset_ms: int,
    level: int,
    new: bool,
    young: bool,
    on_level: int,
    on_seconds: int,
    cut: np.ndarray,
) -> bool:
    """Apply an event; True if it is the first sight of a call or transfer.

    ``cut`` holds the cutoffs of the record's clock with this event applied.
    """
    head, h = state.cells, state.meta[r, R_HEAD]
    kind, time_ms = b[i, B_KIND], b[i, B_TIME]
    head[h + H_CLOCK] = max(head[h + H_CLOCK], time_ms)
    if head[h + H_EVENTS] == 0 or time_ms < head[h + H_FIRST]:
        head[h + H_FIRST] = time_ms
    head[h + H_EVENTS] += 1
    if on_level >= SUSPECT_LEVEL and on_seconds >= LONG_CALL_S:
        _advance(head, h, _LONG_CALL)
    if kind == _STARTED:
        return _call_started(state, r, b, i, offset_ms, level, new, cut)
    if kind == _ENDED:
        return _call_ended(state, r, b, i, offset_ms, level, new, cut)
    if kind == _LINE:
        _line_changed(head, h, time_ms, b[i, B_FLAGS])
        return False
    if kind == _OUTCOME:
        _outcome(head, h, time_ms, b[i, B_FLAGS])
        return False
    return _transfer(state, r, b, i, offset_ms, young, cut)


@inner
def _advance(head: np.ndarray, h: int, to: int) -> None:
    """Move the stage up, never down; every stage but contact needs a contact before it."""
    now = head[h + H_CLOCK]
    stage = current_stage(head, h, now)
    if to <= stage or (stage == 0 and to != _CONTACT):
        return
    if stage == 0:
        head[h + H_EPISODE_AT] = now
    head[h + H_STAGE] = to
    head[h + H_STAGE_AT] = now


@inner
def _is_night(local_ms: int) -> bool:
    hour = local_ms // HOUR_MS % 24
    return hour >= NIGHT_FROM_HOUR or hour < NIGHT_TO_HOUR


@inner
def _remembered(head: np.ndarray, at: int, stride: int, n: int, clock: int, subject: int) -> int:
    """Index of a remembered call or transfer (subject first, time second), or -1."""
    for entry in range(at, at + n * stride, stride):
        if head[entry] == subject and clock - head[entry + 1] <= REMEMBER_MS:
            return entry
    return -1


@inner
def _oldest(head: np.ndarray, at: int, stride: int, n: int, time_field: int) -> int:
    """Index of the entry with the smallest time; an empty one has time 0."""
    best = at
    for entry in range(at, at + n * stride, stride):
        if head[entry + time_field] < head[best + time_field]:
            best = entry
    return best


@inner
def _call_started(
    state: State,
    r: int,
    b: np.ndarray,
    i: int,
    offset_ms: int,
    level: int,
    new: bool,
    cut: np.ndarray,
) -> bool:
    head, h = state.cells, state.meta[r, R_HEAD]
    subject = pairs.short_id(b[i, B_SUBJECT])
    for entry in range(h + H_OPEN, h + H_OPEN + N_OPEN * OPEN_STRIDE, OPEN_STRIDE):
        if head[entry + O_SUBJECT] == subject:
            return False
    if _remembered(head, h + H_CALLS, CALL_STRIDE, N_CALLS, head[h + H_CLOCK], subject) >= 0:
        return False  # its end came first
    entry = _oldest(head, h + H_OPEN, OPEN_STRIDE, N_OPEN, O_START)
    head[entry + O_SUBJECT] = subject
    head[entry + O_NUMBER] = pairs.short_id(b[i, B_COUNTERPARTY])
    head[entry + O_START] = b[i, B_TIME]
    head[entry + O_LEVEL] = level
    _count_call(state, r, b, i, offset_ms, level, new, cut)
    return True


@inner
def _count_call(
    state: State,
    r: int,
    b: np.ndarray,
    i: int,
    offset_ms: int,
    level: int,
    new: bool,
    cut: np.ndarray,
) -> None:
    """Count a call at its first sight."""
    time_ms, inbound = b[i, B_TIME], b[i, B_FLAGS] & INBOUND != 0
    if level >= SUSPECT_LEVEL:
        _advance(state.cells, state.meta[r, R_HEAD], _CONTACT)
    number = pairs.short_id(b[i, B_COUNTERPARTY])
    capacity = PAIR_CAPACITY[0, NUMBERS]
    pair = touch_pair(state, r, NUMBERS, capacity, number, time_ms // MINUTE_MS)
    if pair >= 0:
        state.cells[pair + P_COUNT] += 1
    at = tile_at(state, r, 0, time_ms + offset_ms, cut)
    if at < 0:
        return
    state.cells[at + (S_IN_CALLS if inbound else S_OUT_CALLS)] += 1
    if inbound and new:
        state.cells[at + S_NEW_CALLS] += 1
    if _is_night(time_ms + offset_ms):
        state.cells[at + S_NIGHT] += 1


@inner
def _call_ended(
    state: State,
    r: int,
    b: np.ndarray,
    i: int,
    offset_ms: int,
    level: int,
    new: bool,
    cut: np.ndarray,
) -> bool:
    head, h = state.cells, state.meta[r, R_HEAD]
    subject, time_ms = pairs.short_id(b[i, B_SUBJECT]), b[i, B_TIME]
    answered = b[i, B_FLAGS] & ANSWERED != 0
    talk_s = b[i, B_DURATION] // SECOND_MS if answered else 0
    revision = b[i, B_FLAGS] >> REVISION_SHIFT
    call = _remembered(head, h + H_CALLS, CALL_STRIDE, N_CALLS, head[h + H_CLOCK], subject)
    if call >= 0:
        if revision > head[call + C_REVISION]:
            _correct_call(state, r, call, talk_s, answered, revision, offset_ms, cut)
        return False
    first_sight = True
    for entry in range(h + H_OPEN, h + H_OPEN + N_OPEN * OPEN_STRIDE, OPEN_STRIDE):
        if head[entry + O_SUBJECT] == subject:
            level, first_sight = head[entry + O_LEVEL], False
            clear(head, entry, OPEN_STRIDE)
    if first_sight:
        _count_call(state, r, b, i, offset_ms, level, new, cut)
    else:
        number = pairs.short_id(b[i, B_COUNTERPARTY])
        touch_pair(state, r, NUMBERS, PAIR_CAPACITY[0, NUMBERS], number, time_ms // MINUTE_MS)
    call = _oldest(head, h + H_CALLS, CALL_STRIDE, N_CALLS, C_END)
    head[call + C_SUBJECT] = subject
    head[call + C_END] = time_ms
    head[call + C_TALK_S] = talk_s
    head[call + C_REVISION] = revision
    head[call + C_STATE] = level if answered else level + C_STATE_UNANSWERED
    _count_talk(state, r, time_ms + offset_ms, level, talk_s, 0 if answered else 1, cut)
    _hung_up(head, h, time_ms, talk_s, level)
    return first_sight


@inner
def _hung_up(head: np.ndarray, h: int, time_ms: int, talk_s: int, level: int) -> None:
    if time_ms >= head[h + H_HANGUP_AT]:
        head[h + H_HANGUP_AT] = time_ms
        head[h + H_HANGUP_TALK_S] = talk_s
        head[h + H_HANGUP_LEVEL] = level
    if level < SUSPECT_LEVEL:
        return
    if time_ms >= head[h + H_SUSPECT_HANGUP_AT]:
        head[h + H_SUSPECT_HANGUP_AT] = time_ms
        head[h + H_SUSPECT_LEVEL] = level
    if talk_s >= LONG_CALL_S:
        _advance(head, h, _LONG_CALL)


@inner
def _count_talk(
    state: State, r: int, local_ms: int, level: int, talk_s: int, unanswered: int, cut: np.ndarray
) -> None:
    at = tile_at(state, r, 0, local_ms, cut)
    if at < 0:
        return
    state.cells[at + S_TALK_S] += talk_s
    state.cells[at + S_UNANSWERED] += unanswered
    if level >= SUSPECT_LEVEL:
        state.cells[at + S_SUSPECT_TALK_S] += talk_s


@inner
def _correct_call(
    state: State,
    r: int,
    call: int,
    talk_s: int,
    answered: bool,
    revision: int,
    offset_ms: int,
    cut: np.ndarray,
) -> None:
    """A newer revision of a CDR: the difference goes where the call was counted."""
    head, h = state.cells, state.meta[r, R_HEAD]
    was_unanswered = 1 if head[call + C_STATE] >= C_STATE_UNANSWERED else 0
    level = head[call + C_STATE] % C_STATE_UNANSWERED
    unanswered = 0 if answered else 1
    more_talk = talk_s - head[call + C_TALK_S]
    end = head[call + C_END]
    _count_talk(state, r, end + offset_ms, level, more_talk, unanswered - was_unanswered, cut)
    head[call + C_TALK_S] = talk_s
    head[call + C_REVISION] = revision
    head[call + C_STATE] = level if answered else level + C_STATE_UNANSWERED
    if end == head[h + H_HANGUP_AT]:
        head[h + H_HANGUP_TALK_S] = talk_s


@inner
def _line_changed(head: np.ndarray, h: int, time_ms: int, flags: int) -> None:
    """The newest change by event time holds."""
    on_since = H_FORWARDING_AT if flags & FORWARDING else H_DND_AT
    changed = H_FORWARDING_SET if flags & FORWARDING else H_DND_SET
    if time_ms < head[h + changed]:
        return
    head[h + changed] = time_ms
    head[h + on_since] = time_ms if flags & ACTIVE else 0
    head[h + H_LINE_AT] = max(head[h + H_LINE_AT], time_ms)
    if flags & ACTIVE:
        _advance(head, h, _ISOLATION)


@inner
def _outcome(head: np.ndarray, h: int, time_ms: int, flags: int) -> None:
    """A case was closed: the episode is over."""
    if flags & CONFIRMED:
        head[h + H_VICTIM] += 1
        head[h + H_VICTIM_AT] = max(head[h + H_VICTIM_AT], time_ms)
    elif flags & CLEARED:
        head[h + H_VICTIM_CLEARED] += 1
    head[h + H_STAGE] = 0


@inner
def taint(head: np.ndarray, h: int, time_ms: int) -> None:
    """The subscriber dealt with a confirmed number or account."""
    head[h + H_TAINT_AT] = max(head[h + H_TAINT_AT], time_ms)


@inner
def _transfer(
    state: State, r: int, b: np.ndarray, i: int, offset_ms: int, young: bool, cut: np.ndarray
) -> bool:
    head, h = state.cells, state.meta[r, R_HEAD]
    out = 1 if b[i, B_KIND] < _IN_ATTEMPTED else 0
    status = b[i, B_KIND] - (_OUT_ATTEMPTED if out else _IN_ATTEMPTED)
    # The two postings of a transfer between own accounts share a subject: keep them apart.
    subject = pairs.short_id(b[i, B_SUBJECT] ^ (out << 31))
    amount, time_ms = b[i, B_AMOUNT], b[i, B_TIME]
    revision = b[i, B_FLAGS] >> REVISION_SHIFT
    move = _remembered(head, h + H_MOVES, MOVE_STRIDE, N_MOVES, head[h + H_CLOCK], subject)
    if move >= 0:
        if revision > head[move + M_REVISION]:
            _correct_amount(state, r, b, i, move, amount, offset_ms, cut)
            head[move + M_REVISION] = revision
        _settle(state, r, b, i, move, status, offset_ms, cut)
        return False
    purpose = b[i, B_FLAGS] >> PURPOSE_SHIFT & 15
    fund = out == 0 and purpose in (_LOAN, _SAVINGS_BREAK)
    bits = (M_OUT if out else 0) | (M_YOUNG if young else 0) | (M_FUND if fund else 0)
    move = _oldest(head, h + H_MOVES, MOVE_STRIDE, N_MOVES, M_TIME)
    head[move + M_SUBJECT] = subject
    head[move + M_TIME] = time_ms
    head[move + M_AMOUNT] = 0
    head[move + M_REVISION] = revision
    head[move + M_STATE] = bits
    if status != _REVERSED:  # a reversal that comes first leaves nothing to be taken back
        head[move + M_AMOUNT] = amount
        _count_transfer(state, r, b, i, bits, offset_ms, cut)
        _money_moved(head, h, time_ms, amount, bits, purpose)
    _settle(state, r, b, i, move, status, offset_ms, cut)
    return status != _REVERSED


@inner
def _count_transfer(
    state: State, r: int, b: np.ndarray, i: int, bits: int, offset_ms: int, cut: np.ndarray
) -> None:
    """Count a transfer at its first sight, whatever its status."""
    time_ms, amount = b[i, B_TIME], b[i, B_AMOUNT]
    account = pairs.short_id(b[i, B_COUNTERPARTY])
    capacity = PAIR_CAPACITY[0, ACCOUNTS]
    pair = touch_pair(state, r, ACCOUNTS, capacity, account, time_ms // MINUTE_MS)
    if pair >= 0 and bits & M_OUT:
        state.cells[pair + P_COUNT] += 1
    at = tile_at(state, r, 0, time_ms + offset_ms, cut)
    if at >= 0:
        state.cells[at + (S_OUT if bits & M_OUT else S_IN)] += 1
        if bits & M_OUT:
            state.cells[at + S_MAX_OUT] = max(state.cells[at + S_MAX_OUT], amount)
        if _is_night(time_ms + offset_ms):
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
        pair = pairs.find(
            state.cells,
            state.meta[r, R_PAIRS + ACCOUNTS],
            state.meta[r, R_PAIR_COUNT + ACCOUNTS],
            pairs.short_id(b[i, B_COUNTERPARTY]),
        )
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
    """Blocked or reversed: counted once as refused; a reversal takes the amount back."""
    head = state.cells
    bits = head[move + M_STATE]
    if status < _BLOCKED:
        return
    if bits & M_REFUSED == 0:
        at = tile_at(state, r, 0, b[i, B_TIME] + offset_ms, cut)
        if at >= 0:
            state.cells[at + S_REFUSED] += 1
    if status == _REVERSED and bits & M_REVERSED == 0:
        local_ms = head[move + M_TIME] + offset_ms
        _add_amount(state, r, b, i, bits, local_ms, -head[move + M_AMOUNT], cut)
        bits |= M_REVERSED
    head[move + M_STATE] = bits | M_REFUSED


@inner
def _money_moved(
    head: np.ndarray, h: int, time_ms: int, amount: int, bits: int, purpose: int
) -> None:
    """Last amounts by direction and purpose, and the stages that money makes."""
    if bits & M_OUT:
        if bits & M_YOUNG:
            escalates = head[h + H_STAGE] >= _NEW_PAYEE and amount > head[h + H_OUT_AMOUNT]
            _advance(head, h, _ESCALATING if escalates else _NEW_PAYEE)
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
        _advance(head, h, _FUNDING)
    elif bits & M_FUND:
        if time_ms >= head[h + H_FUND_AT]:
            head[h + H_FUND_AT] = time_ms
            head[h + H_FUND_AMOUNT] = amount
        _advance(head, h, _FUNDING)
