"""A scheduler and workers as processes of their own, and what the workers import from the tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed import Client

from forewarn.platform.pseudonyms import Pseudonymiser

ROOT = Path(__file__).parents[3]
HUNGRY = "FOREWARN_TEST_HUNGRY"
START_SECONDS = 90


def key_of_tests() -> Pseudonymiser:
    """The pseudonymiser of client and workers; one worker may run out of memory on its way to it, once."""
    marker = os.environ.get(HUNGRY)
    if marker and not Path(marker).exists():
        Path(marker).write_text(str(os.getpid()))
        take_memory()
    return Pseudonymiser(b"a key that only tests use")


def take_memory() -> None:
    """Take memory until the process is ended for it."""
    held = []
    while len(held) < 400:  # 4 GB, in case nothing ends it
        held.append(b"x" * 10_000_000)
        time.sleep(0.02)


class DaskProcesses:
    """A scheduler on a free port of this machine, and its workers.

    Args:
        directory: for logs and scratch files.
        environment: of the workers, besides that of this process.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        self._directory = directory
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
        self.file = directory / "scheduler.json"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start(
            "dask_scheduler", "--host", "127.0.0.1", "--port", "0",
            "--dashboard-address", "127.0.0.1:0", "--scheduler-file", str(self.file),
        )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self.file.exists():
            assert self.scheduler.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def worker(self, *options: str, **environment: str) -> "subprocess.Popen[bytes]":
        """Start one more worker of one thread."""
        return self._start(
            "dask_worker", "--scheduler-file", str(self.file), "--nthreads", "1", "--no-dashboard",
            "--local-directory", str(self._directory), *options, **environment,
        )  # fmt: skip

    @contextmanager
    def joined(self, *options: str, **environment: str) -> "Iterator[subprocess.Popen[bytes]]":
        """One more worker, which the scheduler knows already, for the time of a block."""
        before = self._workers()
        process = self.worker(*(options or ("--no-nanny",)), **environment)
        deadline = time.monotonic() + START_SECONDS
        while self._workers() <= before:
            assert process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)
        try:
            yield process
        finally:
            self._end(process)

    def _workers(self) -> int:
        """Number of workers that the scheduler knows."""
        with Client(scheduler_file=str(self.file), set_as_default=False, timeout=60) as client:
            return len(client.scheduler_info(n_workers=-1)["workers"])

    def log(self) -> str:
        """What all processes have said."""
        return "\n".join(p.read_text(errors="replace") for p in self._directory.glob("*.log"))

    def stop(self) -> None:
        """End all processes."""
        for process in reversed(self._processes):
            self._end(process)

    @staticmethod
    def _end(process: "subprocess.Popen[bytes]") -> None:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self, module: str, *options: str, **environment: str) -> Any:
        log = (self._directory / f"{len(self._processes)}-{module}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", *options],
                stdout=log, stderr=log, cwd=ROOT, env={**self._environment, **environment},
            )  # fmt: skip
        self._processes.append(process)
        return process


@contextmanager
def two_workers(directory: Path) -> Iterator[DaskProcesses]:
    """A scheduler with two workers that no other process watches, for the time of a block."""
    processes = DaskProcesses(directory)
    try:
        for _ in range(2):
            processes.worker("--no-nanny")
        yield processes
    finally:
        processes.stop()
