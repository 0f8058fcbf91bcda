"""One stack a directory: a lock that the kernel frees however its holder ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

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
        self._descriptor = -1

    def __enter__(self) -> Self:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with _usable(self._path.parent):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(descriptor, 32).decode() or "that is starting"
                os.close(descriptor)
                if time.monotonic() < deadline:
                    time.sleep(PAUSE_SECONDS)
                    continue
                raise ConfigurationError(
                    f"a stack already runs in {self._path.parent} (process {holder}).",
                    hint="See `forewarn status`, stop it with `forewarn down`, or use another "
                    "directory with --dir.",
                ) from None
            if _is_same_file(descriptor, self._path):
                break
            os.close(descriptor)  # its last holder removed the file while we opened it
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def lock_holder(directory: Path) -> int | None:
    """Process id of who holds the lock of a directory, or None if nobody does.

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
                f"somebody holds {directory / 'lock'} without saying who.",
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


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False
