"""What an event sees of its subscriber: the state before it, read at the record's clock or later."""

import numpy as np

from features.kernel import pairs
from features.kernel.compilation import inner
from features.kernel.program import (
    BLOCK_SUBSCRIBER,
    SC_AGE_DAYS,
    SC_AMOUNT,
    SC_AMOUNT_TO_FUNDING,
    SC_AMOUNT_TO_INCOMING,
    SC_AMOUNT_TO_MAX,
    SC_AMOUNT_TO_MEAN,
    SC_AMOUNT_TO_PAIR_MEAN,
    SC_AMOUNT_TO_PREVIOUS,
    SC_AMOUNT_TO_REFUND,
    SC_ATTESTATION,
    SC_CALLER_LEVEL,
    SC_CHANNEL,
    SC_DND_ON,
    SC_EPISODE_MINUTES,
    SC_FOREIGN,
    SC_FORWARDING_ON,
    SC_HANGUP_LEVEL,
    SC_HANGUP_MINUTES,
    SC_HANGUP_TALK_SECONDS,
    SC_HOUR,
    SC_IDLE_MINUTES,
    SC_INBOUND,
    SC_KIND,
    SC_LINE_MINUTES,
    SC_ON_CALL,
    SC_ON_CALL_LEVEL,
    SC_ON_CALL_MINUTES,
    SC_OUT_IDLE_DAYS,
    SC_PAIR_AGE_DAYS,
    SC_PAIR_COUNT,
    SC_PAIR_IDLE_HOURS,
    SC_PAIR_NEW,
    SC_PURPOSE,
    SC_RELAY_1H,
    SC_RELAY_24H,
    SC_SHORT_CODE,
    SC_SINCE_FUNDING,
    SC_SINCE_INCOMING,
    SC_SINCE_REFUND,
    SC_STAGE,
    SC_STAGE_MINUTES,
    SC_SUSPECT_HANGUP_MINUTES,
    SC_SUSPECT_TALK_MINUTES,
    SC_TAINT_HOURS,
    SC_TALK_SECONDS,
    SC_VICTIM,
    SC_VICTIM_CLEARED,
    SC_VICTIM_DAYS,
    SC_WEEKDAY,
    WIRE_AGE,
    WIRE_FAN_OUT,
    WIRE_NUMBER_CONFIRMED,
    WIRE_SHORT,
    evaluate,
)
from features.kernel.record_layout import (
    ACCOUNTS,
    B_AMOUNT,
    B_COUNTERPARTY,
    B_DURATION,
    B_FLAGS,
    B_KIND,
    B_TIME,
    H_CLOCK,
    H_DND_AT,
    H_EPISODE_AT,
    H_EVENTS,
    H_FIRST,
    H_FORWARDING_AT,
    H_FUND_AMOUNT,
    H_FUND_AT,
    H_HANGUP_AT,
    H_HANGUP_LEVEL,
    H_HANGUP_TALK_S,
    H_IN_AMOUNT,
    H_IN_AT,
    H_LINE_AT,
    H_OPEN,
    H_OUT_AMOUNT,
    H_OUT_AT,
    H_REFUND_AMOUNT,
    H_REFUND_AT,
    H_STAGE_AT,
    H_SUSPECT_HANGUP_AT,
    H_TAINT_AT,
    H_VICTIM,
    H_VICTIM_AT,
    H_VICTIM_CLEARED,
    NUMBERS,
    O_LEVEL,
    O_START,
    OPEN_STRIDE,
    P_AMOUNT,
    P_BITS,
    P_CALLED_IN,
    P_COUNT,
    P_FIRST_MIN,
    P_HARMLESS,
    P_LAST_MIN,
    PAIR_STRIDE,
    R_HEAD,
    R_PAIR_COUNT,
    R_PAIRS,
    S_MAX_OUT,
    S_OUT,
    S_OUT_AMOUNT,
    S_SUSPECT_TALK_S,
)
from features.kernel.record_state import Scratch, State, find_pair, read_tiles
from features.kernel.semantics import (
    CONFIRMED_LEVEL,
    DAY_MS,
    FRESH_NUMBER_DAYS,
    HOUR_MS,
    MAX_LEVEL,
    MINUTE_MS,
    MOSTLY_SHORT,
    N_OPEN,
    OPEN_CALL_MAX_MS,
    PAIR_CAPACITY,
    SECOND_MS,
    SUSPECT_LEVEL,
    W_24H,
    W_30D,
    WIDE_FAN_OUT,
    YOUNG_PAIR_MINUTES,
)
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
    wires: np.ndarray,
    scratch: Scratch,
    vectors: np.ndarray,
) -> tuple[int, bool, bool, int, int]:
    """Write the subscriber's features into a row whose first-degree slots are already filled.

    Returns:
        What the step needs again: the level of suspicion against the other number, whether the pair
        is new, whether it is young, the level and the seconds of the call that is going on.
    """
    head, h = state.cells, state.meta[r, R_HEAD]
    now = max(b[i, B_TIME], head[h + H_CLOCK])
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
    level = _facts(b, i, offset_ms, known, doubtful, wires, scratch.scalars, vectors)
    on_level, on_seconds = _on_the_line(head, h, now, scratch)
    _relay(state, r, now, scratch.scalars)
    _history(head, h, now, scratch.scalars)
    if _OUT_FIRST <= b[i, B_KIND] <= _OUT_LAST:
        _amounts(state, head, h, pair, b[i, B_AMOUNT], now, scratch)
    acc, dist, scalars = scratch.acc, scratch.dist, scratch.scalars
    evaluate(program, bounds, BLOCK_SUBSCRIBER, acc, dist, scalars, vectors, i)
    return level, new, young, on_level, on_seconds


