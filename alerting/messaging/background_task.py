"""A background thread that survives outages: it retries with bounded pauses and reports its fault."""

import threading
from collections.abc import Callable

import structlog

from forewarn.errors import ForewarnError

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0

_log = structlog.get_logger(__name__)


class BackgroundTask:
    """Calls ``turn`` repeatedly in a thread of its own.

    Args:
        name: in logs and in the readiness report.
        turn: one round of work; takes the stop signal and returns the seconds to wait after it.
        on_stop: called in the thread when it ends, for example to close a consumer.

    A turn that fails is called again after a pause that doubles up to a bound. It repeats the work
    that it had not committed, so turns have to be repeatable.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[threading.Event], float],
        *,
        on_stop: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.fault: str | None = None
        self._turn = turn
        self._on_stop = on_stop
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"alerting-{name}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 15.0) -> None:
        """Ask the thread to end after its turn, and wait for it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            try:
                wait = self._turn(self._stop)
            except Exception as error:  # noqa: BLE001 - the thread must outlive any failed turn
                self._failed(error)
                wait, pause = pause, min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                self.fault, pause = None, FIRST_PAUSE_SECONDS
            if wait:
                self._stop.wait(wait)
        if self._on_stop is not None:
            try:
                self._on_stop()
            except Exception as error:  # noqa: BLE001 - it ends anyway
                self._failed(error)

    def _failed(self, error: Exception) -> None:
        known = isinstance(error, ForewarnError)
        # Only our own messages are free of personal data; a driver's may quote a row.
        self.fault = str(error) if known else type(error).__name__
        _log.warning("background_turn_failed", task=self.name, fault=self.fault)
