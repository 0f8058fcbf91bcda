"""What an event sees of its subscriber: the state before it, read at the record's clock or later."""

import numpy as np

from features.catalog.channels import ACCOUNTS, NUMBERS
from features.catalog.channels import SUBSCRIBER_TILE as TILE
from features.catalog.declaration import BLOCK_SUBSCRIBER
from features.catalog.schema import INPUTS, SCALARS
from features.catalog.semantics import (
    CONFIRMED_LEVEL,
    DAY_MS,
    FRESH_NUMBER_DAYS,
    HOUR_MS,
    MAX_LEVEL,
    MINUTE_MS,
    MOSTLY_SHORT,
    N_OPEN_CALLS,
    OPEN_CALL_MAX_MS,
    PAIR_CAPACITY,
    SECOND_MS,
    SUSPECT_LEVEL,
    W_24H,
    W_30D,
    WIDE_FAN_OUT,
    YOUNG_PAIR_MINUTES,
)
from features.kernel import pairs
from features.kernel.compilation import inner
from features.kernel.program import evaluate
from features.kernel.record_layout import (
    BATCH,
    BITS_CALLED_IN,
    BITS_HARMLESS,
    OPEN_CALL,
    PAIR,
    PAIR_BITS,
    R_HEAD,
    R_PAIR_COUNT,
    R_PAIRS,
)
from features.kernel.record_layout import SUBSCRIBER_HEAD as HEAD
from features.kernel.record_state import Scratch, State, find_pair, read_tiles
from features.kernel.subscriber.stage import current_stage
from features.kernel.tiles import cutoffs
from features.kinds import (
    ACCOUNT,
    ATTESTATION_SHIFT,
    CHANNEL_SHIFT,
    FOREIGN,
    INBOUND,
    PURPOSE_SHIFT,
    SHORT_CODE,
    EventKind,
)

_ENDED = int(EventKind.CALL_ENDED)
_OUT_FIRST, _OUT_LAST = int(EventKind.OUT_ATTEMPTED), int(EventKind.OUT_REVERSED)
_IN_LAST = int(EventKind.IN_REVERSED)
_ATTESTATION_C = 3
_EPOCH_WEEKDAY = 3  # 1 January 1970 was a Thursday; Monday is 0


@inner
def read_subscriber(
    state: State,
    r: int,
    b: np.ndarray,
    i: int,
    offset_ms: int,
    program: np.ndarray,
    bounds: np.ndarray,
    inputs: np.ndarray,
    scratch: Scratch,
    vectors: np.ndarray,
) -> tuple[int, bool, bool, int, int]:
    """Write the subscriber's features into a row whose first-degree slots are already filled.

    Returns:
        What the step needs again: the level of suspicion against the other number, whether the pair
        is new, whether it is young, the level and the seconds of the call that is going on.
    """
    head, h = state.cells, state.meta[r, R_HEAD]
    now = max(b[i, BATCH.time_ms], head[h + HEAD.clock])
    cutoffs(now + offset_ms, scratch.cut)
    read_tiles(state, r, 0, scratch.cut, scratch.acc)
    for table in range(2):
        pairs.distinct(
            state.cells,
            state.meta[r, R_PAIRS + table],
            state.meta[r, R_PAIR_COUNT + table],
            PAIR_CAPACITY[0, table],
            state.cells,
            -1,
            0,
            scratch.cut,
            offset_ms,
            scratch.dist[table],
        )
    for j in range(len(scratch.scalars)):
        scratch.scalars[j] = np.nan
    new, young, pair = _pair(state, r, b, i, now, scratch.scalars)
    known, doubtful = _known_of(state, b, i, young, pair, now)
    level = _facts(b, i, offset_ms, known, doubtful, inputs, scratch.scalars, vectors)
    on_level, on_seconds = _on_the_line(head, h, now, scratch)
    _relay(state, r, now, scratch.scalars)
    _history(head, h, now, scratch.scalars)
    if _OUT_FIRST <= b[i, BATCH.kind] <= _OUT_LAST:
        _amounts(state, head, h, pair, b[i, BATCH.amount], now, scratch)
    acc, dist, scalars = scratch.acc, scratch.dist, scratch.scalars
    evaluate(program, bounds, BLOCK_SUBSCRIBER, acc, dist, scalars, vectors, i)
    return level, new, young, on_level, on_seconds


@inner
def _pair(
    state: State, r: int, b: np.ndarray, i: int, now: int, s: np.ndarray
) -> tuple[bool, bool, int]:
    if b[i, BATCH.counterparty] == 0:
        return False, False, -1
    table = ACCOUNTS if b[i, BATCH.flags] & ACCOUNT else NUMBERS
    pair = find_pair(state, r, table, pairs.short_id(b[i, BATCH.counterparty]))
    minute = now // MINUTE_MS
    if pair < 0:
        s[SCALARS.pair_is_new] = 1.0
        s[SCALARS.pair_earlier_count] = 0.0
        return True, True, -1
    age = minute - state.cells[pair + PAIR.first_minute]
    s[SCALARS.pair_is_new] = 0.0
    s[SCALARS.pair_earlier_count] = state.cells[pair + PAIR.count]
    s[SCALARS.pair_age_days] = age / 1440
    s[SCALARS.pair_idle_hours] = (minute - state.cells[pair + PAIR.last_minute]) / 60
    return False, age <= YOUNG_PAIR_MINUTES, pair


