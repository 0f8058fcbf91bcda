"""How long a thread was ready to run and had no processor, as Linux counts it."""

import os
from contextlib import suppress


class ProcessorWait:
    """The count of the thread that makes this object.

    Other than a timer that fires late, it leaves out what the thread itself does: a computation, a write to a disk
    that blocks, a wait for another thread of this process.
    """

    def __init__(self) -> None:
        self._file: int | None = None
        with suppress(OSError):  # another system, or a kernel built without the count
            self._file = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)

    def seconds(self) -> float | None:
        """Seconds since the thread began; None where the system does not count."""
        if self._file is None:
            return None
        fields = os.pread(self._file, 64, 0).split()  # on a processor, waiting for one, turns
        return int(fields[1]) / 1e9 if len(fields) > 1 else None

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)
