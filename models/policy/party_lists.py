"""Allow, block and watch lists and pair exceptions, as the worker holds them.

They arrive on the compacted ``lists`` topic as pseudonyms (``forewarn.contracts.list_entry``); the worker
hands each record to ``apply``.
"""

import numpy as np
from numpy.typing import NDArray

from forewarn.contracts.list_entry import ListEntry, ListName, PeerKind, decode_list_entry
from forewarn.errors import ConfigurationError

MAX_ENTRIES = 2_000_000
"""Bound on memory (about 400 MB); a list that long belongs into the operator's own blocking."""

FOREVER_MS = 4_102_444_800_000

MAX_CHANGES = 1000
"""Changes that are looked up apart before they are merged: some milliseconds for full lists."""

_DECIDED: tuple[ListName, ...] = ("block", "watch")
"""The lists that make an event reach the policy."""

_Key = tuple[str, str, int, int]  # tenant, list, peer, subscriber (0: all people)


class Lists:
    """Who is blocked, watched or allowed, and which pairs are known to be honest, by tenant."""

    def __init__(self) -> None:
        self._expires_ms: dict[_Key, int] = {}
        self._tenants: set[str] = set()
        # Who is blocked or watched: sorted, and what has changed since. A change of one entry must
        # not sort two million of them again, on the event loop.
        self._sorted: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._added: set[int] = set()
        self._removed: set[int] = set()

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
        self._tenants.add(entry.tenant)
        if entry.list in _DECIDED:
            self._added.add(key[2])
            self._removed.discard(key[2])

    def remove(self, tenant: str, name: str, peer: int, subscriber: int = 0) -> None:
        """Take an entry out; no complaint if it is not there."""
        self._expires_ms.pop((tenant, name, peer, subscriber), None)
        left = any((t, n, peer, 0) in self._expires_ms for t in self._tenants for n in _DECIDED)
        if name in _DECIDED and not left:
            self._added.discard(peer)
            self._removed.add(peer)

    def holds(
        self, name: ListName, tenant: str, peer: int, now_ms: int, subscriber: int = 0
    ) -> bool:
        """Whether this peer (for ``pair``: of this subscriber) is on a list now."""
        return now_ms < self._expires_ms.get((tenant, name, peer, subscriber), 0)

    def rows_to_decide(self, peers: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which rows have a blocked or watched peer of any tenant, expired entries included."""
        if not self._expires_ms:
            return np.zeros(len(peers), np.bool_)
        if len(self._added) + len(self._removed) > MAX_CHANGES:
            self._merge()
        found = _among(peers, self._sorted)
        if self._removed:
            found &= ~_among(peers, _array(self._removed))
        if self._added:
            found |= _among(peers, _array(self._added))
        return found

    def _merge(self) -> None:
        """Put the changes where they belong: a copy, without sorting what is sorted."""
        kept = self._sorted[~_among(self._sorted, _array(self._removed))]
        new = _array(self._added)
        new = new[~_among(new, kept)]
        self._sorted = np.insert(kept, np.searchsorted(kept, new), new)
        self._added.clear()
        self._removed.clear()


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


def _array(peers: set[int]) -> NDArray[np.uint64]:
    return np.sort(np.fromiter(peers, np.uint64, len(peers)))


def _among(peers: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which peers are in a sorted array."""
    if len(known) == 0:
        return np.zeros(len(peers), np.bool_)
    place = np.searchsorted(known, peers)
    place[place == len(known)] = 0
    return np.asarray(known[place] == peers)


def _number(pseudonym: str | None) -> int:
    return int(pseudonym, 16) if pseudonym and pseudonym != "-" else 0
