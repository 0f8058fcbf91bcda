"""Which events outcomes may label as fraud, asked of each window before it is known which of them they do."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.event_columns import EventColumns
from features.kinds import EventKind

_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class ConfirmedParties:
    """People with a fraud and what was confirmed of it; all arrays are sorted.

    Attributes:
        subscriber: pseudonyms of the people, uint64 [people].
        from_ms, until_ms: from when to when each person's events may be labelled, UTC ms, [people].
        pairs: hashes of a person and a confirmed caller or payee, uint64. Of two pairs with one hash an event
            of the wrong one is kept for nothing; labels are not made from it.
        transfers: pseudonyms of confirmed transfers, uint64.
    """

    subscriber: NDArray[np.uint64]
    from_ms: NDArray[np.int64]
    until_ms: NDArray[np.int64]
    pairs: NDArray[np.uint64]
    transfers: NDArray[np.uint64]

    @classmethod
    def of(
        cls,
        subscriber: NDArray[np.uint64],
        from_ms: NDArray[np.int64],
        until_ms: NDArray[np.int64],
        pairs: NDArray[np.uint64],
        transfers: NDArray[np.uint64],
    ) -> "ConfirmedParties":
        """Build it from sorted people, pairs [n, 2] of person and party, and transfers."""
        hashes = np.unique(_pair(pairs[:, 0], pairs[:, 1]))
        return cls(subscriber, from_ms, until_ms, hashes, np.unique(transfers))

    def may_label(self, events: EventColumns) -> NDArray[np.bool_]:
        """Whether an outcome may label each event: its party or transfer is confirmed, or a line changed meanwhile."""
        found = np.zeros(len(events), np.bool_)
        if not len(self.subscriber):
            return found
        place = np.searchsorted(self.subscriber, events.subscriber)
        place = np.minimum(place, len(self.subscriber) - 1)
        near = np.flatnonzero(
            (self.subscriber[place] == events.subscriber)
            & (events.time_ms >= self.from_ms[place])
            & (events.time_ms <= self.until_ms[place])
        )
        pair = _pair(events.subscriber[near], events.counterparty[near])
        found[near] = (
            np.isin(pair, self.pairs)
            | np.isin(events.subject[near], self.transfers)
            | (events.kind[near] == EventKind.LINE_CHANGED)
        )
        return found


def _pair(person: NDArray[np.uint64], party: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return np.asarray((person * _MIX) ^ party, np.uint64)
