"""Shutdown within a bound: finish batches in hand, or exit and leave them to the journal."""

import os
import threading
from collections.abc import Callable

import faust
import structlog

log = structlog.get_logger(__name__)


class DrainingWorker(faust.Worker):
    """Faust's worker with a bound on the duration of a stop.

    Args:
        args: of ``faust.Worker``.
        drain_seconds: after that the process exits with status 1.
        on_drain: called when a stop is requested.
    """

    def __init__(self, *args: object, drain_seconds: float, on_drain: Callable[[], None]) -> None:
        super().__init__(*args, redirect_stdouts=False, quiet=True)
        self._drain_seconds = drain_seconds
        self._on_drain = on_drain

    def _setup_logging(self) -> None:
        """Do nothing: logging is configured, and Faust would remove its handlers."""

    def _on_sigterm(self) -> None:
        self._begin_drain()
        super()._on_sigterm()

    def _on_sigint(self) -> None:
        self._begin_drain()
        super()._on_sigint()

    def _begin_drain(self) -> None:
        log.info("drain_started", bound_seconds=self._drain_seconds)
        self._on_drain()
        timer = threading.Timer(self._drain_seconds, _exit_process)
        timer.daemon = True
        timer.start()


def _exit_process() -> None:
    """End the process: the drain took too long, and the journal covers unfinished chunks."""
    log.error("drain_timed_out")
    os._exit(1)
