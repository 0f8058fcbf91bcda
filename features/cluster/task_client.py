"""The client's side of Dask: connect, submit a bounded number of tasks, and say in plain words what failed."""

import asyncio
import errno
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from distributed import Client, Future, as_completed
from distributed.client import FutureCancelledError
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker

from forewarn.errors import ConfigurationError, DependencyUnavailableError, ForewarnError

R = TypeVar("R")

CONNECT_SECONDS: Final = 20
WORKER_SECONDS: Final = 60
TASKS_AT_ONCE: Final = 1_000
"""Tasks that the scheduler knows at once; further ones wait in this process."""

_LOST: Final = (CommClosedError, FutureCancelledError, CancelledError, OSError, TimeoutError)


_OF_FILES: Final = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT)
)
"""Codes of operating-system errors that speak of a file of this process and not of a connection."""


class WorkerEndedError(ForewarnError):
    """A task ended every worker that tried it, most likely for lack of memory."""


@dataclass(frozen=True, slots=True)
class SchedulerAddress:
    """Where the scheduler is: one of the two.

    Attributes:
        url: such as ``tcp://scheduler:8786`` or ``tls://...``.
        file: a scheduler file, as ``dask scheduler --scheduler-file`` writes it.
    """

    url: str = ""
    file: Path | None = None

    def __post_init__(self) -> None:
        if bool(self.url) == bool(self.file):
            raise ConfigurationError("Give either --scheduler or --scheduler-file.")

    def resolved(self) -> str:
        """The URL; raises ConfigurationError where the file does not name one."""
        if self.file is None:
            return self.url
        try:
            return str(json.loads(self.file.read_text(encoding="utf-8"))["address"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"{self.file} is no scheduler file: {error}.",
                hint="`dask scheduler --scheduler-file FILE` writes one once it listens.",
            ) from None


@contextmanager
def connected(address: SchedulerAddress) -> Iterator[Client]:
    """A client of the scheduler, with at least one worker behind it.

    Raises:
        DependencyUnavailableError: if the scheduler does not answer or has no worker, or goes away later.
    """
    url = address.resolved()
    logging.getLogger("distributed.client").addFilter(is_no_loss)
    try:
        client = Client(url, timeout=CONNECT_SECONDS, set_as_default=False)
    except (*_LOST, ValueError) as error:
        raise DependencyUnavailableError(
            f"The scheduler {url} did not answer within {CONNECT_SECONDS} s: {error}.",
            hint="Check the address, and whether client and scheduler have the same version of distributed.",
        ) from error
    try:
        with _lost_scheduler(url):
            client.wait_for_workers(1, timeout=WORKER_SECONDS)
            yield client
    finally:
        with suppress(*_LOST):
            client.close(timeout=5)


def run_tasks(
    client: Client,
    phase: str,
    function: Callable[..., R],
    tasks: Sequence[tuple[str, tuple[Any, ...]]],
    progress: Callable[[str, int, int], None],
) -> list[R]:
    """Run tasks and return their results in order.

    Args:
        client: of the scheduler.
        phase: name of the tasks, for keys and progress.
        function: of a module, the same on every worker.
        tasks: the content hash that names each task, and its arguments.
        progress: receives the phase, the tasks done so far, and all of them.

    Raises:
        WorkerEndedError: if a task ended each worker that tried it.
        ForewarnError: what a task raised.
    """
    results: dict[int, R] = {}
    waiting = iter(enumerate(tasks))
    places: dict[str, int] = {}

    def submit() -> Future | None:
        following = next(waiting, None)
        if following is None:
            return None
        place, (key, arguments) = following
        name = f"{phase}-{key}"
        places[name] = place
        future: Future = client.submit(function, *arguments, key=name, pure=True)
        return future

    first = [future for _ in range(TASKS_AT_ONCE) if (future := submit()) is not None]
    progress(phase, 0, len(tasks))
    going = as_completed(first, loop=client.loop)
    for future in going:
        try:
            results[places[future.key]] = future.result()
        except KilledWorker as error:
            raise WorkerEndedError(
                f"The task {future.key} ended {error.allowed_failures + 1} workers one after another; the last "
                f"was {error.last_worker.address}.",
                hint="Most likely it needs more memory: give --partitions a higher number, --window-events a "
                "lower one, or the workers more memory. What is finished is kept.",
            ) from error
        progress(phase, len(results), len(tasks))
        if (more := submit()) is not None:
            going.add(more)
    return [results[place] for place in range(len(tasks))]


def is_no_loss(record: logging.LogRecord) -> bool:
    """Whether a message of the client is about something else than a scheduler that has gone.

    The client writes a traceback of its attempts to connect again, and the error of ``connected`` says it in one line.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, (*_LOST, asyncio.CancelledError))


@contextmanager
def _lost_scheduler(url: str) -> Iterator[None]:
    try:
        yield
    except ForewarnError:
        raise
    except _LOST as error:
        if isinstance(error, OSError) and error.errno in _OF_FILES:
            raise
        raise DependencyUnavailableError(
            f"The scheduler {url} has gone away or has no workers: {type(error).__name__} {error}.",
            hint="Start it and the same command again: finished partitions are in storage and not computed twice.",
        ) from error
