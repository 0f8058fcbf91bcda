"""Events whose callers asked to have them recorded later: files on the replica's disk, bounded in number."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from forewarn.contracts import Transfer, decode_transfer, encode
from forewarn.errors import ConfigurationError, ContractError, ForewarnError
from streams.decisions.decision_metrics import DecisionMetrics

log = structlog.get_logger(__name__)

RETRY_SECONDS = 1.0


class LateSpool:
    """Keeps events until Kafka takes them.

    A file is complete once it has its name; it survives a crash of the process, not one of the disk. An
    event may be sent twice, which changes nothing: the kernel knows transfers by their id. A thread writes, one event
    at a time: a disk that blocks holds up no other bank.

    Args:
        directory: of the files; None: nothing is kept.
        most: events that may wait.
        metrics: the gauge of the spool.

    Raises:
        ConfigurationError: the directory cannot be used.
    """

    def __init__(self, directory: Path | None, most: int, metrics: DecisionMetrics) -> None:
        self._directory = directory
        self._most = most
        self._metrics = metrics
        self._count = 0
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="spool")
        if directory is not None:
            try:
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._count = sum(1 for _ in directory.glob("*.json"))
            except OSError as error:
                raise ConfigurationError(
                    f"{directory} cannot hold the spool: {error.strerror}.",
                    hint="Set FOREWARN_DECIDE_SPOOL_DIR to a directory that can be written.",
                ) from error
        metrics.spooled.set(self._count)

    async def put(self, name: str, event: Transfer) -> bool:
        """Keep an event; False if the spool is full, off or broken.

        Args:
            name: of the event, the same for the same transfer.
            event: to be sent later.
        """
        if self._directory is None:
            return False
        if self._count >= self._most:
            self._metrics.spool_full.inc()
            return False
        loop = asyncio.get_running_loop()
        self._count += 1  # before the thread writes, so that no more than ``most`` are under way
        try:
            new = await loop.run_in_executor(
                self._writer, _write, self._directory / f"{name}.json", encode(event)
            )
        except OSError as error:
            log.error("spool_failed", why=error.strerror)  # noqa: TRY400 - the disk, not the code
            new = None
        self._set_count(self._count - (not new))
        return new is not None

    async def run(self, send: Callable[[Transfer], Awaitable[None]]) -> None:
        """Send what waits, oldest first, for as long as the service runs.

        Args:
            send: returns when Kafka has the event; raises ForewarnError otherwise.
        """
        while self._directory is not None:
            await asyncio.sleep(RETRY_SECONDS)
            try:
                paths = await asyncio.to_thread(_oldest_first, self._directory)
            except OSError as error:
                log.warning("spool_not_read", why=error.strerror)
                continue
            self._set_count(len(paths))
            for path in paths:
                if not await self._send(path, send):
                    break

    async def _send(self, path: Path, send: Callable[[Transfer], Awaitable[None]]) -> bool:
        """Send one event; False if Kafka takes none now."""
        try:
            try:
                await send(decode_transfer(await asyncio.to_thread(path.read_bytes)))
            except ContractError as error:
                log.error("spooled_event_dropped", why=error.reason)  # noqa: TRY400 - it says it all
            await asyncio.to_thread(path.unlink, missing_ok=True)
        except ForewarnError as error:
            log.warning("spooled_event_waits", why=str(error))
            return False
        except OSError as error:  # this file alone: those behind it are sent all the same
            log.warning("spooled_event_waits", why=error.strerror)
        else:
            self._set_count(max(0, self._count - 1))
        return True

    def _set_count(self, count: int) -> None:
        self._count = count
        self._metrics.spooled.set(count)


def _write(path: Path, event: bytes) -> bool:
    """Write a file that its owner alone may read; returns whether there was none of this name."""
    new, part = not path.exists(), path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(event)
    part.replace(path)
    return new


def _oldest_first(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
