"""A stop with a bound: finish what is in hand, or end the process and leave it to the journal."""

import os
import threading
from collections.abc import Callable
from typing import Any

import faust
import structlog

log = structlog.get_logger(__name__)


class DrainingWorker(faust.Worker):
    """Faust's worker with a bound on how long a stop may take."""

    def __init__(self, *args: Any, drain_seconds: float, on_drain: Callable[[], None]) -> None:
        super().__init__(*args, redirect_stdouts=False, quiet=True)
        self._drain_seconds = drain_seconds
        self._on_drain = on_drain

    def _setup_logging(self) -> None:
        """Do nothing: logging is in place, and Faust would take its handlers apart."""

    def _on_sigterm(self) -> None:
        self._begin_drain()
        super()._on_sigterm()

    def _on_sigint(self) -> None:
        self._begin_drain()
        super()._on_sigint()

    def _begin_drain(self) -> None:
        log.info("draining", bound_seconds=self._drain_seconds)
        self._on_drain()
        timer = threading.Timer(self._drain_seconds, _give_up)
        timer.daemon = True
        timer.start()


def _give_up() -> None:
    """End the process: the drain has passed its bound, and the journal covers what is left."""
    log.error("drain_bound_passed")
    os._exit(1)
