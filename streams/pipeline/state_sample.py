"""Bytes of state by tenant, estimated from a bounded sample of subscribers.

A subscriber is in the sample if the low bits of their pseudonym are zero. Pseudonyms are keyed hashes, so that this is a
random draw that stays the same from event to event, and the sum over the sample times the inverse of the share that is
drawn is right on average. When the sample is full, one more bit decides, and half of it is dropped.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SAMPLE_SUBSCRIBERS = 4096
"""Most subscribers in the sample: half a megabyte. A tenant with a quarter of them is known to about 3 %."""


class _Record(NamedTuple):
    tenant: str
    partition: int
    size: int


class StateSample:
    """The sampled records of the subscribers whose partitions this worker has.

    Args:
        most: subscribers in the sample.
    """

    def __init__(self, most: int = SAMPLE_SUBSCRIBERS) -> None:
        self._most = most
        self._mask = 0
        self._records: dict[int, _Record] = {}

    def chosen(self, subscribers: npt.NDArray[np.uint64]) -> npt.NDArray[np.intp]:
        """Places of the subscribers, by pseudonym, that are drawn."""
        return np.flatnonzero((subscribers & np.uint64(self._mask)) == 0)

    def put(self, subscriber: int, tenant: str, partition: int, size: int) -> None:
        """Note the newest record of a subscriber; nothing happens if they are not drawn.

        Args:
            subscriber: pseudonym.
            tenant: that sent the newest event of the subscriber.
            partition: that the subscriber is in.
            size: of the record, in bytes.
        """
        if subscriber & self._mask:
            return
        self._records[subscriber] = _Record(tenant, partition, size)
        while len(self._records) > self._most:
            self._mask = self._mask * 2 + 1
            kept = self._records.items()
            self._records = {who: one for who, one in kept if not who & self._mask}

    def forget(self, partition: int) -> None:
        """Leave out the subscribers of a partition that another worker has from now on."""
        kept = self._records.items()
        self._records = {who: one for who, one in kept if one.partition != partition}

    def estimate(self) -> dict[str, int]:
        """Estimated bytes of the subscribers' own records, by tenant."""
        found: dict[str, int] = {}
        for record in self._records.values():
            found[record.tenant] = found.get(record.tenant, 0) + record.size
        return {tenant: size * (self._mask + 1) for tenant, size in found.items()}