@inner
def _pair(
    state: State, r: int, b: np.ndarray, i: int, now: int, s: np.ndarray
) -> tuple[bool, bool, int]:
    if b[i, B_COUNTERPARTY] == 0:
        return False, False, -1
    table = ACCOUNTS if b[i, B_FLAGS] & ACCOUNT else NUMBERS
    pair = find_pair(state, r, table, pairs.short_id(b[i, B_COUNTERPARTY]))
    minute = now // MINUTE_MS
    if pair < 0:
        s[SC_PAIR_NEW] = 1.0
        s[SC_PAIR_COUNT] = 0.0
        return True, True, -1
    age = minute - state.cells[pair + P_FIRST_MIN]
    s[SC_PAIR_NEW] = 0.0
    s[SC_PAIR_COUNT] = state.cells[pair + P_COUNT]
    s[SC_PAIR_AGE_DAYS] = age / 1440
    s[SC_PAIR_IDLE_HOURS] = (minute - state.cells[pair + P_LAST_MIN]) / 60
    return False, age <= YOUNG_PAIR_MINUTES, pair


@inner
def _known_of(
    state: State, b: np.ndarray, i: int, young: bool, pair: int, now: int
) -> tuple[int, bool]:
    """The level that stays with a number since earlier calls, and whether its call is to be judged.

    A call of somebody new is, unless an outcome has cleared the number for this subscriber.
    """
    doubtful = young and b[i, B_FLAGS] & INBOUND != 0
    if pair < 0 or b[i, B_FLAGS] & ACCOUNT:
        return 0, doubtful
    harmless = state.cells[pair + P_BITS] & P_HARMLESS != 0
    return pairs.level(state.cells, pair, now // MINUTE_MS), doubtful and not harmless


@inner
def _facts(
    b: np.ndarray,
    i: int,
    offset_ms: int,
    known: int,
    doubtful: bool,
    wires: np.ndarray,
    s: np.ndarray,
    vectors: np.ndarray,
) -> int:
    """The event itself; returns the level of suspicion against the other number."""
    kind, flags = b[i, B_KIND], b[i, B_FLAGS]
    local = b[i, B_TIME] + offset_ms
    s[SC_KIND] = kind
    s[SC_HOUR] = local // HOUR_MS % 24
    s[SC_WEEKDAY] = (local // DAY_MS + _EPOCH_WEEKDAY) % 7
    if kind <= _ENDED:
        s[SC_FOREIGN] = 1.0 if flags & FOREIGN else 0.0
        s[SC_SHORT_CODE] = 1.0 if flags & SHORT_CODE else 0.0
        s[SC_ATTESTATION] = flags >> ATTESTATION_SHIFT & 3
        s[SC_INBOUND] = flags & INBOUND
        if kind == _ENDED:
            s[SC_TALK_SECONDS] = b[i, B_DURATION] // SECOND_MS
        level = max(known, _suspicion(flags, doubtful, wires, vectors, i))
        s[SC_CALLER_LEVEL] = level
        return level
    if _OUT_FIRST <= kind <= _IN_LAST:
        s[SC_AMOUNT] = b[i, B_AMOUNT]
        s[SC_PURPOSE] = flags >> PURPOSE_SHIFT & 15
        s[SC_CHANNEL] = flags >> CHANNEL_SHIFT & 7
    return 0


@inner
def _suspicion(flags: int, doubtful: bool, wires: np.ndarray, vectors: np.ndarray, i: int) -> int:
    """0 (none) to 7: what is known against a number before a word is said."""
    level = CONFIRMED_LEVEL if vectors[i, wires[WIRE_NUMBER_CONFIRMED]] > 0 else 0
    if doubtful:
        level += 1
        age = vectors[i, wires[WIRE_AGE]]
        if np.isnan(age) or age < FRESH_NUMBER_DAYS:
            level += 1
        if flags & FOREIGN:
            level += 1
        if flags >> ATTESTATION_SHIFT & 3 == _ATTESTATION_C:
            level += 1
        if vectors[i, wires[WIRE_FAN_OUT]] >= WIDE_FAN_OUT:
            level += 1
        if vectors[i, wires[WIRE_SHORT]] >= MOSTLY_SHORT:
            level += 1
    return min(level, MAX_LEVEL)


@inner
def _on_the_line(head: np.ndarray, h: int, now: int, scratch: Scratch) -> tuple[int, int]:
    """The call going on (the one begun last, if two are), the calls before it, the line."""
    s = scratch.scalars
    open_at, start = -1, -1
    for j in range(N_OPEN):
        at = h + H_OPEN + j * OPEN_STRIDE
        began = head[at + O_START]
        if began > start and head[at] != 0 and now - began <= OPEN_CALL_MAX_MS:
            open_at, start = at, began
    level, seconds = 0, 0
    s[SC_ON_CALL] = 0.0
    if open_at >= 0:
        level, seconds = head[open_at + O_LEVEL], (now - start) // SECOND_MS
        s[SC_ON_CALL] = 1.0
        s[SC_ON_CALL_MINUTES] = seconds / 60
        s[SC_ON_CALL_LEVEL] = level
    suspect_s = scratch.acc[W_24H, S_SUSPECT_TALK_S]
    if level >= SUSPECT_LEVEL:
        suspect_s += seconds
    s[SC_SUSPECT_TALK_MINUTES] = suspect_s / 60
    s[SC_HANGUP_MINUTES] = _ago(now, head[h + H_HANGUP_AT], MINUTE_MS)
    if head[h + H_HANGUP_AT] > 0:
        s[SC_HANGUP_TALK_SECONDS] = head[h + H_HANGUP_TALK_S]
        s[SC_HANGUP_LEVEL] = head[h + H_HANGUP_LEVEL]
    s[SC_SUSPECT_HANGUP_MINUTES] = _ago(now, head[h + H_SUSPECT_HANGUP_AT], MINUTE_MS)
    s[SC_FORWARDING_ON] = 1.0 if head[h + H_FORWARDING_AT] > 0 else 0.0
    s[SC_DND_ON] = 1.0 if head[h + H_DND_AT] > 0 else 0.0
    s[SC_LINE_MINUTES] = _ago(now, head[h + H_LINE_AT], MINUTE_MS)
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
    for at in range(base, base + state.meta[r, R_PAIR_COUNT + NUMBERS] * PAIR_STRIDE, PAIR_STRIDE):
        young = minute - state.cells[at + P_FIRST_MIN] <= YOUNG_PAIR_MINUTES
        if young and state.cells[at + P_BITS] & P_CALLED_IN:
            day += 1
            if minute - state.cells[at + P_LAST_MIN] <= 60:
                hour += 1
    s[SC_RELAY_1H] = hour
    s[SC_RELAY_24H] = day


@inner
def _history(head: np.ndarray, h: int, now: int, s: np.ndarray) -> None:
    if head[h + H_EVENTS] > 0:
        s[SC_AGE_DAYS] = (now - head[h + H_FIRST]) / DAY_MS
        s[SC_IDLE_MINUTES] = (now - head[h + H_CLOCK]) / MINUTE_MS
    s[SC_OUT_IDLE_DAYS] = _ago(now, head[h + H_OUT_AT], DAY_MS)
    s[SC_SINCE_INCOMING] = _ago(now, head[h + H_IN_AT], MINUTE_MS)
    s[SC_SINCE_FUNDING] = _ago(now, head[h + H_FUND_AT], MINUTE_MS)
    s[SC_SINCE_REFUND] = _ago(now, head[h + H_REFUND_AT], MINUTE_MS)
    s[SC_VICTIM] = head[h + H_VICTIM]
    s[SC_VICTIM_CLEARED] = head[h + H_VICTIM_CLEARED]
    s[SC_VICTIM_DAYS] = _ago(now, head[h + H_VICTIM_AT], DAY_MS)
    s[SC_TAINT_HOURS] = _ago(now, head[h + H_TAINT_AT], HOUR_MS)
    stage = current_stage(head, h, now)
    s[SC_STAGE] = stage
    if stage > 0:
        s[SC_STAGE_MINUTES] = (now - head[h + H_STAGE_AT]) / MINUTE_MS
        s[SC_EPISODE_MINUTES] = (now - head[h + H_EPISODE_AT]) / MINUTE_MS


@inner
def _amounts(
    state: State, head: np.ndarray, h: int, pair: int, amount: int, now: int, scratch: Scratch
) -> None:
    """An outgoing amount against the payer's own past."""
    s, acc = scratch.scalars, scratch.acc
    s[SC_AMOUNT_TO_MEAN] = _to_mean(amount, acc[W_30D, S_OUT], acc[W_30D, S_OUT_AMOUNT])
    s[SC_AMOUNT_TO_MAX] = _over(amount, acc[W_30D, S_MAX_OUT])
    s[SC_AMOUNT_TO_PREVIOUS] = _over(amount, head[h + H_OUT_AMOUNT])
    if now - head[h + H_IN_AT] <= DAY_MS:
        s[SC_AMOUNT_TO_INCOMING] = _over(amount, head[h + H_IN_AMOUNT])
    if now - head[h + H_REFUND_AT] <= 7 * DAY_MS:
        s[SC_AMOUNT_TO_REFUND] = _over(amount, head[h + H_REFUND_AMOUNT])
    if now - head[h + H_FUND_AT] <= 7 * DAY_MS:
        s[SC_AMOUNT_TO_FUNDING] = _over(amount, head[h + H_FUND_AMOUNT])
    if pair >= 0:
        count, total = state.cells[pair + P_COUNT], state.cells[pair + P_AMOUNT]
        s[SC_AMOUNT_TO_PAIR_MEAN] = _to_mean(amount, count, total)


@inner
def _over(amount: int, below: int) -> float:
    return np.float64(amount) / np.float64(below) if below > 0 else np.nan


@inner
def _to_mean(amount: int, count: int, total: int) -> float:
    if total <= 0:
        return np.nan
    return np.float64(amount) * np.float64(count) / np.float64(total)
