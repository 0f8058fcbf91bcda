"""One transaction for all requests that wait: each commit waits for the disk once for all of them."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from forewarn.errors import DependencyUnavailableError

MAX_GROUP = 100
"""Items of one transaction: enough to share a commit, few enough to answer the first soon."""

MAX_WAITING = 2_000

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupedWork(Generic[Item, Result]):
    """Applies items in groups, one group at a time, in the order of their arrival.

    While a group is applied, later items wait and form the next one. A group that fails is applied
    item by item, so that one item fails alone.

    Args:
        apply: applies items in one transaction and returns a result for each; may be repeated.
        max_group: items of a group.
        max_waiting: items that may wait; more are refused.
        linger_seconds: how long the first item of a group waits for others, unless the group is full.
            The statements of a transaction cost more than one more item in them.
    """

    def __init__(
        self,
        apply: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        max_group: int = MAX_GROUP,
        max_waiting: int = MAX_WAITING,
        linger_seconds: float = 0.0,
    ) -> None:
        self._apply = apply
        self._max_group = max_group
        self._max_waiting = max_waiting
        self._linger_seconds = linger_seconds
        self._lock = threading.Lock()
        self._full = threading.Condition(self._lock)
        self._waiting: deque[tuple[Item, Future[Result]]] = deque()
        self._first_at = 0.0  # when the item at the head arrived, in seconds of the monotonic clock
        self._closing = False
        self._running = False
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="grouped-work")

    def submit(self, item: Item) -> "Future[Result]":
        """Queue an item.

        Raises:
            DependencyUnavailableError: if too many wait already.
        """
        future: Future[Result] = Future()
        with self._lock:
            if len(self._waiting) >= self._max_waiting:
                raise DependencyUnavailableError(
                    "Too many requests wait for the database.", hint="Send this one again later."
                )
            if not self._waiting:
                self._first_at = time.monotonic()
            self._waiting.append((item, future))
            if len(self._waiting) >= self._max_group:
                self._full.notify()
            if not self._running:
                self._running = True
                self._worker.submit(self._drain)
        return future

    def close(self) -> None:
        """Finish what waits."""
        with self._lock:
            self._closing = True
            self._full.notify()
        self._worker.shutdown()

    def _drain(self) -> None:
        while True:
            with self._lock:
                if self._waiting:
                    left = self._first_at + self._linger_seconds - time.monotonic()
                    self._full.wait_for(self._has_enough, max(0.0, left))
                count = min(self._max_group, len(self._waiting))
                group = [self._waiting.popleft() for _ in range(count)]
                self._first_at = 0.0  # those left over waited while the group filled
                if not group:
                    self._running = False
                    return
            # A request that was given up is not applied; after this call it can no longer be given up.
            kept = [one for one in group if one[1].set_running_or_notify_cancel()]
            if kept:
                self._settle(kept)

    def _has_enough(self) -> bool:
        return self._closing or len(self._waiting) >= self._max_group

    def _settle(self, group: Sequence[tuple[Item, "Future[Result]"]]) -> None:
        try:
            results = self._apply([item for item, _ in group])
        except Exception as error:  # noqa: BLE001 - handed to the request that waits for it
            if len(group) > 1 and not isinstance(error, DependencyUnavailableError):
                for one in group:
                    self._settle([one])
                return
            for _, future in group:
                future.set_exception(error)
            return
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)
