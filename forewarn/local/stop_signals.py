"""SIGINT, SIGTERM and SIGHUP as an exception where one can be borne, and as a note elsewhere.

An exception at any moment of the main thread leaves work half done that no ``finally`` knows of: a
thread that was started and not yet registered with its pool, a file that was written and not yet
noted. So a signal raises only inside ``interruptible``.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from types import FrameType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_SECONDS = 0.05


class StopSignals:
    """Signals that ask this process to stop; a context manager for the main thread.

    The handler sets plain attributes: a lock could be held by the very code that it interrupts.
    Only the first signal counts.
    """

    def __init__(self) -> None:
        self.asked = False
        self._may_raise = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # as it was returned

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal has come."""
        if self.asked:
            raise KeyboardInterrupt

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a signal raise KeyboardInterrupt at any moment of the block, and one that has come now."""
        try:
            self._may_raise = True
            self.check()
            yield
        finally:
            self._may_raise = False

    def wait_for(self, thread: Thread) -> None:
        """Wait until a thread has ended; raises KeyboardInterrupt if a signal comes first."""
        while thread.is_alive():
            self.check()
            thread.join(_LOOK_SECONDS)
        self.check()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        first, self.asked = not self.asked, True
        if first and self._may_raise:
            raise KeyboardInterrupt
