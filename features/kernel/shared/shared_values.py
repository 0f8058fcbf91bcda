"""What an event reads of the records of its number, account and device: the state before it."""

import numpy as np

from features.catalog.declaration import BLOCK_SECOND, BLOCK_SHARED
from features.catalog.schema import SHARED_SCALARS as SCALARS
from features.catalog.semantics import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    RISK_PRIOR,
    RISK_WEIGHTS,
    W_7D,
    W_24H,
    W_30D,
)
from features.kernel.compilation import inlined, inner
from features.kernel.distinct_counts import count_distinct
from features.kernel.program import Program, Values, evaluate
from features.kernel.record_layout import SHARED_HEAD as HEAD
from features.kernel.record_state import Cursor
from features.kernel.shared.shared_updates import confirmed_channel, contact_channel
from features.kernel.tiles import read_tiles, set_cutoffs

_DAY_WEIGHT, _WEEK_WEIGHT, _MONTH_WEIGHT = (int(weight) for weight in RISK_WEIGHTS)


@inlined
def read_first_degree(c: Cursor, program: Program, values: Values) -> None:
    """Write the first-degree features of a record into the event's vector."""
    now = max(c.time_ms, c.cells[c.head + HEAD.clock])
    set_cutoffs(c, now)
    read_tiles(c, 0, values.acc)
    count_distinct(c, 0, values.dist[0])
    _read_scalars(c, now, values.scalars)
    values.scalars[SCALARS.confirmation_risk] = _decaying_risk(c.entity, values.acc)
    evaluate(c, program, values, BLOCK_SHARED + c.entity - 1)


@inner
def _read_scalars(c: Cursor, now: int, scalars: np.ndarray) -> None:
    cells, head = c.cells, c.head
    known = cells[head + HEAD.events] > 0
    age_days = (now - cells[head + HEAD.first_at]) / DAY_MS
    scalars[SCALARS.age_days] = age_days if known else np.nan
    idle_hours = (now - cells[head + HEAD.clock]) / HOUR_MS
    scalars[SCALARS.idle_hours] = idle_hours if known else np.nan
    scalars[SCALARS.confirmed] = cells[head + HEAD.confirmed]
    scalars[SCALARS.cleared] = cells[head + HEAD.cleared]
    confirmed_at = cells[head + HEAD.confirmed_at]
    confirmed_days = (now - confirmed_at) / DAY_MS
    scalars[SCALARS.confirmed_since_days] = confirmed_days if confirmed_at > 0 else np.nan
    onward = cells[head + HEAD.onward_ms]
    scalars[SCALARS.onward_minutes] = (onward - 1) / MINUTE_MS if onward > 0 else np.nan
    received_at = cells[head + HEAD.received_at]
    received_minutes = (now - received_at) / MINUTE_MS
    scalars[SCALARS.receipt_since_minutes] = received_minutes if received_at > 0 else np.nan


@inner
def _decaying_risk(entity: int, acc: np.ndarray) -> float:
    """Confirmations for each contact, weighted by the windows that still hold them; ``acc`` is [windows, channels]."""
    confirmed = _weighted(acc, confirmed_channel(entity))
    contacts = _weighted(acc, contact_channel(entity))
    return np.float64(confirmed) / np.float64(contacts + RISK_PRIOR)


@inner
def _weighted(acc: np.ndarray, channel: int) -> int:
    return int(
        _DAY_WEIGHT * acc[W_24H, channel]
        + _WEEK_WEIGHT * acc[W_7D, channel]
        + _MONTH_WEIGHT * acc[W_30D, channel]
    )


@inlined
def read_second_degree(c: Cursor, program: Program, values: Values) -> None:
    """Write the second-degree features of a record into the event's vector."""
    set_cutoffs(c, max(c.time_ms, c.cells[c.head + HEAD.clock2]))
    read_tiles(c, 1, values.acc)
    evaluate(c, program, values, BLOCK_SECOND + c.entity - 1)
