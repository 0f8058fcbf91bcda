"""The records and watermarks that a run of events concerns, and so what to load. No I/O, no state."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from features import kinds
from features.entity_keys import Entity, StateForm, keys
from features.event_columns import EventColumns
from features.kernel.deduplication import dedupe
from features.record_header import MAX_OFFSET, MAX_PARTITION

I64 = npt.NDArray[np.int64]

_PARTITION_SHIFT = 8


@dataclass(frozen=True, eq=False)
class Plan:
    """The records of ``n`` events.

    Attributes:
        columns: the events, in the order in which they are applied.
        keys: Redis key of each record.
        entity: :class:`~features.entity_keys.Entity` of each record.
        slots: index into ``keys`` of the subscriber, the counterparty and the device of each event;
            int64 [n, 3], -1 where there is none.
        groups: index of the watermark of each slot; int64 [n, 3], -1 where there is none.
        group_record: record of each watermark.
        group_source: source of each watermark.
        group_partition: partition of each watermark.
    """

    columns: EventColumns
    keys: list[bytes]
    entity: npt.NDArray[np.uint8]
    slots: I64
    groups: I64
    group_record: I64
    group_source: I64
    group_partition: I64

    @cached_property
    def touches(self) -> I64:
        """Number of events that touch each record."""
        return np.bincount(self.slots[self.slots >= 0], minlength=len(self.keys))

    @cached_property
    def index(self) -> dict[bytes, int]:
        """Place of each key in ``keys``."""
        return {key: place for place, key in enumerate(self.keys)}

    @cached_property
    def group_order(self) -> tuple[I64, I64]:
        """Watermarks ordered by record, and where each record's begin; int64 [records + 1]."""
        order = np.argsort(self.group_record, kind="stable")
        counts = np.bincount(self.group_record, minlength=len(self.keys))
        return order, np.concatenate([[0], np.cumsum(counts)])

    def restricted(self, places: I64) -> "tuple[Plan, I64]":
        """The plan of some of the records, as if the events concerned no other.

        Args:
            places: of the records in ``keys``; each once.

        Returns:
            The plan, with the records in the order of ``places``, and the rows of its events in this plan.
        """
        place_of = np.full(
            len(self.keys) + 1, -1, np.int64
        )  # the last entry, to which -1 leads, stays
        place_of[places] = np.arange(len(places))
        slots = place_of[self.slots]
        rows = np.flatnonzero((slots >= 0).any(axis=1))
        slots = slots[rows]
        used = np.flatnonzero(place_of[self.group_record] >= 0)
        group_of = np.full(len(self.group_record) + 1, -1, np.int64)
        group_of[used] = np.arange(len(used))
        part = Plan(
            columns=self.columns.take(rows),
            keys=[self.keys[place] for place in places.tolist()],
            entity=self.entity[places],
            slots=slots,
            groups=group_of[self.groups[rows]],
            group_record=place_of[self.group_record[used]],
            group_source=self.group_source[used],
            group_partition=self.group_partition[used],
        )
        return part, rows


def plan(
    columns: EventColumns,
    prefix: str,
    form: StateForm,
    *,
    only: npt.NDArray[np.bool_] | None = None,
    chunks: I64 | None = None,
) -> Plan:
    """Find the records and watermarks that events concern.

    Args:
        columns: in the order of application.
        prefix, form: of the keys.
        only: which of the subscriber, the counterparty and the device of each event is asked for; bool
            [n, 3], all by default.
        chunks: number of each event's chunk, ascending from 0; each chunk gets records of its own. One chunk by
            default.

    Raises:
        ValueError: if a partition or an offset does not fit a watermark, or an event has no
            subscriber.
    """
    n = len(columns)
    if n:
        _check(columns)
    flags, kind = columns.flags, columns.kind
    ids = np.zeros((n, 3), np.uint64)
    entity = np.zeros((n, 3), np.int64)
    ids[:, 0] = columns.subscriber
    ids[:, 1] = columns.counterparty
    ids[:, 2] = columns.device
    entity[:, 1] = np.where(flags & kinds.ACCOUNT, Entity.ACCOUNT, Entity.NUMBER)
    entity[:, 2] = Entity.DEVICE
    wanted = ids != 0
    wanted[:, 0] &= (flags & kinds.CONTINUATION) == 0
    wanted[:, 1] &= kind != kinds.EventKind.LINE_CHANGED
    if only is not None:
        wanted &= only
    owners = entity if chunks is None else entity + len(Entity) * chunks[:, None]
    index, first = dedupe(ids.reshape(-1), owners.reshape(-1), wanted.reshape(-1))
    slots = index.reshape(n, 3)
    where = columns.source.astype(np.int64) | columns.partition.astype(np.int64) << _PARTITION_SHIFT
    wheres = np.repeat(where, 3)
    groups, group_first = dedupe(index.astype(np.uint64), wheres, index >= 0)
    kinds_of = entity.reshape(-1)[first].astype(np.uint8)
    return Plan(
        columns=columns,
        keys=_keys(prefix, form, kinds_of, ids.reshape(-1)[first]),
        entity=kinds_of,
        slots=slots,
        groups=groups.reshape(n, 3),
        group_record=index[group_first],
        group_source=wheres[group_first] & 255,
        group_partition=wheres[group_first] >> _PARTITION_SHIFT,
    )


def _check(columns: EventColumns) -> None:
    if not columns.subscriber.all():
        raise ValueError("an event has no subscriber")
    if columns.partition.min() < 0 or columns.partition.max() > MAX_PARTITION:
        raise ValueError(f"partitions have to be from 0 to {MAX_PARTITION}")
    if columns.offset.min() < 0 or columns.offset.max() > MAX_OFFSET:
        raise ValueError("offsets have to be from 0 to 2**48 - 1")


def _keys(
    prefix: str, form: StateForm, entity: npt.NDArray[np.uint8], ids: npt.NDArray[np.uint64]
) -> list[bytes]:
    out: list[bytes] = [b""] * len(ids)
    for kind in Entity:
        at = np.flatnonzero(entity == kind)
        for place, key in zip(at.tolist(), keys(prefix, kind, ids[at], form), strict=True):
            out[place] = key
    return out