@inner
def _known_of(
    state: State, b: np.ndarray, i: int, young: bool, pair: int, now: int
) -> tuple[int, bool]:
    """The level that stays with a number since earlier calls, and whether its call is to be judged.

    A call of somebody new is, unless an outcome has cleared the number for this subscriber.
    """
    doubtful = young and b[i, BATCH.flags] & INBOUND != 0
    if pair < 0 or b[i, BATCH.flags] & ACCOUNT:
        return 0, doubtful
    harmless = state.cells[pair + PAIR_BITS] & BITS_HARMLESS != 0
    return pairs.level(state.cells, pair, now // MINUTE_MS), doubtful and not harmless


@inner
def _facts(
    b: np.ndarray,
    i: int,
    offset_ms: int,
    known: int,
    doubtful: bool,
    inputs: np.ndarray,
    s: np.ndarray,
    vectors: np.ndarray,
) -> int:
    """The event itself; returns the level of suspicion against the other number."""
    kind, flags = b[i, BATCH.kind], b[i, BATCH.flags]
    local = b[i, BATCH.time_ms] + offset_ms
    s[SCALARS.event_kind] = kind
    s[SCALARS.local_hour] = local // HOUR_MS % 24
    s[SCALARS.local_weekday] = (local // DAY_MS + _EPOCH_WEEKDAY) % 7
    if kind <= _ENDED:
        s[SCALARS.caller_foreign] = 1.0 if flags & FOREIGN else 0.0
        s[SCALARS.caller_short_code] = 1.0 if flags & SHORT_CODE else 0.0
        s[SCALARS.caller_attestation] = flags >> ATTESTATION_SHIFT & 3
        s[SCALARS.call_inbound] = flags & INBOUND
        if kind == _ENDED:
            s[SCALARS.call_talk_seconds] = b[i, BATCH.duration_ms] // SECOND_MS
        level = max(known, _suspicion(flags, doubtful, inputs, vectors, i))
        s[SCALARS.caller_suspicion] = level
        return level
    if _OUT_FIRST <= kind <= _IN_LAST:
        s[SCALARS.amount] = b[i, BATCH.amount]
        s[SCALARS.transfer_purpose] = flags >> PURPOSE_SHIFT & 15
        s[SCALARS.transfer_channel] = flags >> CHANNEL_SHIFT & 7
    return 0


@inner
def _suspicion(flags: int, doubtful: bool, inputs: np.ndarray, vectors: np.ndarray, i: int) -> int:
    """0 (none) to 7: what is known against a number before a word is said."""
    level = CONFIRMED_LEVEL if vectors[i, inputs[INPUTS.number_confirmed]] > 0 else 0
    if doubtful:
        level += 1
        age = vectors[i, inputs[INPUTS.number_age_days]]
        if np.isnan(age) or age < FRESH_NUMBER_DAYS:
            level += 1
        if flags & FOREIGN:
            level += 1
        if flags >> ATTESTATION_SHIFT & 3 == _ATTESTATION_C:
            level += 1
        if vectors[i, inputs[INPUTS.number_callees_24h]] >= WIDE_FAN_OUT:
            level += 1
        if vectors[i, inputs[INPUTS.number_short_share_24h]] >= MOSTLY_SHORT:
            level += 1
    return min(level, MAX_LEVEL)


@inner
def _on_the_line(head: np.ndarray, h: int, now: int, scratch: Scratch) -> tuple[int, int]:
    """The call going on (the one begun last, if two are), the calls before it, the line."""
    s = scratch.scalars
    open_at, start = -1, -1
    for j in range(N_OPEN_CALLS):
        at = h + HEAD.open_calls + j * len(OPEN_CALL)
        began = head[at + OPEN_CALL.start_at]
        if began > start and head[at] != 0 and now - began <= OPEN_CALL_MAX_MS:
            open_at, start = at, began
    level, seconds = 0, 0
    s[SCALARS.on_call_now] = 0.0
    if open_at >= 0:
        level, seconds = head[open_at + OPEN_CALL.level], (now - start) // SECOND_MS
        s[SCALARS.on_call_now] = 1.0
        s[SCALARS.on_call_minutes] = seconds / 60
        s[SCALARS.on_call_suspicion] = level
    suspect_s = scratch.acc[W_24H, TILE.suspect_talk_seconds]
    if level >= SUSPECT_LEVEL:
        suspect_s += seconds
    s[SCALARS.suspect_talk_with_current_24h_minutes] = suspect_s / 60
    s[SCALARS.hangup_since_minutes] = _ago(now, head[h + HEAD.hangup_at], MINUTE_MS)
    if head[h + HEAD.hangup_at] > 0:
        s[SCALARS.hangup_talk_seconds] = head[h + HEAD.hangup_talk_seconds]
        s[SCALARS.hangup_suspicion] = head[h + HEAD.hangup_level]
    s[SCALARS.suspect_hangup_since_minutes] = _ago(now, head[h + HEAD.suspect_hangup_at], MINUTE_MS)
    s[SCALARS.forwarding_on] = 1.0 if head[h + HEAD.forwarding_at] > 0 else 0.0
    s[SCALARS.do_not_disturb_on] = 1.0 if head[h + HEAD.do_not_disturb_at] > 0 else 0.0
    s[SCALARS.line_changed_since_minutes] = _ago(now, head[h + HEAD.line_at], MINUTE_MS)
    return level, seconds


@inner
def _ago(now: int, then: int, unit_ms: int) -> float:
    return (now - then) / unit_ms if then > 0 else np.nan


@inner
def _relay(state: State, r: int, now: int, s: np.ndarray) -> None:
    """How many numbers first met within a day have called, met within the hour and the day."""
    minute = now // MINUTE_MS
    hour, day = 0, 0
    base = state.meta[r, R_PAIRS + NUMBERS]
    for at in range(base, base + state.meta[r, R_PAIR_COUNT + NUMBERS] * len(PAIR), len(PAIR)):
        young = minute - state.cells[at + PAIR.first_minute] <= YOUNG_PAIR_MINUTES
        if young and state.cells[at + PAIR_BITS] & BITS_CALLED_IN:
            day += 1
            if minute - state.cells[at + PAIR.last_minute] <= 60:
                hour += 1
    s[SCALARS.relay_callers_1h] = hour
    s[SCALARS.relay_callers_24h] = day


@inner
def _history(head: np.ndarray, h: int, now: int, s: np.ndarray) -> None:
    if head[h + HEAD.events] > 0:
        s[SCALARS.subscriber_age_days] = (now - head[h + HEAD.first_at]) / DAY_MS
        s[SCALARS.subscriber_idle_minutes] = (now - head[h + HEAD.clock]) / MINUTE_MS
    s[SCALARS.out_idle_days] = _ago(now, head[h + HEAD.out_at], DAY_MS)
    s[SCALARS.incoming_since_minutes] = _ago(now, head[h + HEAD.in_at], MINUTE_MS)
    s[SCALARS.funding_since_minutes] = _ago(now, head[h + HEAD.funding_at], MINUTE_MS)
    s[SCALARS.refund_since_minutes] = _ago(now, head[h + HEAD.refund_at], MINUTE_MS)
    s[SCALARS.victim_confirmed] = head[h + HEAD.confirmed]
    s[SCALARS.victim_cleared] = head[h + HEAD.cleared]
    s[SCALARS.victim_since_days] = _ago(now, head[h + HEAD.confirmed_at], DAY_MS)
    s[SCALARS.taint_since_hours] = _ago(now, head[h + HEAD.taint_at], HOUR_MS)
    stage = current_stage(head, h, now)
    s[SCALARS.stage] = stage
    if stage > 0:
        s[SCALARS.stage_since_minutes] = (now - head[h + HEAD.stage_at]) / MINUTE_MS
        s[SCALARS.episode_minutes] = (now - head[h + HEAD.episode_at]) / MINUTE_MS


@inner
def _amounts(
    state: State, head: np.ndarray, h: int, pair: int, amount: int, now: int, scratch: Scratch
) -> None:
    """An outgoing amount against the payer's own past."""
    s, acc = scratch.scalars, scratch.acc
    s[SCALARS.amount_to_mean_30d] = _to_mean(
        amount, acc[W_30D, TILE.transfers_out], acc[W_30D, TILE.out_amount]
    )
    s[SCALARS.amount_to_max_30d] = _over(amount, acc[W_30D, TILE.max_out])
    s[SCALARS.amount_to_previous] = _over(amount, head[h + HEAD.out_amount])
    if now - head[h + HEAD.in_at] <= DAY_MS:
        s[SCALARS.amount_to_incoming_24h] = _over(amount, head[h + HEAD.in_amount])
    if now - head[h + HEAD.refund_at] <= 7 * DAY_MS:
        s[SCALARS.amount_to_refund_7d] = _over(amount, head[h + HEAD.refund_amount])
    if now - head[h + HEAD.funding_at] <= 7 * DAY_MS:
        s[SCALARS.amount_to_funding_7d] = _over(amount, head[h + HEAD.funding_amount])
    if pair >= 0:
        count, total = state.cells[pair + PAIR.count], state.cells[pair + PAIR.amount]
        s[SCALARS.amount_to_pair_mean] = _to_mean(amount, count, total)


@inner
def _over(amount: int, below: int) -> float:
    return np.float64(amount) / np.float64(below) if below > 0 else np.nan


@inner
def _to_mean(amount: int, count: int, total: int) -> float:
    if total <= 0:
        return np.nan
    return np.float64(amount) * np.float64(count) / np.float64(total)
