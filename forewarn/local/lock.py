"""One stack a directory: a lock that the kernel frees however its holder ends."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from forewarn.errors import ConfigurationError


class DirectoryLock:
    """An exclusive lock on a directory; a context manager.

    Args:
        directory: made if it does not exist.

    Raises:
        ConfigurationError: on entering, if another process holds it.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lock"
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(descriptor, 32).decode() or "unknown"
                os.close(descriptor)
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
    """Process id of who holds the lock of a directory, or None if nobody does."""
    try:
        descriptor = os.open(directory / "lock", os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.read(descriptor, 32) or b"0")
    finally:
        os.close(descriptor)
    return None


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False
