"""What an event does to its subscriber's record."""

import numpy as np

from features.catalog.channels import NUMBERS
from features.catalog.channels import SUBSCRIBER_TILE as TILE
from features.catalog.semantics import (
    LONG_CALL_S,
    MINUTE_MS,
    N_CALLS,
    N_CASES_OWN,
    N_OPEN_CALLS,
    REMEMBER_MS,
    SECOND_MS,
    SUSPECT_LEVEL,
)
from features.kernel import pairs, verdicts
from features.kernel.compilation import inner
from features.kernel.record_layout import (
    BATCH,
    BITS_CALLED_IN,
    BITS_HARMLESS,
    BITS_LEVEL,
    OPEN_CALL,
    PAIR,
    PAIR_BITS,
    PAST_CALL,
    R_HEAD,
    STATE_UNANSWERED,
)
from features.kernel.record_layout import SUBSCRIBER_HEAD as HEAD
from features.kernel.record_state import State, clear, find_pair, tile_at, touch_pair
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
    kind, time_ms = b[i, BATCH.kind], b[i, BATCH.time_ms]
    head[h + HEAD.clock] = max(head[h + HEAD.clock], time_ms)
    if head[h + HEAD.events] == 0 or time_ms < head[h + HEAD.first_at]:
        head[h + HEAD.first_at] = time_ms
    head[h + HEAD.events] += 1
    if on_level >= SUSPECT_LEVEL and on_seconds >= LONG_CALL_S:
        advance(head, h, LONG_CALL)
    if kind == _STARTED:
        return _call_started(state, r, b, i, offset_ms, level, new, cut)
    if kind == _ENDED:
        return _call_ended(state, r, b, i, offset_ms, level, new, cut)
    if kind == _LINE:
        _line_changed(head, h, time_ms, b[i, BATCH.flags])
        return False
    if kind == _OUTCOME:
        _outcome(state, r, b, i, on_level)
        return False
    return transfer(state, r, b, i, offset_ms, young, cut)


@inner
def _remembered(head: np.ndarray, h: int, subject: int) -> int:
    """Index of a remembered call, or -1."""
    horizon = head[h + HEAD.clock] - REMEMBER_MS
    for call in range(h + HEAD.calls, h + HEAD.calls + N_CALLS * len(PAST_CALL), len(PAST_CALL)):
        if (
            head[call + PAST_CALL.subject_id] == subject
            and head[call + PAST_CALL.end_at] >= horizon
        ):
            return call
    return -1


@inner
def _place_of_call(head: np.ndarray, h: int) -> int:
    """Room for an ended call: a free place, or that of the one that ended first.

    As with transfers, the lower subject goes on a tie, whatever its place.
    """
    horizon, best = head[h + HEAD.clock] - REMEMBER_MS, h + HEAD.calls
    for call in range(h + HEAD.calls, h + HEAD.calls + N_CALLS * len(PAST_CALL), len(PAST_CALL)):
        if head[call + PAST_CALL.end_at] < horizon:
            return call
        if head[call + PAST_CALL.end_at] < head[best + PAST_CALL.end_at]:
            best = call
        elif head[call + PAST_CALL.end_at] == head[best + PAST_CALL.end_at]:
            best = (
                call
                if head[call + PAST_CALL.subject_id] < head[best + PAST_CALL.subject_id]
                else best
            )
    return best


