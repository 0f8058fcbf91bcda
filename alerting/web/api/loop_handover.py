"""Hands results of a worker thread to the event loop; those that come together wake it once."""

import asyncio
import threading
from concurrent.futures import Future
from typing import Generic, TypeVar

Result = TypeVar("Result")


class LoopHandover(Generic[Result]):
    """Awaits futures of another thread.

    ``asyncio.wrap_future`` wakes the loop for each of them, and between two of these calls the loop may take
    the interpreter from a thread that has the next results at hand.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._lock = threading.Lock()
        self._done: list[tuple[Future[Result], asyncio.Future[Result]]] = []

    async def result_of(self, future: "Future[Result]") -> Result:
        """The result or error of a future; one that is given up while it waits is cancelled."""
        waiting: asyncio.Future[Result] = self.loop.create_future()
        future.add_done_callback(lambda done: self._note(done, waiting))
        try:
            return await waiting
        finally:
            future.cancel()

    def _note(self, done: "Future[Result]", waiting: "asyncio.Future[Result]") -> None:
        with self._lock:
            self._done.append((done, waiting))
            first = len(self._done) == 1
        if first and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        with self._lock:
            done, self._done = self._done, []
        for future, waiting in done:
            if waiting.done() or future.cancelled():
                continue
            error = future.exception()
            if error is not None:
                waiting.set_exception(error)
            else:
                waiting.set_result(future.result())
