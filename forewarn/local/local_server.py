"""A server of the local stack: a child process on ports of the loopback address."""

from abc import ABC, abstractmethod
from typing import Self

from forewarn.errors import DependencyUnavailableError
from forewarn.local.child_process import Child
from forewarn.local.wait import wait_until

START_ATTEMPTS = 3
"""With ports of our own choice: another process may take a free port before the server binds it."""


class LocalServer(ABC):
    """Starts, pauses and stops a server; its ports and data survive a restart.

    Args:
        process: the child process.
        chooses_ports: whether the server may move to other ports when one is taken.
        start_seconds: how long a start may take by default.
        stop_seconds: how long a stop in order may take.
    """

    def __init__(
        self, process: Child, *, chooses_ports: bool, start_seconds: float, stop_seconds: float
    ) -> None:
        self.process = process
        self._chooses_ports = chooses_ports
        self._start_seconds, self._stop_seconds = start_seconds, stop_seconds

    @abstractmethod
    def _prepare(self) -> None:
        """Write the configuration for the present ports."""

    @abstractmethod
    def _choose_ports(self) -> None:
        """Take other free ports."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether the server is ready; raises if its process has ended."""

    def start(self, timeout_seconds: float | None = None) -> Self:
        """Start and wait until the server is ready.

        Args:
            timeout_seconds: how long to wait; the server's own default if left out.

        Raises:
            DependencyUnavailableError: if it ends or is not ready in time.
        """
        limit = self._start_seconds if timeout_seconds is None else timeout_seconds
        attempts = START_ATTEMPTS if self._chooses_ports else 1
        for _ in range(attempts - 1):
            try:
                return self._start_once(limit)
            except DependencyUnavailableError:
                if "Address already in use" not in self.process.tail(60):
                    raise
                self._choose_ports()
        return self._start_once(limit)

    def _start_once(self, timeout_seconds: float) -> Self:
        self._prepare()
        self.process.start()
        try:
            wait_until(self._answers, timeout_seconds, what=f"{self.process.name} to answer")
        except DependencyUnavailableError:
            self.process.kill()
            raise
        return self

    def stop(self) -> None:
        """Stop in order, so that the data is on disk."""
        self.process.stop(timeout_seconds=self._stop_seconds)

    def kill(self) -> None:
        """End at once, as a crash would."""
        self.process.kill()

    def pause(self) -> None:
        """Hang: connections stay, and no request is answered."""
        self.process.pause()

    def resume(self) -> None:
        """Go on after ``pause``."""
        self.process.resume()

    def restart(self) -> None:
        """Stop and start on the same ports."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