@inner
def _place_of_open_call(head: np.ndarray, h: int) -> int:
    """Room for a call that begins: a free place, else that of the oldest (the first on a tie)."""
    best = h + HEAD.open_calls
    for entry in range(
        h + HEAD.open_calls, h + HEAD.open_calls + N_OPEN_CALLS * len(OPEN_CALL), len(OPEN_CALL)
    ):
        if head[entry + OPEN_CALL.start_at] < head[best + OPEN_CALL.start_at]:
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
    subject = pairs.short_id(b[i, BATCH.subject])
    for entry in range(
        h + HEAD.open_calls, h + HEAD.open_calls + N_OPEN_CALLS * len(OPEN_CALL), len(OPEN_CALL)
    ):
        if head[entry + OPEN_CALL.subject_id] == subject:
            return False
    if _remembered(head, h, subject) >= 0:
        return False  # its end came first
    entry = _place_of_open_call(head, h)
    head[entry + OPEN_CALL.subject_id] = subject
    head[entry + OPEN_CALL.number_id] = pairs.short_id(b[i, BATCH.counterparty])
    head[entry + OPEN_CALL.start_at] = b[i, BATCH.time_ms]
    head[entry + OPEN_CALL.level] = level
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
    time_ms, inbound = b[i, BATCH.time_ms], b[i, BATCH.flags] & INBOUND != 0
    if level >= SUSPECT_LEVEL:
        advance(state.cells, state.meta[r, R_HEAD], CONTACT)
    pair = _met(state, r, b, i, level)
    if pair >= 0:
        state.cells[pair + PAIR.count] += 1
    at = tile_at(state, r, 0, time_ms + offset_ms, cut)
    if at < 0:
        return
    state.cells[at + (TILE.calls_in if inbound else TILE.calls_out)] += 1
    if inbound and new:
        state.cells[at + TILE.calls_new_number] += 1
    if is_night(time_ms + offset_ms):
        state.cells[at + TILE.night_events] += 1


