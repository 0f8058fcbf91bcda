"""The loop over events: in order, each reads the state before it and is then applied.

One function serves every use: the worker executes all parts at once; a backfill executes the parts one
after another, each in parallel over disjoint records; a lost race applies the shared parts without reading.
"""

from typing import NamedTuple

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
from features.kernel.compilation import entry, inlined, inner
from features.kernel.program import Program, Values
from features.kernel.record_layout import (
    B_FRESH,
    BATCH,
    E_COUNTED,
    E_NEW,
    E_PRESSED,
    E_TAINTED,
    PART_SECOND,
    PART_SHARED,
    PART_SUBSCRIBER,
    SHARED_HEAD,
)
from features.kernel.record_layout import SUBSCRIBER_HEAD as HEAD
from features.kernel.record_state import Context, Cursor, State, event_cursor
from features.kernel.shared.shared_updates import apply_first_degree, apply_second_degree
from features.kernel.shared.shared_values import read_first_degree, read_second_degree
from features.kernel.subscriber.apply import apply_event, mark_tainted
from features.kernel.subscriber.stage import current_stage
from features.kernel.subscriber.subscriber_values import read_subscriber
from features.kernel.tiles import CUT_SIZE, set_cutoffs
from features.kinds import ACCOUNT, CONTINUATION


class Share(NamedTuple):
    """What part of the work one call does.

    Attributes:
        parts: any of PART_SHARED, PART_SUBSCRIBER and PART_SECOND.
        shard: only records whose index modulo ``shards`` is this are touched.
        shards: 1 for all records.
    """

    parts: int
    shard: int
    shards: int


@entry
def execute(
    state: State,
    batch: np.ndarray,
    rows: np.ndarray,
    program: Program,
    share: Share,
    vectors: np.ndarray,
    effects: np.ndarray,
) -> None:
    """Execute ``rows`` in order.

    Args:
        state: the records; changed.
        batch: int64 [n, BATCH_COLUMNS], all events of the run.
        rows: indices of events, in the order of application.
        program: of the catalog.
        share: parts and records to do.
        vectors: float32 [n, features]; written.
        effects: int64 [n], what the subscriber's record says of each event; written or read.
    """
    values = Values(
        np.zeros((N_WINDOWS, MAX_CHANNELS), np.int64),
        np.zeros((2, N_DISTINCT), np.float64),
        np.zeros(MAX_SCALARS, np.float64),
        vectors,
    )
    cut = np.full(CUT_SIZE, -1, np.int64)
    _execute(state, batch, rows, program, share, values, cut, effects)


@entry
def reapply(
    state: State, batch: np.ndarray, rows: np.ndarray, offset_ms: int, effects: np.ndarray
) -> None:
    """Apply events to shared records once more, from the effects of their run; reads nothing."""
    cut = np.full(CUT_SIZE, -1, np.int64)
    _reapply(state, batch, rows, offset_ms, effects, cut)


@inner
def _execute(  # noqa: C901 - three parts in one loop; a call a part would hide their order
    state: State,
    batch: np.ndarray,
    rows: np.ndarray,
    program: Program,
    share: Share,
    values: Values,
    cut: np.ndarray,
    effects: np.ndarray,
) -> None:
    for i in rows:
        if share.parts & PART_SHARED:
            for which in range(1, 3):
                r = batch[i, BATCH.slots + which]
                if _is_mine(share, r):
                    c = event_cursor(state, r, cut, program.offset_ms, batch, i)
                    read_first_degree(c, program, values)
                    if batch[i, B_FRESH + which]:
                        apply_first_degree(c)
        if share.parts & PART_SUBSCRIBER:
            r = batch[i, BATCH.slots]
            if _is_mine(share, r):
                c = event_cursor(state, r, cut, program.offset_ms, batch, i)
                effects[i] = _execute_subscriber(c, program, values, batch[i, B_FRESH] != 0)
        if share.parts & PART_SECOND:
            for which in range(1, 3):
                r = batch[i, BATCH.slots + which]
                if _is_mine(share, r):
                    c = event_cursor(state, r, cut, program.offset_ms, batch, i)
                    read_second_degree(c, program, values)
                    if batch[i, B_FRESH + which]:
                        apply_second_degree(c, effects[i])


@inner
def _reapply(
    state: State,
    batch: np.ndarray,
    rows: np.ndarray,
    offset_ms: int,
    effects: np.ndarray,
    cut: np.ndarray,
) -> None:
    for i in rows:
        for which in range(1, 3):
            r = batch[i, BATCH.slots + which]
            if r >= 0 and batch[i, B_FRESH + which]:
                c = event_cursor(state, r, cut, offset_ms, batch, i)
                set_cutoffs(c, max(c.cells[c.head + SHARED_HEAD.clock], c.time_ms))
                apply_first_degree(c)
                apply_second_degree(c, effects[i])


@inner
def _is_mine(share: Share, record: int) -> bool:
    return record >= 0 and (share.shards == 1 or record % share.shards == share.shard)


@inlined
def _execute_subscriber(c: Cursor, program: Program, values: Values, is_fresh: bool) -> int:
    """Read an event's subscriber and apply the event; its effects on the shared records."""
    if c.flags & CONTINUATION:
        return 0
    context = read_subscriber(c, program, values)
    effects = _effects(c, context)
    if not is_fresh or not apply_event(c, context):
        return effects
    of_account = program.inputs[INPUTS.account_confirmed]
    of_number = program.inputs[INPUTS.number_confirmed]
    if values.vectors[c.row, of_account if c.flags & ACCOUNT else of_number] > 0:
        mark_tainted(c)
    return effects | E_COUNTED


@inner
def _effects(c: Cursor, context: Context) -> int:
    """What the record says of a contact with a new or young counterparty, as bits ``E_...``."""
    if not context.is_young:
        return 0
    cells, head = c.cells, c.head
    now = max(c.time_ms, cells[head + HEAD.clock])
    effects = E_NEW if context.is_new else 0
    victim = _within(now, cells[head + HEAD.confirmed_at], VICTIM_MS)
    if victim or _within(now, cells[head + HEAD.taint_at], TAINT_MS):
        effects |= E_TAINTED
    pressed = context.on_call_level >= SUSPECT_LEVEL or current_stage(c, now) >= LATE_STAGE
    if pressed or _within(now, cells[head + HEAD.suspect_hangup_at], PRESSED_MS):
        effects |= E_PRESSED
    return effects


@inner
def _within(now: int, then: int, span_ms: int) -> bool:
    return then > 0 and now - then <= span_ms
