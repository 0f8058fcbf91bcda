"""The layout of a record in memory: the fields of its head, its pair tables and its descriptor.

Everything is a 64-bit integer. A record has a *descriptor*, a *head* (single fields), up to two *tile series* (part 0
depends on the event alone, part 1 on what the subscriber's record says of it; ``features.catalog.channels``)
and up to two *pair tables*. This module states where things are, ``features.catalog.semantics`` what they
mean.

A field of a head is declared by its name; its place and its encoding derive from it: ``..._at`` is a time,
``..._id`` has 32 bits, everything else is a number. A change of the stored bytes needs a new layout in
``features.record_header``.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from features.catalog.schema import indices
from features.catalog.semantics import (
    DAY_MS,
    HOUR_MS,
    N_CALLS,
    N_CASES_OWN,
    N_CASES_SHARED,
    N_OPEN_CALLS,
    N_SEEN,
    N_TRANSFERS,
    W_1M,
    W_6H,
    W_7D,
    W_15M,
    W_24H,
    W_30D,
)

# Levels of a tile series. A tile is kept at the finest level whose widest window still holds it.
LEVEL_TILE_MS: Final = np.array(
    [10_000, 60_000, 600_000, HOUR_MS, DAY_MS, 3 * DAY_MS], dtype=np.int64
)
LEVEL_WINDOW: Final = np.array([W_1M, W_15M, W_6H, W_24H, W_7D, W_30D], dtype=np.int64)
TILE_CAPACITY: Final = 112
"""More than the 98 tiles of all levels and the one partly merged tile at each of the five seams."""
COMPACT_AFTER: Final = 8
"""Tiles added before the series is compacted again; no value depends on it."""

# Encodings of a head field: a number, a time before the clock, a 32-bit id, or not stored.
PACK_NUMBER, PACK_TIME, PACK_ID, PACK_NOT = 0, 1, 2, 3
_NOT_STORED: Final = frozenset({"clock", "clock2"})
"""The clock is in the header; the clock of the second degree equals it between chunks."""


class Group(NamedTuple):
    """Places of the head that hold the same fields each, such as the last calls."""

    name: str
    places: int
    fields: Any


def _packing(field: str) -> int:
    if field in _NOT_STORED:
        return PACK_NOT
    if field.endswith("_at"):
        return PACK_TIME
    return PACK_ID if field.endswith("_id") else PACK_NUMBER


def _head(*parts: str | Group) -> tuple[Any, list[str]]:
    """The place of each field (of a group: of its first place), and the names of all places."""
    names: dict[str, int] = {}
    places: list[str] = []
    for part in parts:
        group = Group(part, 1, indices([part])) if isinstance(part, str) else part
        names[group.name] = len(places)
        places += list(group.fields._fields) * group.places
    head = indices(names)
    return head._replace(**names), places


OPEN_CALL: Final = indices(("subject_id", "number_id", "start_at", "level"))
PAST_CALL: Final = indices(("subject_id", "end_at", "talk_seconds", "revision", "state"))
STATE_UNANSWERED: Final = 8
"""State of a past call: its level (0 to 7), plus this if it was not answered."""
TRANSFER: Final = indices(("subject_id", "begun_at", "amount", "revision", "state"))
T_OUT, T_YOUNG, T_FUNDING, T_REFUSED, T_REVERSED, T_SETTLED = 1, 2, 4, 8, 16, 32
"""State of a remembered transfer, as bits."""
CASE: Final = indices(("case_id", "state"))
REVISION_FACTOR: Final = 4
"""State of a remembered case: its verdict, plus its revision times this."""

SUBSCRIBER_HEAD, _SUBSCRIBER_PLACES = _head(
    "clock",
    "first_at",
    "events",
    "out_at",
    "out_amount",
    "in_at",
    "in_amount",
    "funding_at",
    "funding_amount",
    "refund_at",
    "refund_amount",
    "forwarding_at",
    "do_not_disturb_at",
    "line_at",
    "stage",
    "stage_at",
    "episode_at",
    "confirmed",
    "cleared",
    "confirmed_at",
    "taint_at",
    "hangup_at",
    "hangup_talk_seconds",
    "hangup_level",
    "suspect_hangup_at",
    "out_lost_at",
    "forwarding_changed_at",
    "do_not_disturb_changed_at",
    Group("open_calls", N_OPEN_CALLS, OPEN_CALL),
    Group("calls", N_CALLS, PAST_CALL),
    Group("transfers", N_TRANSFERS, TRANSFER),
    "in_lost_at",
    Group("cases", N_CASES_OWN, CASE),
)
"""Head of a subscriber. ``clock`` is the newest event time applied; ``out_lost_at`` and ``in_lost_at`` are
when the newest transfer was begun that was evicted before it settled."""

SHARED_HEAD, _SHARED_PLACES = _head(
    "clock",
    "first_at",
    "events",
    "confirmed",
    "cleared",
    "confirmed_at",
    "received_at",
    "onward_ms",
    "clock2",
    Group("seen", N_SEEN, indices(("event_id",))),
    Group("cases", N_CASES_SHARED, CASE),
)
"""Head of a number, account or device. ``seen`` holds the last events, to recognise a producer's duplicate;
cases have places of their own, because calls and transfers would evict them."""

HEAD: Final = indices(("clock", "first_at", "events"))
"""The fields with which every head begins."""

HEAD_PLACES: Final = (_SUBSCRIBER_PLACES, *3 * [_SHARED_PLACES])
"""Names of all fields of each entity's head."""
HEAD_FIELDS: Final = np.array([len(places) for places in HEAD_PLACES], dtype=np.int64)
HEAD_PACKING: Final = np.zeros((4, int(HEAD_FIELDS.max())), dtype=np.uint8)
for _entity, _places in enumerate(HEAD_PLACES):
    HEAD_PACKING[_entity, : len(_places)] = [_packing(_field) for _field in _places]

PAIR: Final = indices(("pair_id", "first_minute", "last_minute", "count", "amount"))
"""A recent counterparty. A number has bits in the place of an account's amount."""
PAIR_BITS: Final = PAIR.amount
BITS_LEVEL, BITS_HARMLESS, BITS_CALLED_IN = 7, 8, 16
"""Bits of a number: the highest level of a suspicious call, whether an outcome cleared the number for
the subscriber, whether it has called the subscriber."""
SHARED_TABLE: Final = -1

# The descriptor, with which a record begins: its entity, where its parts begin in the cells, and how full
# they are. Tiles and pairs have two parts each.
R_ENTITY, R_TILES, R_TILE_COUNT, R_TILE_SOFT = 0, 1, 3, 5
R_PAIRS, R_PAIR_COUNT, R_SKETCH, R_SKETCH_ON = 7, 9, 11, 12
DESCRIPTOR_CELLS: Final = 13

# Columns of a batch: the events as the kernel sees them (identifiers as signed integers), the records of
# subscriber, counterparty and device (-1: none), and whether each of them has yet to apply the event.
BATCH: Final = indices(
    (
        "kind",
        "time_ms",
        "subscriber",
        "counterparty",
        "subject",
        "amount",
        "duration_ms",
        "flags",
        "slots",
    )
)
B_FRESH: Final = BATCH.slots + 3
BATCH_COLUMNS: Final = B_FRESH + 3

# What the subscriber's record says of an event to the shared records, as bits.
E_COUNTED, E_NEW, E_TAINTED, E_PRESSED = 1, 2, 4, 8

PART_SHARED, PART_SUBSCRIBER, PART_SECOND = 1, 2, 4
ALL_PARTS: Final = 7