@inner
def _met(state: State, r: int, b: np.ndarray, i: int, level: int) -> int:
    """Note a contact with a number, and what the call says against it; index of the pair or -1."""
    number = pairs.short_id(b[i, BATCH.counterparty])
    pair = touch_pair(state, r, NUMBERS, number, b[i, BATCH.time_ms] // MINUTE_MS)
    if pair < 0:
        return -1
    bits = state.cells[pair + PAIR_BITS]
    if b[i, BATCH.flags] & INBOUND:
        bits |= BITS_CALLED_IN
    if level >= SUSPECT_LEVEL and level > bits & BITS_LEVEL:
        bits = bits & ~BITS_LEVEL | level
    state.cells[pair + PAIR_BITS] = bits
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
    subject, time_ms = pairs.short_id(b[i, BATCH.subject]), b[i, BATCH.time_ms]
    answered = b[i, BATCH.flags] & ANSWERED != 0
    talk_s = b[i, BATCH.duration_ms] // SECOND_MS if answered else 0
    revision = b[i, BATCH.flags] >> REVISION_SHIFT
    call = _remembered(head, h, subject)
    if call >= 0:
        if revision > head[call + PAST_CALL.revision]:
            _correct_call(state, r, call, talk_s, answered, revision, offset_ms, cut)
        return False
    first_sight = True
    for entry in range(
        h + HEAD.open_calls, h + HEAD.open_calls + N_OPEN_CALLS * len(OPEN_CALL), len(OPEN_CALL)
    ):
        if head[entry + OPEN_CALL.subject_id] == subject:
            level, first_sight = head[entry + OPEN_CALL.level], False
            clear(head, entry, len(OPEN_CALL))
    if first_sight:
        _count_call(state, r, b, i, offset_ms, level, new, cut)
    else:
        _met(state, r, b, i, level)
    call = _place_of_call(head, h)
    head[call + PAST_CALL.subject_id] = subject
    head[call + PAST_CALL.end_at] = time_ms
    head[call + PAST_CALL.talk_seconds] = talk_s
    head[call + PAST_CALL.revision] = revision
    head[call + PAST_CALL.state] = level if answered else level + STATE_UNANSWERED
    _count_talk(state, r, time_ms + offset_ms, level, talk_s, 0 if answered else 1, cut)
    _hung_up(head, h, time_ms, talk_s, level)
    return first_sight


@inner
def _hung_up(head: np.ndarray, h: int, time_ms: int, talk_s: int, level: int) -> None:
    if time_ms >= head[h + HEAD.hangup_at]:
        head[h + HEAD.hangup_at] = time_ms
        head[h + HEAD.hangup_talk_seconds] = talk_s
        head[h + HEAD.hangup_level] = level
    if level < SUSPECT_LEVEL:
        return
    head[h + HEAD.suspect_hangup_at] = max(time_ms, head[h + HEAD.suspect_hangup_at])
    if talk_s >= LONG_CALL_S:
        advance(head, h, LONG_CALL)


@inner
def _count_talk(
    state: State, r: int, local_ms: int, level: int, talk_s: int, unanswered: int, cut: np.ndarray
) -> None:
    at = tile_at(state, r, 0, local_ms, cut)
    if at < 0:
        return
    state.cells[at + TILE.talk_seconds] += talk_s
    state.cells[at + TILE.calls_unanswered] += unanswered
    if level >= SUSPECT_LEVEL:
        state.cells[at + TILE.suspect_talk_seconds] += talk_s


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
    was_unanswered = 1 if head[call + PAST_CALL.state] >= STATE_UNANSWERED else 0
    level = head[call + PAST_CALL.state] % STATE_UNANSWERED
    unanswered = 0 if answered else 1
    more_talk = talk_s - head[call + PAST_CALL.talk_seconds]
    end = head[call + PAST_CALL.end_at]
    _count_talk(state, r, end + offset_ms, level, more_talk, unanswered - was_unanswered, cut)
    head[call + PAST_CALL.talk_seconds] = talk_s
    head[call + PAST_CALL.revision] = revision
    head[call + PAST_CALL.state] = level if answered else level + STATE_UNANSWERED
    if end == head[h + HEAD.hangup_at]:
        head[h + HEAD.hangup_talk_seconds] = talk_s


@inner
def _line_changed(head: np.ndarray, h: int, time_ms: int, flags: int) -> None:
    """The newest change by event time holds."""
    on_since = HEAD.forwarding_at if flags & FORWARDING else HEAD.do_not_disturb_at
    changed = HEAD.forwarding_changed_at if flags & FORWARDING else HEAD.do_not_disturb_changed_at
    if time_ms < head[h + changed]:
        return
    head[h + changed] = time_ms
    head[h + on_since] = time_ms if flags & ACTIVE else 0
    head[h + HEAD.line_at] = max(head[h + HEAD.line_at], time_ms)
    if flags & ACTIVE:
        advance(head, h, ISOLATION)


@inner
def _outcome(state: State, r: int, b: np.ndarray, i: int, on_level: int) -> None:
    """A case was closed or corrected.

    Cleared, the episode is over; confirmed, only if the swindler is off the line. Where nobody was
    reached, nothing has ended.
    """
    head, h = state.cells, state.meta[r, R_HEAD]
    flags, case = b[i, BATCH.flags], pairs.short_id(b[i, BATCH.subject])
    before = verdicts.record_verdict(head, h + HEAD.cases, N_CASES_OWN, case, flags)
    if before == verdicts.OUTDATED:
        return
    verdict = verdicts.verdict_of(flags)
    if b[i, BATCH.counterparty] != 0 and flags & ACCOUNT == 0:
        _clear_number(state, r, b, i, before, verdict)
    if before in (verdicts.REPEATED, verdict):
        return
    verdicts.update_counts(
        head,
        h + HEAD.confirmed,
        h + HEAD.cleared,
        h + HEAD.confirmed_at,
        before,
        verdict,
        b[i, BATCH.time_ms],
    )
    off_the_line = on_level < SUSPECT_LEVEL
    if verdict == VERDICT_CLEARED or (verdict == VERDICT_CONFIRMED and off_the_line):
        end_episode(head, h, b[i, BATCH.time_ms])


@inner
def _clear_number(state: State, r: int, b: np.ndarray, i: int, before: int, verdict: int) -> None:
    """A cleared number is harmless to this subscriber, until a verdict says otherwise."""
    pair = find_pair(state, r, NUMBERS, pairs.short_id(b[i, BATCH.counterparty]))
    if pair < 0:
        return
    if verdict == VERDICT_CLEARED:
        state.cells[pair + PAIR_BITS] = state.cells[pair + PAIR_BITS] & ~BITS_LEVEL | BITS_HARMLESS
    elif verdict == VERDICT_CONFIRMED or before == VERDICT_CLEARED:
        state.cells[pair + PAIR_BITS] &= ~BITS_HARMLESS


@inner
def taint(head: np.ndarray, h: int, time_ms: int) -> None:
    """The subscriber dealt with a confirmed number or account."""
    head[h + HEAD.taint_at] = max(head[h + HEAD.taint_at], time_ms)
