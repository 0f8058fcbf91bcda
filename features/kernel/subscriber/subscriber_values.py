"""What an event reads of its subscriber: the state before it, at the record's clock or later."""

import numpy as np

from features.catalog.channels import ACCOUNTS, NUMBERS
from features.catalog.channels import SUBSCRIBER_TILE as TILE
from features.catalog.declaration import BLOCK_SUBSCRIBER
from features.catalog.schema import SCALARS
from features.catalog.semantics import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    N_OPEN_CALLS,
    OPEN_CALL_MAX_MS,
    SECOND_MS,
    SUSPECT_LEVEL,
    W_24H,
    W_30D,
    YOUNG_PAIR_MINUTES,
)
from features.kernel import pairs
from features.kernel.compilation import inlined, inner
from features.kernel.distinct_counts import count_distinct
from features.kernel.program import Program, Values, evaluate
from features.kernel.record_layout import BITS_CALLED_IN, OPEN_CALL, PAIR, PAIR_BITS
from features.kernel.record_layout import SUBSCRIBER_HEAD as HEAD
from features.kernel.record_state import Context, Cursor
from features.kernel.subscriber.stage import current_stage
from features.kernel.subscriber.suspicion import suspicion_level
from features.kernel.tiles import read_tiles, set_cutoffs
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
_EPOCH_WEEKDAY = 3  # 1 January 1970 was a Thursday; Monday is 0


@inlined
def read_subscriber(c: Cursor, program: Program, values: Values) -> Context:
    """Write the subscriber's features into the event's vector.

    The slots of first degree are filled already: the suspicion against a number depends on them.
    """
    scalars, now = values.scalars, max(c.time_ms, c.cells[c.head + HEAD.clock])
    set_cutoffs(c, now)
    read_tiles(c, 0, values.acc)
    count_distinct(c, NUMBERS, values.dist[NUMBERS])
    count_distinct(c, ACCOUNTS, values.dist[ACCOUNTS])
    for j in range(len(scalars)):
        scalars[j] = np.nan
    pair, is_young = _read_pair(c, now, scalars)
    level = 0
    if c.kind <= _ENDED:
        level = suspicion_level(c, program, values, pair, is_young, now)
    _read_event(c, level, scalars)
    on_call_level, on_call_seconds = _read_calls(c, now, values)
    _read_relay(c, now, scalars)
    _read_money(c, now, scalars)
    _read_history(c, now, scalars)
    if _OUT_FIRST <= c.kind <= _OUT_LAST:
        _read_amounts(c, pair, now, values)
    evaluate(c, program, values, BLOCK_SUBSCRIBER)
    is_new = c.counterparty != 0 and pair < 0
    return Context(level, is_new, is_young, on_call_level, on_call_seconds)


@inner
def _read_pair(c: Cursor, now: int, scalars: np.ndarray) -> tuple[int, bool]:
    """The pair of subscriber and counterparty: its index or -1, and whether it is young or new."""
    if c.counterparty == 0:
        return -1, False
    table = ACCOUNTS if c.flags & ACCOUNT else NUMBERS
    pair = pairs.find_pair(c, table, pairs.short_id(c.counterparty))
    if pair < 0:
        scalars[SCALARS.pair_is_new] = 1.0
        scalars[SCALARS.pair_earlier_count] = 0.0
        return -1, True
    minute = now // MINUTE_MS
    age = minute - c.cells[pair + PAIR.first_minute]
    scalars[SCALARS.pair_is_new] = 0.0
    scalars[SCALARS.pair_earlier_count] = c.cells[pair + PAIR.count]
    scalars[SCALARS.pair_age_days] = age / 1440
    scalars[SCALARS.pair_idle_hours] = (minute - c.cells[pair + PAIR.last_minute]) / 60
    return pair, age <= YOUNG_PAIR_MINUTES


