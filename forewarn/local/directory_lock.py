"""One stack a directory: a lock that the kernel frees however its holder ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from forewarn.errors import ConfigurationError
from forewarn.local.stack_layout import DEMO_DIRECTORY

PATIENCE_SECONDS = 1.0
"""How long a lock is asked for again: who only looks at it holds it for a moment as well."""

PAUSE_SECONDS = 0.02


class DirectoryLock:
    """An exclusive lock on a directory; a context manager.

    Args:
        directory: made if it does not exist.

    Raises:
        ConfigurationError: on entering, if another process holds it, or nothing can be there.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lock"
        self._lock = FileLock(
            self._path, timeout=PATIENCE_SECONDS, poll_interval=PAUSE_SECONDS, mode=0o600
        )

    def __enter__(self) -> Self:
        with _usable(self._path.parent):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire()
            except Timeout:
                holder = self._path.read_text() or "that is starting"
                raise ConfigurationError(
                    f"a stack already runs in {self._path.parent} (process {holder}).",
                    hint="See `forewarn status`, stop it with `forewarn down`, or use another "
                    "directory with --dir.",
                ) from None
        self._path.write_text(str(os.getpid()))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._path.unlink(missing_ok=True)
        self._lock.release()


def lock_holder(directory: Path) -> int | None:
    """Process id of the holder of a directory's lock, or None if it is free.

    Raises:
        ConfigurationError: if the directory is none, or its lock cannot be read, or its holder
            does not say who it is.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with _usable(directory):
                descriptor = os.open(directory / "lock", os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            if holder := os.read(descriptor, 32):
                return int(holder)
        else:
            return None
        finally:
            os.close(descriptor)
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"another process holds {directory / 'lock'} without naming itself.",
                hint="Find the process with `lsof` on that file.",
            )
        time.sleep(PAUSE_SECONDS)  # it has the lock already and its number is about to be there


@contextmanager
def _usable(directory: Path) -> Iterator[None]:
    try:
        yield
    except (NotADirectoryError, FileExistsError, PermissionError) as error:
        raise ConfigurationError(
            f"{directory} cannot be the directory of a stack: {error.strerror}.",
            hint="Choose another with --dir.",
        ) from error


def where_it_runs(directory: Path) -> Path:
    """The directory itself, or that of the demonstration in it if only that runs."""
    demo = directory / DEMO_DIRECTORY
    if lock_holder(directory) is None and lock_holder(demo) is not None:
        return demo
    return directory
