"""Allow, block and watch lists and pair exceptions, as the worker holds them.

They arrive on the compacted ``lists`` topic as pseudonyms (``forewarn.events.lists``); the worker
hands each record to ``apply``.
"""

import numpy as np
from numpy.typing import NDArray

from forewarn.errors import ConfigurationError
from forewarn.events.lists import ListEntry, ListName, PeerKind, decode_list_entry

MAX_ENTRIES = 2_000_000
"""Bound on memory (about 400 MB); a list that long belongs into the operator's own blocking."""

FOREVER_MS = 4_102_444_800_000

_Key = tuple[str, str, int, int]  # tenant, list, peer, subscriber (0: everybody)


class Lists:
    """Who is blocked, watched or allowed, and which pairs are known to be honest, by tenant."""

    def __init__(self) -> None:
        self._expires_ms: dict[_Key, int] = {}
        self._sorted: NDArray[np.uint64] | None = None

    def __len__(self) -> int:
        return len(self._expires_ms)

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Take over a record of the topic; one without a value removes the entry.

        Raises:
            msgspec.MsgspecError: if the value is not a list entry.
            ValueError: if the key is not a list key.
            ConfigurationError: if the lists are full.
        """
        if value is None:
            tenant, name, _, peer, subscriber = key.decode().split("/")
            self.remove(tenant, name, int(peer, 16), _number(subscriber))
        else:
            self.add(decode_list_entry(value))

    def add(self, entry: ListEntry) -> None:
        """Put an entry in force, or change its expiry."""
        key = (entry.tenant, entry.list, int(entry.peer, 16), _number(entry.subscriber))
        if key not in self._expires_ms and len(self._expires_ms) >= MAX_ENTRIES:
            raise ConfigurationError(
                f"the lists hold {MAX_ENTRIES} entries",
                hint="Let old entries expire, or block these numbers in the network.",
            )
        self._expires_ms[key] = entry.expires_at_ms or FOREVER_MS
        self._sorted = None

    def remove(self, tenant: str, name: str, peer: int, subscriber: int = 0) -> None:
        """Take an entry out; no complaint if it is not there."""
        self._expires_ms.pop((tenant, name, peer, subscriber), None)
        self._sorted = None

    def holds(
        self, name: ListName, tenant: str, peer: int, now_ms: int, subscriber: int = 0
    ) -> bool:
        """Whether this peer (for ``pair``: of this subscriber) is on a list now."""
        return now_ms < self._expires_ms.get((tenant, name, peer, subscriber), 0)

    def rows_to_decide(self, peers: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which rows have a blocked or watched peer of any tenant, expired entries included."""
        if not self._expires_ms:
            return np.zeros(len(peers), np.bool_)
        if self._sorted is None:
            found = {k[2] for k in self._expires_ms if k[1] in ("block", "watch")}
            self._sorted = np.sort(np.fromiter(found, np.uint64, len(found)))
        if len(self._sorted) == 0:
            return np.zeros(len(peers), np.bool_)
        place = np.searchsorted(self._sorted, peers)
        place[place == len(self._sorted)] = 0
        return np.asarray(self._sorted[place] == peers)


def entry(
    name: ListName,
    peer: int,
    *,
    subscriber: int = 0,
    tenant: str = "default",
    kind: PeerKind = "phone",
    expires_at_ms: int | None = None,
) -> ListEntry:
    """A list entry from numbers, for backtests and tests."""
    return ListEntry(
        entry_id=f"{name}-{peer:016x}",
        tenant=tenant,
        list=name,
        kind=kind,
        peer=f"{peer:016x}",
        subscriber=f"{subscriber:016x}" if subscriber else None,
        changed_at_ms=0,
        expires_at_ms=expires_at_ms,
    )


def _number(pseudonym: str | None) -> int:
    return int(pseudonym, 16) if pseudonym and pseudonym != "-" else 0
