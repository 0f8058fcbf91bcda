"""Events that wait on a disk for Kafka: none is lost for another one, and a disk that blocks holds up no bank."""

import asyncio
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from forewarn.contracts import Transfer
from forewarn.errors import DependencyUnavailableError
from streams.decisions import late_spool
from streams.decisions.decision_metrics import DecisionMetrics
from streams.decisions.late_spool import LateSpool
from tests.streams.decisions.bank import payment
from tests.streams.decisions.test_decision_desk import MemoryRedis, Replica, Workers


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LateSpool:
    monkeypatch.setattr(late_spool, "RETRY_SECONDS", 0.0)
    return LateSpool(tmp_path, 10, DecisionMetrics(CollectorRegistry()))


class Kafka:
    """Takes events, or none while it is away."""

    def __init__(self) -> None:
        self.away = False
        self.tries = 0
        self.got: list[str] = []

    async def send(self, event: Transfer) -> None:
        self.tries += 1
        await asyncio.sleep(0)
        if self.away:
            raise DependencyUnavailableError("no broker")
        self.got.append(event.transfer_id)


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def run_until(spool: LateSpool, kafka: Kafka, done: Callable[[], bool]) -> None:
    running = asyncio.create_task(spool.run(kafka.send))
    async with asyncio.timeout(60):
        while not done():
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_waits_is_sent_once_kafka_takes_it(spool: LateSpool, tmp_path: Path) -> None:
    kafka = Kafka()
    kafka.away = True
    assert await spool.put("a", payment("t1"))
    assert await spool.put("a", payment("t1"))
    assert names_in(tmp_path) == ["a.json"]
    await run_until(spool, kafka, lambda: kafka.tries == 2)
    assert (kafka.got, names_in(tmp_path)) == ([], ["a.json"])
    kafka.away = False
    await run_until(spool, kafka, lambda: not names_in(tmp_path))
    assert kafka.got == ["t1"]


async def test_a_file_that_cannot_be_read_holds_up_no_other(
    spool: LateSpool, tmp_path: Path
) -> None:
    (tmp_path / "0.json").mkdir()
    assert await spool.put("a", payment("t1"))
    kafka = Kafka()
    await run_until(spool, kafka, lambda: names_in(tmp_path) == ["0.json"])
    assert kafka.got == ["t1"]


async def test_an_event_is_for_its_owner_alone(spool: LateSpool, tmp_path: Path) -> None:
    """It names people in clear."""
    assert await spool.put("a", payment())
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o600


@pytest.fixture
def blocked_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    released = threading.Event()

    def write(_path: Path, _event: bytes) -> bool:
        assert released.wait(60)
        return True

    monkeypatch.setattr(late_spool, "_write", write)
    yield
    released.set()


async def test_a_disk_that_blocks_holds_up_no_answer(blocked_disk: None, tmp_path: Path) -> None:
    """The answer says that the event was not recorded, and other banks are answered meanwhile."""
    workers = Workers(lambda: None)
    workers.away = True
    replica = Replica(MemoryRedis(), workers, spool=tmp_path)
    async with asyncio.timeout(50):
        (one, _), (other, _) = await asyncio.gather(
            replica.ask(0.1, accept_late=True), replica.ask(0.1, transfer_id="t2")
        )
    assert (one["recorded"], other["recorded"]) == ("no", "no")
