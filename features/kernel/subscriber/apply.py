"""What an event does to its subscriber's record."""

import numpy as np

from features.kernel import pairs, verdicts
from features.kernel.compilation import inner
from features.kernel.record_layout import (
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
    H_EVENTS,
    H_FIRST,
    H_FORWARDING_AT,
    H_FORWARDING_SET,
    H_HANGUP_AT,
    H_HANGUP_LEVEL,
    H_HANGUP_TALK_S,
    H_LINE_AT,
    H_OPEN,
    H_OWN_CASES,
    H_SUSPECT_HANGUP_AT,
    H_TAINT_AT,
    H_VICTIM,
    H_VICTIM_AT,
    H_VICTIM_CLEARED,
    NUMBERS,
    O_LEVEL,
    O_NUMBER,
    O_START,
    O_SUBJECT,
    OPEN_STRIDE,
    P_BITS,
    P_CALLED_IN,
    P_COUNT,
    P_HARMLESS,
    P_LEVEL,
    R_HEAD,
    S_IN_CALLS,
    S_NEW_CALLS,
    S_NIGHT,
    S_OUT_CALLS,
    S_SUSPECT_TALK_S,
    S_TALK_S,
    S_UNANSWERED,
)
from features.kernel.record_state import State, clear, find_pair, tile_at, touch_pair
from features.kernel.semantics import (
    LONG_CALL_S,
    MINUTE_MS,
    N_CALLS,
    N_CASES_OWN,
    N_OPEN,
    REMEMBER_MS,
    SECOND_MS,
    SUSPECT_LEVEL,
)
from features.kernel.subscriber.stage import CONTACT, ISOLATION, LONG_CALL, advance, end_episode
from features.kernel.subscriber.transfers import transfer
from features.kernel.tiles import is_night
from features.kernel.verdicts import VERDICT_CLEARED, VERDICT_CONFIRMED
from features.kinds import (
    ACCOUNT,
    ACTIVE,
    ANSWERED,
    FORWARDING,
    INBOUND,
    REVISION_SHIFT,
    EventKind,
)

_STARTED, _ENDED = int(EventKind.CALL_STARTED), int(EventKind.CALL_ENDED)
_LINE, _OUTCOME = int(EventKind.LINE_CHANGED), int(EventKind.OUTCOME)


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
        advance(head, h, LONG_CALL)
    if kind == _STARTED:
        return _call_started(state, r, b, i, offset_ms, level, new, cut)
    if kind == _ENDED:
        return _call_ended(state, r, b, i, offset_ms, level, new, cut)
    if kind == _LINE:
        _line_changed(head, h, time_ms, b[i, B_FLAGS])
        return False
    if kind == _OUTCOME:
        _outcome(state, r, b, i, on_level)
        return False
    return transfer(state, r, b, i, offset_ms, young, cut)


@inner
def _remembered(head: np.ndarray, h: int, subject: int) -> int:
    """Index of a remembered call, or -1."""
    horizon = head[h + H_CLOCK] - REMEMBER_MS
    for call in range(h + H_CALLS, h + H_CALLS + N_CALLS * CALL_STRIDE, CALL_STRIDE):
        if head[call + C_SUBJECT] == subject and head[call + C_END] >= horizon:
            return call
    return -1


@inner
def _place_of_call(head: np.ndarray, h: int) -> int:
    """Room for an ended call: a free place, or that of the one that ended first.

    As with transfers, the lower subject goes on a tie, whatever its place.
    """
    horizon, best = head[h + H_CLOCK] - REMEMBER_MS, h + H_CALLS
    for call in range(h + H_CALLS, h + H_CALLS + N_CALLS * CALL_STRIDE, CALL_STRIDE):
        if head[call + C_END] < horizon:
            return call
        if head[call + C_END] < head[best + C_END]:
            best = call
        elif head[call + C_END] == head[best + C_END]:
            best = call if head[call + C_SUBJECT] < head[best + C_SUBJECT] else best
    return best


