"""The walk over events: in order, each reads the state before it and is then applied.

One function serves every use: the worker walks all parts at once; a backfill walks the parts one after
another, each in parallel over disjoint records; a lost race walks the shared parts without reading.
"""

import numpy as np

from features.catalog.channels import MAX_CHANNELS
from features.catalog.schema import INPUTS, MAX_SCALARS
from features.catalog.semantics import (
    LATE_STAGE,
    N_DISTINCT,
    N_WINDOWS,
    PRESSED_MS,
    SUSPECT_LEVEL,
    TAINT_MS,
    VICTIM_MS,
)
from features.kernel.compilation import entry, inner
from features.kernel.record_layout import (
    B_FRESH,
    BATCH,
    E_COUNTED,
    E_NEW,
    E_PRESSED,
    E_TAINTED,
    HEAD,
    PART_SECOND,
    PART_SHARED,
    PART_SUBSCRIBER,
    R_HEAD,
    SUBSCRIBER_HEAD,
)
from features.kernel.record_state import Scratch, State
from features.kernel.shared.shared_records import apply_first, apply_second, read_first, read_second
from features.kernel.subscriber.apply import step_subscriber, taint
from features.kernel.subscriber.stage import current_stage
from features.kernel.subscriber.subscriber_values import read_subscriber
from features.kernel.tiles import CUT_SIZE, cutoffs
from features.kinds import ACCOUNT, CONTINUATION


@entry
def execute(  # noqa: C901 - three phases in one loop; a call a phase would hide their order
    state: State,
    b: np.ndarray,
    rows: np.ndarray,
    parts: int,
    shard: int,
    shards: int,
    offset_ms: int,
    program: np.ndarray,
    bounds: np.ndarray,
    inputs: np.ndarray,
    vectors: np.ndarray,
    effects: np.ndarray,
) -> None:
    """Walk ``rows`` in order.

    Args:
        state: the records.
        b: all events of the run.
        rows: indices of events, in the order of application.
        parts: which of PART_SHARED, PART_SUBSCRIBER and PART_SECOND to do.
        shard: with ``shards``: only records whose index leaves this rest are touched.
        shards: 1 for all records.
        offset_ms: local time is UTC plus this.
        program: the vector program; uint32 [features, 6].
        bounds: where each operation of each block begins in it; int64 [blocks * operations + 1].
        inputs: slots of the features that the step reads.
        vectors: float32 [n, features]; written.
        effects: int64 [n], what the subscriber's step says of each event; written or read.
    """
    scratch = Scratch(
        np.full(CUT_SIZE, -1, np.int64),
        np.zeros((N_WINDOWS, MAX_CHANNELS), np.int64),
        np.zeros((2, N_DISTINCT), np.float64),
        np.zeros(MAX_SCALARS, np.float64),
    )
    cut = scratch.cut
    for i in rows:
        time_ms = b[i, BATCH.time_ms]
        if parts & PART_SHARED:
            for which in range(1, 3):
                r = b[i, BATCH.slots + which]
                if r >= 0 and (shards == 1 or r % shards == shard):
                    read_first(state, r, time_ms, offset_ms, program, bounds, scratch, vectors, i)
                    if b[i, B_FRESH + which]:
                        apply_first(state, r, b, i, offset_ms, cut)
        if parts & PART_SUBSCRIBER:
            r = b[i, BATCH.slots]
            if r >= 0 and (shards == 1 or r % shards == shard):
                effects[i] = _subscriber(
                    state, r, b, i, offset_ms, program, bounds, inputs, scratch, vectors
                )
        if parts & PART_SECOND:
            for which in range(1, 3):
                r = b[i, BATCH.slots + which]
                if r >= 0 and (shards == 1 or r % shards == shard):
                    read_second(state, r, time_ms, offset_ms, program, bounds, scratch, vectors, i)
                    if b[i, B_FRESH + which]:
                        apply_second(state, r, time_ms, effects[i], offset_ms, cut)


@entry
def reapply(
    state: State, b: np.ndarray, rows: np.ndarray, offset_ms: int, effects: np.ndarray
) -> None:
    """Apply events to shared records once more, from what was said about them; reads nothing."""
    cut = np.full(CUT_SIZE, -1, np.int64)
    for i in rows:
        for which in range(1, 3):
            r = b[i, BATCH.slots + which]
            if r >= 0 and b[i, B_FRESH + which]:
                clock = state.cells[state.meta[r, R_HEAD] + HEAD.clock]
                cutoffs(max(clock, b[i, BATCH.time_ms]) + offset_ms, cut)
                apply_first(state, r, b, i, offset_ms, cut)
                apply_second(state, r, b[i, BATCH.time_ms], effects[i], offset_ms, cut)


@inner
def _subscriber(
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
) -> int:
    if b[i, BATCH.flags] & CONTINUATION:
        return 0
    head, h = state.cells, state.meta[r, R_HEAD]
    level, new, young, on_level, on_seconds = read_subscriber(
        state, r, b, i, offset_ms, program, bounds, inputs, scratch, vectors
    )
    effects = 0
    if young:
        effects |= E_NEW if new else 0
        now = max(b[i, BATCH.time_ms], head[h + HEAD.clock])
        if _within(now, head[h + SUBSCRIBER_HEAD.confirmed_at], VICTIM_MS) or _within(
            now, head[h + SUBSCRIBER_HEAD.taint_at], TAINT_MS
        ):
            effects |= E_TAINTED
        pressed = on_level >= SUSPECT_LEVEL or current_stage(head, h, now) >= LATE_STAGE
        if pressed or _within(now, head[h + SUBSCRIBER_HEAD.suspect_hangup_at], PRESSED_MS):
            effects |= E_PRESSED
    if not b[i, B_FRESH]:
        return effects
    first_sight = step_subscriber(
        state, r, b, i, offset_ms, level, new, young, on_level, on_seconds, scratch.cut
    )
    confirmed = INPUTS.account_confirmed if b[i, BATCH.flags] & ACCOUNT else INPUTS.number_confirmed
    if first_sight and vectors[i, inputs[confirmed]] > 0:
        taint(head, h, b[i, BATCH.time_ms])
    return effects | E_COUNTED if first_sight else effects


@inner
def _within(now: int, then: int, span_ms: int) -> bool:
    return then > 0 and now - then <= span_ms
