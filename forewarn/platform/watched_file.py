"""A file that is read again when it changes; a faulty one never replaces a good one."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

import structlog

from forewarn.errors import ConfigurationError

T = TypeVar("T")

# Between two looks at what changes while a process runs: files, models, lists.
RELOAD_SECONDS: Final = 2.0

_log = structlog.get_logger(__name__)


class WatchedFile(Generic[T]):
    """The value of a file in use.

    Args:
        path: of the file; None for the default for good.
        read: the value of a file; raises ConfigurationError for a faulty one.
        default: the value without a file.
        name: of the file in log events: ``NAME_loaded``, ``NAME_refused``.
        reload_seconds: between two looks at the file.
        on_loaded: called with every value in use, the first included; raises ConfigurationError to
            refuse it.
        on_refused: called for every faulty file, for a metric.

    Raises:
        ConfigurationError: if the file is faulty at the start, before any good one was read.
    """

    def __init__(
        self,
        path: Path | None,
        read: Callable[[Path], T],
        *,
        default: T,
        name: str,
        reload_seconds: float = RELOAD_SECONDS,
        on_loaded: Callable[[T], None] = lambda _value: None,
        on_refused: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._read = read
        self._name = name
        self._reload_seconds = reload_seconds
        self._on_loaded = on_loaded
        self._on_refused = on_refused
        self._stamp = self._stat()
        self.current: T = default if path is None else read(path)
        self.fault: str | None = None
        on_loaded(self.current)

    def turn(self, _stop: threading.Event) -> float:
        """Look at the file once; returns the seconds until the next look."""
        stamp = self._stat()
        if self._path is not None and stamp != self._stamp:
            self._stamp = stamp
            try:
                value = self._read(self._path)
                self._on_loaded(value)
            except ConfigurationError as error:
                self.fault = str(error)
                self._on_refused()
                _log.error(f"{self._name}_refused", fault=self.fault)
            else:
                self.current, self.fault = value, None
                _log.info(f"{self._name}_loaded")
        return self._reload_seconds

    def _stat(self) -> tuple[int, int, int] | None:
        # Size and inode too: an editor or a Kubernetes mount replaces files within one tick.
        try:
            found = self._path.stat() if self._path else None
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None