@inner
def _place_of_open_call(head: np.ndarray, h: int) -> int:
    """Room for a call that begins: a free place, else that of the oldest (the first on a tie)."""
    best = h + H_OPEN
    for entry in range(h + H_OPEN, h + H_OPEN + N_OPEN * OPEN_STRIDE, OPEN_STRIDE):
        if head[entry + O_START] < head[best + O_START]:
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
    if _remembered(head, h, subject) >= 0:
        return False  # its end came first
    entry = _place_of_open_call(head, h)
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
        advance(state.cells, state.meta[r, R_HEAD], CONTACT)
    pair = _met(state, r, b, i, level)
    if pair >= 0:
        state.cells[pair + P_COUNT] += 1
    at = tile_at(state, r, 0, time_ms + offset_ms, cut)
    if at < 0:
        return
    state.cells[at + (S_IN_CALLS if inbound else S_OUT_CALLS)] += 1
    if inbound and new:
        state.cells[at + S_NEW_CALLS] += 1
    if is_night(time_ms + offset_ms):
        state.cells[at + S_NIGHT] += 1


@inner
def _met(state: State, r: int, b: np.ndarray, i: int, level: int) -> int:
    """Note a contact with a number, and what the call says against it; index of the pair or -1."""
    number = pairs.short_id(b[i, B_COUNTERPARTY])
    pair = touch_pair(state, r, NUMBERS, number, b[i, B_TIME] // MINUTE_MS)
    if pair < 0:
        return -1
    bits = state.cells[pair + P_BITS]
    if b[i, B_FLAGS] & INBOUND:
        bits |= P_CALLED_IN
    if level >= SUSPECT_LEVEL and level > bits & P_LEVEL:
        bits = bits & ~P_LEVEL | level
    state.cells[pair + P_BITS] = bits
    return pair


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
    call = _remembered(head, h, subject)
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
        _met(state, r, b, i, level)
    call = _place_of_call(head, h)
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
    head[h + H_SUSPECT_HANGUP_AT] = max(time_ms, head[h + H_SUSPECT_HANGUP_AT])
    if talk_s >= LONG_CALL_S:
        advance(head, h, LONG_CALL)


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
        advance(head, h, ISOLATION)


@inner
def _outcome(state: State, r: int, b: np.ndarray, i: int, on_level: int) -> None:
    """A case was closed or corrected.

    Cleared, the episode is over; confirmed, only if the swindler is off the line. Where nobody was
    reached, nothing has ended.
    """
    head, h = state.cells, state.meta[r, R_HEAD]
    flags, case = b[i, B_FLAGS], pairs.short_id(b[i, B_SUBJECT])
    before = verdicts.record_verdict(head, h + H_OWN_CASES, N_CASES_OWN, case, flags)
    if before == verdicts.OUTDATED:
        return
    verdict = verdicts.verdict_of(flags)
    if b[i, B_COUNTERPARTY] != 0 and flags & ACCOUNT == 0:
        _clear_number(state, r, b, i, before, verdict)
    if before in (verdicts.REPEATED, verdict):
        return
    verdicts.update_counts(
        head, h + H_VICTIM, h + H_VICTIM_CLEARED, h + H_VICTIM_AT, before, verdict, b[i, B_TIME]
    )
    off_the_line = on_level < SUSPECT_LEVEL
    if verdict == VERDICT_CLEARED or (verdict == VERDICT_CONFIRMED and off_the_line):
        end_episode(head, h, b[i, B_TIME])


@inner
def _clear_number(state: State, r: int, b: np.ndarray, i: int, before: int, verdict: int) -> None:
    """A cleared number is harmless to this subscriber, until a verdict says otherwise."""
    pair = find_pair(state, r, NUMBERS, pairs.short_id(b[i, B_COUNTERPARTY]))
    if pair < 0:
        return
    if verdict == VERDICT_CLEARED:
        state.cells[pair + P_BITS] = state.cells[pair + P_BITS] & ~P_LEVEL | P_HARMLESS
    elif verdict == VERDICT_CONFIRMED or before == VERDICT_CLEARED:
        state.cells[pair + P_BITS] &= ~P_HARMLESS


@inner
def taint(head: np.ndarray, h: int, time_ms: int) -> None:
    """The subscriber dealt with a confirmed number or account."""
    head[h + H_TAINT_AT] = max(head[h + H_TAINT_AT], time_ms)
