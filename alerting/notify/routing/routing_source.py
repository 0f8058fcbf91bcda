"""The routing in use. It is read again when its file changes; a faulty file is refused."""

import threading
from pathlib import Path

import structlog

from alerting.notify.routing.routing_file import load_routing
from alerting.notify.routing.routing_tree import DEFAULT, Routing
from alerting.service_metrics import ROUTING_FAULTS, ROUTING_VERSION
from forewarn.errors import ConfigurationError
from forewarn.platform.clock import Clock

_log = structlog.get_logger(__name__)


class RoutingSource:
    """Holds the routing in use, and checks its file for changes as a background task.

    Raises:
        ConfigurationError: the file is faulty at the start.
    """

    def __init__(self, path: Path | None, clock: Clock, *, reload_seconds: float) -> None:
        self._path = path
        self._clock = clock
        self._reload_seconds = reload_seconds
        self._stamp = self._stat()
        self.current: Routing = DEFAULT if path is None else load_routing(path)
        self.fault: str | None = None
        ROUTING_VERSION.set(clock() / 1000)

    def turn(self, _stop: threading.Event) -> float:
        """Check the file once; return the seconds until the next check."""
        stamp = self._stat()
        if self._path is not None and stamp != self._stamp:
            self._stamp = stamp
            try:
                self.current = load_routing(self._path)
            except ConfigurationError as error:
                self.fault = str(error)
                ROUTING_FAULTS.inc()
                _log.error("routing_refused", fault=self.fault)
            else:
                self.fault = None
                ROUTING_VERSION.set(self._clock() / 1000)
                _log.info("routing_loaded", receivers=len(self.current.receivers))
        return self._reload_seconds

    def _stat(self) -> tuple[int, int, int] | None:
        # Size and inode too: an editor or a Kubernetes mount replaces files within one tick.
        try:
            found = self._path.stat() if self._path else None
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None