@inner
def _read_event(c: Cursor, level: int, scalars: np.ndarray) -> None:
    """The event itself; ``level`` is the suspicion against the number of a call."""
    local_ms = c.time_ms + c.offset_ms
    scalars[SCALARS.event_kind] = c.kind
    scalars[SCALARS.local_hour] = local_ms // HOUR_MS % 24
    scalars[SCALARS.local_weekday] = (local_ms // DAY_MS + _EPOCH_WEEKDAY) % 7
    if c.kind <= _ENDED:
        scalars[SCALARS.caller_foreign] = 1.0 if c.flags & FOREIGN else 0.0
        scalars[SCALARS.caller_short_code] = 1.0 if c.flags & SHORT_CODE else 0.0
        scalars[SCALARS.caller_attestation] = c.flags >> ATTESTATION_SHIFT & 3
        scalars[SCALARS.call_inbound] = c.flags & INBOUND
        scalars[SCALARS.caller_suspicion] = level
        if c.kind == _ENDED:
            scalars[SCALARS.call_talk_seconds] = c.duration_ms // SECOND_MS
    elif _OUT_FIRST <= c.kind <= _IN_LAST:
        scalars[SCALARS.amount] = c.amount
        scalars[SCALARS.transfer_purpose] = c.flags >> PURPOSE_SHIFT & 15
        scalars[SCALARS.transfer_channel] = c.flags >> CHANNEL_SHIFT & 7


@inner
def _read_calls(c: Cursor, now: int, values: Values) -> tuple[int, int]:
    """The call in progress (the one started last, if two are), the calls before it, the line.

    Returns:
        Level and seconds of the call in progress; 0 and 0 without one.
    """
    cells, head, scalars = c.cells, c.head, values.scalars
    current, started = -1, -1
    for j in range(N_OPEN_CALLS):
        call = head + HEAD.open_calls + j * len(OPEN_CALL)
        start = cells[call + OPEN_CALL.start_at]
        is_open = cells[call + OPEN_CALL.subject_id] != 0 and now - start <= OPEN_CALL_MAX_MS
        if start > started and is_open:
            current, started = call, start
    level, seconds = 0, 0
    scalars[SCALARS.on_call_now] = 0.0
    if current >= 0:
        level, seconds = cells[current + OPEN_CALL.level], (now - started) // SECOND_MS
        scalars[SCALARS.on_call_now] = 1.0
        scalars[SCALARS.on_call_minutes] = seconds / 60
        scalars[SCALARS.on_call_suspicion] = level
    suspect_seconds = values.acc[W_24H, TILE.suspect_talk_seconds]
    if level >= SUSPECT_LEVEL:
        suspect_seconds += seconds
    scalars[SCALARS.suspect_talk_with_current_24h_minutes] = suspect_seconds / 60
    hangup_at, suspect_at = cells[head + HEAD.hangup_at], cells[head + HEAD.suspect_hangup_at]
    scalars[SCALARS.hangup_since_minutes] = _ago(now, hangup_at, MINUTE_MS)
    if hangup_at > 0:
        scalars[SCALARS.hangup_talk_seconds] = cells[head + HEAD.hangup_talk_seconds]
        scalars[SCALARS.hangup_suspicion] = cells[head + HEAD.hangup_level]
    scalars[SCALARS.suspect_hangup_since_minutes] = _ago(now, suspect_at, MINUTE_MS)
    scalars[SCALARS.forwarding_on] = 1.0 if cells[head + HEAD.forwarding_at] > 0 else 0.0
    scalars[SCALARS.do_not_disturb_on] = 1.0 if cells[head + HEAD.do_not_disturb_at] > 0 else 0.0
    line_minutes = _ago(now, cells[head + HEAD.line_at], MINUTE_MS)
    scalars[SCALARS.line_changed_since_minutes] = line_minutes
    return level, seconds


@inner
def _ago(now: int, then: int, unit_ms: int) -> float:
    return (now - then) / unit_ms if then > 0 else np.nan


@inner
def _read_relay(c: Cursor, now: int, scalars: np.ndarray) -> None:
    """How many numbers first met within a day have called, met within the hour and the day."""
    cells, minute = c.cells, now // MINUTE_MS
    hour, day = 0, 0
    base, end = pairs.bounds(c, NUMBERS)
    for pair in range(base, end, pairs.PAIR_STRIDE):
        is_young = minute - cells[pair + PAIR.first_minute] <= YOUNG_PAIR_MINUTES
        if is_young and cells[pair + PAIR_BITS] & BITS_CALLED_IN:
            day += 1
            if minute - cells[pair + PAIR.last_minute] <= 60:
                hour += 1
    scalars[SCALARS.relay_callers_1h] = hour
    scalars[SCALARS.relay_callers_24h] = day


@inner
def _read_money(c: Cursor, now: int, scalars: np.ndarray) -> None:
    """Time since the latest transfers."""
    cells, head = c.cells, c.head
    scalars[SCALARS.out_idle_days] = _ago(now, cells[head + HEAD.out_at], DAY_MS)
    scalars[SCALARS.incoming_since_minutes] = _ago(now, cells[head + HEAD.in_at], MINUTE_MS)
    funding_minutes = _ago(now, cells[head + HEAD.funding_at], MINUTE_MS)
    scalars[SCALARS.funding_since_minutes] = funding_minutes
    scalars[SCALARS.refund_since_minutes] = _ago(now, cells[head + HEAD.refund_at], MINUTE_MS)


@inner
def _read_history(c: Cursor, now: int, scalars: np.ndarray) -> None:
    """Age of the record, earlier cases, the stage."""
    cells, head = c.cells, c.head
    if cells[head + HEAD.events] > 0:
        scalars[SCALARS.subscriber_age_days] = (now - cells[head + HEAD.first_at]) / DAY_MS
        scalars[SCALARS.subscriber_idle_minutes] = (now - cells[head + HEAD.clock]) / MINUTE_MS
    scalars[SCALARS.victim_confirmed] = cells[head + HEAD.confirmed]
    scalars[SCALARS.victim_cleared] = cells[head + HEAD.cleared]
    scalars[SCALARS.victim_since_days] = _ago(now, cells[head + HEAD.confirmed_at], DAY_MS)
    scalars[SCALARS.taint_since_hours] = _ago(now, cells[head + HEAD.taint_at], HOUR_MS)
    stage = current_stage(c, now)
    scalars[SCALARS.stage] = stage
    if stage > 0:
        scalars[SCALARS.stage_since_minutes] = (now - cells[head + HEAD.stage_at]) / MINUTE_MS
        scalars[SCALARS.episode_minutes] = (now - cells[head + HEAD.episode_at]) / MINUTE_MS


@inner
def _read_amounts(c: Cursor, pair: int, now: int, values: Values) -> None:
    """An outgoing amount against the payer's own past."""
    cells, head, scalars, acc = c.cells, c.head, values.scalars, values.acc
    count, total = acc[W_30D, TILE.transfers_out], acc[W_30D, TILE.out_amount]
    scalars[SCALARS.amount_to_mean_30d] = _ratio_to_mean(c.amount, count, total)
    scalars[SCALARS.amount_to_max_30d] = _ratio(c.amount, acc[W_30D, TILE.max_out])
    scalars[SCALARS.amount_to_previous] = _ratio(c.amount, cells[head + HEAD.out_amount])
    if now - cells[head + HEAD.in_at] <= DAY_MS:
        scalars[SCALARS.amount_to_incoming_24h] = _ratio(c.amount, cells[head + HEAD.in_amount])
    if now - cells[head + HEAD.refund_at] <= 7 * DAY_MS:
        scalars[SCALARS.amount_to_refund_7d] = _ratio(c.amount, cells[head + HEAD.refund_amount])
    if now - cells[head + HEAD.funding_at] <= 7 * DAY_MS:
        scalars[SCALARS.amount_to_funding_7d] = _ratio(c.amount, cells[head + HEAD.funding_amount])
    if pair >= 0:
        count, total = cells[pair + PAIR.count], cells[pair + PAIR.amount]
        scalars[SCALARS.amount_to_pair_mean] = _ratio_to_mean(c.amount, count, total)


@inner
def _ratio(amount: int, other: int) -> float:
    return np.float64(amount) / np.float64(other) if other > 0 else np.nan


@inner
def _ratio_to_mean(amount: int, count: int, total: int) -> float:
    if total <= 0:
        return np.nan
    return np.float64(amount) * np.float64(count) / np.float64(total)
