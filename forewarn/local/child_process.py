"""Child processes that never outlive their parent and write their output to files.

A child runs in its own session, so that Ctrl-C in the terminal reaches the parent alone, which
then stops the children in order. If the parent is killed, Linux kills the child
(``PR_SET_PDEATHSIG``). It does so when the *thread* that started the child ends, so that all
children are started by one thread that lives as long as this process.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Literal

from forewarn.errors import DependencyUnavailableError

PROGRESS_SECONDS = 15.0
"""How long a start may work without a line that says so."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_starter = ThreadPoolExecutor(1, thread_name_prefix="starter")


def _die_with_parent(parent_pid: int) -> None:
    """Run between fork and exec: ask the kernel to kill this process with its parent."""
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # the parent died before prctl took effect
        os._exit(1)


class Child:
    """One supervised child process.

    Args:
        name: shown in errors and used as the log file's name.
        command: program and arguments.
        log_file: where standard output and error go, appended.
        environment: variables added to this process's own.
        directory: working directory of the child.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log_file: Path,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.log_file = log_file
        self.environment = dict(environment or {})
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._forbidden = False

    @property
    def pid(self) -> int:
        """Process id; raises RuntimeError before ``start``."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit status, negative for a signal, or None while running (or never started)."""
        return None if self._process is None else self._process.poll()

    def is_running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process; it must not be running.

        Raises:
            DependencyUnavailableError: after ``forbid``.
        """
        if self.is_running():
            raise RuntimeError(f"{self.name} is already running")
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        _starter.submit(self._start).result()

    def forbid(self) -> None:
        """Let no start happen from now on; one that is under way is waited for."""
        self._forbidden = True
        _starter.submit(lambda: None).result()

    def run(
        self,
        timeout_seconds: float,
        *,
        progress: Callable[[float], None] = lambda _seconds: None,
        progress_seconds: float = PROGRESS_SECONDS,
    ) -> None:
        """Start, and wait until the process has ended well.

        Args:
            timeout_seconds: after which it is killed.
            progress: receives the seconds since the start, again and again while it runs.
            progress_seconds: between two calls of ``progress``.

        Raises:
            DependencyUnavailableError: with the end of its log, if it failed or took too long.
        """
        self.start()
        began = time.monotonic()
        while self.is_running():
            seconds = time.monotonic() - began
            if seconds >= timeout_seconds:
                self.kill()
                break
            try:
                self._process.wait(  # type: ignore[union-attr]  # it was just started
                    min(progress_seconds, timeout_seconds - seconds)
                )
            except subprocess.TimeoutExpired:
                progress(time.monotonic() - began)
        if self.returncode != 0:
            self.require_running()

    def _start(self) -> None:
        if self._forbidden:
            raise DependencyUnavailableError(f"{self.name} is not started: everything stops")
        parent_pid = os.getpid()
        with open_log(self.log_file, "ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  the command is built by our own code
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._directory,
                env=os.environ | self.environment,
                start_new_session=True,
                # A fork hook is the only way to set the death signal without a helper program.
                preexec_fn=lambda: _die_with_parent(parent_pid),  # noqa: PLW1509
            )

    def stop(self, timeout_seconds: float = 15.0) -> int | None:
        """Ask the process to end, kill its whole group when it does not, and return its status."""
        process = self._process
        if process is None:
            return None
        if process.poll() is None:
            self.send_signal(signal.SIGTERM)
            self.send_signal(signal.SIGCONT)  # a paused process could not handle the request
            try:
                process.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        self._kill_group()
        return process.returncode

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        if self._process is not None and self._process.poll() is None:
            self.send_signal(signal.SIGKILL)
            self._process.wait()
        self._kill_group()

    def pause(self) -> None:
        """Stop the process without ending it (SIGSTOP): a machine that hangs."""
        self.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on (SIGCONT)."""
        self.send_signal(signal.SIGCONT)

    def send_signal(self, number: signal.Signals) -> None:
        """Send one signal to the process alone; nothing if it has ended."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def tail(self, lines: int = 12) -> str:
        """The last lines of the log, for error messages."""
        if not self.log_file.exists():
            return ""
        with self.log_file.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - 16_384))
            text = log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def require_running(self) -> None:
        """Raise DependencyUnavailableError with the end of the log if the process has ended."""
        if not self.is_running():
            raise DependencyUnavailableError(
                f"{self.name} ended with status {self.returncode}:\n{self.tail()}\n",
                hint=f"Its log is {self.log_file}.",
            )

    def _kill_group(self) -> None:
        """Kill what the child itself started; its session is its process group."""
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def open_log(path: Path, mode: Literal["ab", "wb"]) -> BinaryIO:
    """A log that its owner alone may read."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, 0o600)

    return open(path, mode, opener=opener)


def stop_all(children: Sequence[Child], timeout_seconds: float = 15.0) -> None:
    """Stop several children at once, within one common time limit."""
    for child in children:
        child.resume()
        if child.is_running():
            child.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + timeout_seconds
    for child in children:
        child.stop(max(0.1, deadline - time.monotonic()))


def detach(command: Sequence[str], log_file: Path) -> subprocess.Popen[bytes]:
    """Start a process that outlives this one and its terminal; its output replaces the log."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with open_log(log_file, "wb") as log:
        return subprocess.Popen(  # noqa: S603  the command is built by our own code
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
