"""Progress in each file: the items up to which everything is acknowledged."""

import threading
from collections.abc import Sequence


class Progress:
    """Counts items of files as they are sent and acknowledged.

    Acknowledgements come from the producer's thread and out of order: partitions do not wait for
    each other. Only what lies before the first item without one counts as done.

    Args:
        done: for each file, how many of its items were acknowledged before.
    """

    def __init__(self, done: Sequence[int]) -> None:
        self._guard = threading.Lock()
        self._sent, self._done = list(done), list(done)
        self._early: list[set[int]] = [set() for _ in done]

    def sent(self, source: int) -> int:
        """The next item of a file goes out; returns its number."""
        number = self._sent[source]
        self._sent[source] += 1
        return number

    def acknowledged(self, source: int, number: int) -> None:
        """Kafka has this item."""
        with self._guard:
            early = self._early[source]
            early.add(number)
            while self._done[source] in early:
                early.remove(self._done[source])
                self._done[source] += 1

    @property
    def done(self) -> list[int]:
        """For each file, how many items from its first on were acknowledged without a gap."""
        with self._guard:
            return list(self._done)

    @property
    def beyond(self) -> int:
        """How many items behind a gap were acknowledged; to send them again repeats them."""
        with self._guard:
            return sum(len(early) for early in self._early)
