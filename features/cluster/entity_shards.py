"""Which partition of a run computes which records, and the events that concern them.

A record belongs to the partition of its entity's pseudonym, which is a keyed hash, modulo their number.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from features import kinds
from features.event_columns import EventColumns

Bools = npt.NDArray[np.bool_]
I16 = npt.NDArray[np.int16]

MAX_SHARDS: Final = 4_096


class EntityShards:
    """The partitions of the records of some events.

    Args:
        columns: the events.
        shards: number of partitions.

    Attributes:
        count: number of partitions.
        of_subscriber: int16 [n]; -1 for a continuation, which concerns its counterparty only.
        of_counterparty: int16 [n]; -1 where there is none.
        of_device: int16 [n]; -1 where there is none.
    """

    def __init__(self, columns: EventColumns, shards: int) -> None:
        self.count = shards
        self.of_subscriber = _shards(columns.subscriber, shards)
        self.of_subscriber[(columns.flags & kinds.CONTINUATION) != 0] = -1
        self.of_counterparty = _shards(columns.counterparty, shards)
        self.of_counterparty[columns.kind == kinds.EventKind.LINE_CHANGED] = -1
        self.of_device = _shards(columns.device, shards)

    def subscribers(self, shard: int) -> Bools:
        """Whether the subscriber of each row is of a shard; bool [n]."""
        mine: Bools = np.equal(self.of_subscriber, shard)
        return mine

    def shared(self, shard: int) -> Bools:
        """Whether the counterparty or the device of each row is of a shard; bool [n]."""
        mine: Bools = np.equal(self.of_counterparty, shard) | np.equal(self.of_device, shard)
        return mine

    def slots(self, shard: int, *, device: bool = True) -> Bools:
        """Whether each row's subscriber (never), counterparty and device is of a shard; bool [n, 3]."""
        mine = np.zeros((len(self.of_device), 3), np.bool_)
        mine[:, 1] = self.of_counterparty == shard
        if device:
            mine[:, 2] = self.of_device == shard
        return mine


def _shards(pseudonyms: npt.NDArray[np.uint64], shards: int) -> I16:
    found = (pseudonyms % np.uint64(shards)).astype(np.int16)
    found[pseudonyms == 0] = -1
    return found
