"""The routing in use: read again when its file changes; a faulty file never replaces a good one."""

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
    """Gives the routing in use, and looks at its file now and then.

    Raises:
        ConfigurationError: if the file is faulty at the start, when there is no good one yet.
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
        """Look at the file once; returns the seconds until the next look."""
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
