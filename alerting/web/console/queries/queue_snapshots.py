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

    def of(self, seen: str) -> Mapping[str, str]:
        """The rows that a page shows which sends the digest ``seen``; none if it is not remembered."""
        with self._lock:
            return self._rows.get(seen, {})
