"""Rows that pages of the queue show, by the digest that they send; an answer leaves those rows out."""

import threading
from collections import OrderedDict
from collections.abc import Mapping

MAX_SNAPSHOTS = 512
"""Digests remembered by one replica; an older page is sent every row, which is only longer."""


class QueueSnapshots:
    """The rows behind each digest, newest first, bounded."""

    def __init__(self, limit: int = MAX_SNAPSHOTS) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._rows: OrderedDict[str, Mapping[str, str]] = OrderedDict()

    def remember(self, digest: str, fingerprints: Mapping[str, str]) -> None:
        """Keep the rows of a digest."""
        with self._lock:
            self._rows[digest] = fingerprints
            self._rows.move_to_end(digest)
            while len(self._rows) > self._limit:
                self._rows.popitem(last=False)

    def unchanged(self, seen: str, fingerprints: Mapping[str, str]) -> frozenset[str]:
        """The cases that look the same to a page which shows the digest ``seen``."""
        with self._lock:
            before = self._rows.get(seen, {})
        return frozenset(name for name, now in fingerprints.items() if before.get(name) == now)
