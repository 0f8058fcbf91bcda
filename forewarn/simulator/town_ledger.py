"""Events of the town as integer columns: calls, postings and line changes.

Every part of the simulator appends whole arrays; no object per event exists. A row of
``calls`` is one *leg* (a call between two subscribers is two legs), a row of ``postings`` is one
transfer as seen by one subscriber. Events are expanded from them only when the town is written.

The last three columns are the truth: ``scene`` (why it happened), ``episode`` (-1 outside fraud)
and ``stage`` of that episode.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]


class Scene(IntEnum):
    """Why something happened; everything from ``FRAUD`` on is fraud, the rest is honest."""

    EVERYDAY = 0
    COURIER = 1
    SALES_CALL = 2
    BANK_CALLBACK = 3
    GRANDPARENT_GIFT = 4
    HOUSE_DEPOSIT = 5
    RELATIVE_ABROAD = 6
    PAYROLL = 7
    HOSPITAL = 8
    HONEST_LOAN = 9
    URGENT_FAVOUR = 10
    LINE_HABIT = 11
    FRAUD = 12
    FRAUD_REJECTED = 13
    MULE = 14


class EpisodeStage(IntEnum):
    """Where an episode stands; ``NONE`` outside fraud."""

    NONE = 0
    CONTACT = 1
    LONG_CALL = 2
    ISOLATION = 3
    FUNDING = 4
    TRIAL = 5
    PAYMENT = 6
    ESCALATION = 7
    RECEIPT = 8
    ONWARD = 9


class Settlement(IntEnum):
    """What becomes of a posting after it was attempted."""

    COMPLETED = 0
    BLOCKED = 1
    REVERSED = 2
    ABANDONED = 3


PURPOSES = ("transfer", "purchase", "bill", "salary", "loan", "refund", "savings_break", "cash")
CHANNELS = ("app", "web", "counter", "atm", "pos", "phone")
ATTESTATIONS = ("A", "B", "C", "none")

CALLS: dict[str, type] = {
    "person": np.int32,
    "other": np.int32,
    "inbound": np.bool_,
    "start_ms": np.int64,
    "duration_ms": np.int64,
    "answered": np.bool_,
    "attestation": np.uint8,
    "scene": np.uint8,
    "episode": np.int32,
    "stage": np.uint8,
}
POSTINGS: dict[str, type] = {
    "person": np.int32,
    "own": np.int32,
    "other": np.int32,
    "outgoing": np.bool_,
    "time_ms": np.int64,
    "settle_ms": np.int64,
    "amount_minor": np.int64,
    "purpose": np.uint8,
    "channel": np.uint8,
    "settlement": np.uint8,
    "device": np.int32,
    "scene": np.uint8,
    "episode": np.int32,
    "stage": np.uint8,
}
LINES: dict[str, type] = {
    "person": np.int32,
    "time_ms": np.int64,
    "forwarding": np.bool_,
    "active": np.bool_,
    "target": np.int32,
    "scene": np.uint8,
    "episode": np.int32,
    "stage": np.uint8,
}

_DEFAULTS: dict[str, int] = {
    "answered": 1,
    "attestation": 255,  # drawn for all calls together once the ledger is closed
    "scene": Scene.EVERYDAY,
    "episode": -1,
    "stage": EpisodeStage.NONE,
    "outgoing": 1,
    "settle_ms": 0,
    "purpose": 0,
    "channel": 0,  # of what is paid, drawn for all together once the ledger is closed
    "settlement": Settlement.COMPLETED,
    "device": -1,  # the person's own
    "own": -1,  # the person's first account
    "target": -1,
}


class Table:
    """Columns that grow by whole batches."""

    def __init__(self, schema: Mapping[str, type]) -> None:
        self._schema = schema
        self._batches: list[dict[str, Column]] = []

    def add(self, count: int, **columns: object) -> None:
        """Append ``count`` rows; a scalar is the same in all of them, a missing one its default."""
        if count == 0:
            return
        batch: dict[str, Column] = {}
        for name, dtype in self._schema.items():
            given = columns.pop(name, None)
            value = _DEFAULTS[name] if given is None else given
            batch[name] = np.broadcast_to(np.asarray(value).astype(dtype), (count,))
        if columns:
            raise TypeError(f"no such columns: {sorted(columns)}")
        self._batches.append(batch)

    def columns(self) -> dict[str, Column]:
        """All rows so far, in the order of adding."""
        if not self._batches:
            return {name: np.empty(0, dtype) for name, dtype in self._schema.items()}
        return {
            name: np.concatenate([batch[name] for batch in self._batches]) for name in self._schema
        }

    def __len__(self) -> int:
        return sum(batch["person"].size for batch in self._batches)


class TownLedger:
    """The three tables of a town in the making."""

    def __init__(self) -> None:
        self.calls = Table(CALLS)
        self.postings = Table(POSTINGS)
        self.lines = Table(LINES)
