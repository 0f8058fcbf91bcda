"""Events whose callers asked to have them recorded later: files on the replica's disk, bounded in number."""

import asyncio
from collections.abc import Awaitable, Callable
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
    event may be sent twice, which changes nothing: the kernel knows transfers by their id.

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

    def put(self, name: str, event: Transfer) -> bool:
        """Keep an event; False if the spool is full, off or broken.

        Args:
            name: of the event, the same for the same transfer.
            event: to be sent later.
        """
        if self._directory is None:
            return False
        path = self._directory / f"{name}.json"
        known = path.exists()
        if not known and self._count >= self._most:
            self._metrics.spool_full.inc()
            return False
        try:
            part = path.with_suffix(".part")
            part.write_bytes(encode(event))
            part.replace(path)
        except OSError as error:
            log.error("spool_failed", why=error.strerror)  # noqa: TRY400 - the disk, not the code
            return False
        self._count += not known
        self._metrics.spooled.set(self._count)
        return True

    async def run(self, send: Callable[[Transfer], Awaitable[None]]) -> None:
        """Send what waits, oldest first, for as long as the service runs.

        Args:
            send: returns when Kafka has the event; raises ForewarnError otherwise.
        """
        while self._directory is not None:
            await asyncio.sleep(RETRY_SECONDS)
            for path in await asyncio.to_thread(_oldest_first, self._directory):
                if not await self._send(path, send):
                    break

    async def _send(self, path: Path, send: Callable[[Transfer], Awaitable[None]]) -> bool:
        try:
            event = decode_transfer(await asyncio.to_thread(path.read_bytes))
            await send(event)
        except ContractError as error:
            log.error("spooled_event_dropped", why=error.reason)  # noqa: TRY400 - it says it all
        except (ForewarnError, OSError) as error:
            log.warning("spooled_event_waits", why=str(error))
            return False
        await asyncio.to_thread(path.unlink, missing_ok=True)
        self._count = max(0, self._count - 1)
        self._metrics.spooled.set(self._count)
        return True


def _oldest_first(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
