"""Orders of the codes of the compact layout: what each number usually is, measured in the simulated town.

An order that fits badly costs a few bits a value and never a wrong value. `benchmarks/state_memory.py` shows what they
amount to.
"""

from typing import Any, Final

import numpy as np

from features.catalog.channels import (
    ACCOUNT_TILE,
    CONTACT_TILE,
    DEVICE_TILE,
    MAX_CHANNELS,
    NUMBER_TILE,
    SUBSCRIBER_TILE,
)
from features.kernel.record_layout import HEAD_PACKING, HEAD_PLACES, PACK_TIME

FIELDS: Final = np.array([6, 3, 3, 3], dtype=np.int64)
"""How many fields of the head are not 0."""
GAP: Final = 0

_TIME, _RECENT, _NUMBER = 28, 23, 2
_FIELD_ORDERS: Final = {
    "first_at": 29,
    "out_at": 23,
    "hangup_at": 23,
    "suspect_hangup_at": 24,
    "start_at": _RECENT,
    "end_at": _RECENT,
    "begun_at": _RECENT,
    "received_at": _TIME,
    "events": 8,
    "talk_seconds": 5,
    "hangup_talk_seconds": 7,
    "amount": 13,
    "out_amount": 13,
    "in_amount": 14,
    "funding_amount": 20,
    "refund_amount": 12,
    "onward_ms": _TIME,
    "hangup_level": 0,
}


def _head_orders() -> np.ndarray:
    orders = np.zeros(HEAD_PACKING.shape, np.int64)
    for entity, places in enumerate(HEAD_PLACES):
        for place, field in enumerate(places):
            usual = _TIME if HEAD_PACKING[entity, place] == PACK_TIME else _NUMBER
            orders[entity, place] = _FIELD_ORDERS.get(field, usual)
    # Most numbers and accounts are seen for a few minutes only, and a few times.
    for entity, first_at_order in ((1, 17), (2, 28)):
        orders[entity, HEAD_PLACES[entity].index("first_at")] = first_at_order
        orders[entity, HEAD_PLACES[entity].index("events")] = 2
    return orders


HEAD: Final = _head_orders()
"""By entity and place of the head; not used for ids."""

LEVEL: Final = 0
STEPS: Final = np.array([3, 2, 2, 1, 0, 0], dtype=np.int64)
"""Empty tiles between two tiles, by level."""

_TILES: Final[tuple[tuple[Any, Any], ...]] = (
    (SUBSCRIBER_TILE, None),
    (NUMBER_TILE, CONTACT_TILE),
    (ACCOUNT_TILE, CONTACT_TILE),
    (DEVICE_TILE, CONTACT_TILE),
)
_TWINS: Final = {
    "out_young_payee_amount": "out_amount",
    "max_out": "out_amount",
    "funding_amount": "in_amount",
    "received_amount": "attempt_amount",
    "max_attempt": "attempt_amount",
}
"""Channels that often hold what an earlier one holds: a tile of one transfer has its amount several times."""


def _channel_order(channel: str) -> int:
    if "amount" in channel or channel.startswith("max_"):
        return 14
    return 7 if channel.endswith("seconds") else 0


CHANNEL: Final = np.zeros((4, 2, MAX_CHANNELS), dtype=np.int64)
TWIN: Final = np.full((4, 2, MAX_CHANNELS), -1, dtype=np.int64)
for _entity, _series in enumerate(_TILES):
    for _part, _tile in enumerate(_series):
        for _place, _channel in enumerate(_tile._fields if _tile else ()):
            CHANNEL[_entity, _part, _place] = _channel_order(_channel)
            if _channel in _TWINS:
                TWIN[_entity, _part, _place] = getattr(_tile, _TWINS[_channel])

AGE_MINUTES: Final = np.array([[12, 13], [13, 0], [13, 0], [13, 0]], dtype=np.int64)
SPAN_MINUTES: Final = np.array([2, 14], dtype=np.int64)
"""Of a subscriber's pairs, by table: minutes between the first and the last contact."""
CONTACTS, PAIR_AMOUNT = 1, 12

BUCKETS, BUCKET_GAP, BUCKET_AGE = 6, 2, 13
