"""One fault at a time on real processes, each with every event in and every effect out counted.

The town lives for the whole file: what one fault leaves behind, the next one meets.
"""

import asyncio
import math
import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from aiokafka import AIOKafkaProducer

from benchmarks.synthetic_model import make_registry
from benchmarks.traffic import Traffic
from benchmarks.world import WorkerProcess
from features.catalog import CATALOG
from features.entity_keys import FIELD_BYTES, Entity, keys
from forewarn.contracts import Transfer, encode
from forewarn.local import KafkaBroker
from forewarn.platform.settings import ModelsSettings
from models.registry import open_registry
from tests.chaos.accounts import ABORTED, all_held, all_scored, judge
from tests.chaos.probing import Answer, Probing, ask, metric
from tests.chaos.town import Town, has_joined

pytestmark = [pytest.mark.system, pytest.mark.chaos, pytest.mark.timeout(900)]

SEED = 20_260
HEAL_SECONDS = 120
EVENTS, SECONDS = 240, 3.0
DISK_MEGABYTES = 192


@dataclass
class Disk:
    """Where the broker keeps its data.

    Where it may be a file system of its own, that is filled. Elsewhere the broker's files may not
    grow any more, which fails its writes as well, with another number for the error.
    """

    path: Path
    is_own: bool

    def fill(self, broker: KafkaBroker) -> None:
        if not self.is_own:
            resource.prlimit(broker.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
            return
        with (self.path / "ballast").open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(1 << 16))
            except OSError:
                return

    def free(self) -> None:
        (self.path / "ballast").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    path = tmp_path_factory.mktemp("town") / "kafka"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(path)]
    is_own = (
        os.geteuid() == 0
        and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    )
    yield Disk(path, is_own)
    if is_own:
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture(scope="module")
def town(disk: Disk) -> Iterator[Town]:
    """Two workers with small buffers, so that a slow one soon holds up its source."""
    settings = {"FOREWARN_WORKER_BUFFERED_EVENTS": "200", "FOREWARN_WORKER_BATCH_EVENTS": "100"}
    town = Town(disk.path.parent, SEED, 2, settings)
    try:
        town.start()
        yield town
    finally:
        town.close()


@dataclass(frozen=True)
class Case:
    """One fault.

    Attributes:
        play: causes it, and leaves the world whole.
        may_end: whether a worker may give up over it and be restarted.
        unready: a reason for which a worker is not ready meanwhile.
    """

    play: Callable[[Town], None]
    may_end: bool = False
    unready: str = ""


CASES = {
    "a worker is killed": Case(Town.kill),
    "a worker is asked to stop": Case(Town.terminate),
    "a worker wakes as a zombie": Case(Town.freeze, may_end=True),
    "workers come and go in a storm": Case(Town.storm, may_end=True),
    "the broker restarts": Case(lambda town: town.broker.restart(), may_end=True),
    "the broker crashes": Case(Town.crash_broker, may_end=True),
    "Kafka is away for two sessions": Case(Town.long_cut, may_end=True),
    "Redis stalls for two sessions": Case(Town.long_stall, unready="redis_unreachable"),
    "the network is slow": Case(Town.slow_network),
}


async def account(town: Town, spared: frozenset[str] = frozenset()) -> None:
    """Wait until all is done, and judge it by its state, too."""
    await all_scored(town, HEAL_SECONDS)
    await town.probe()
    came, went = await all_scored(town, HEAL_SECONDS)
    held = await all_held(town, went, HEAL_SECONDS)
    print(judge(came, went, held, spared))


def traffic(case: int) -> Traffic:
    return Traffic(SEED + case, subscribers=40, callers=8, step_ms=1000 * SECONDS / EVENTS)


async def begun(town: Town, case: int) -> None:
    """Let some events through, so that the group is formed and kernels are loaded."""
    await town.send(traffic(1000 + case), 20, 0.2)
    await all_scored(town, HEAL_SECONDS)


@pytest.mark.parametrize("name", CASES)
async def test_a_fault_loses_nothing_and_repeats_nothing(town: Town, name: str) -> None:
    """No event lost, state as if each was applied once, each warning once, and honest probes."""
    case, number = CASES[name], list(CASES).index(name)
    await begun(town, number)
    town.ended.clear()
    with Probing(town.workers) as probing:
        sending = asyncio.create_task(town.send(traffic(number), EVENTS, SECONDS))
        await asyncio.to_thread(case.play, town)
        await sending
        await account(town)
    assert case.may_end or not town.ended, f"{town.ended} gave up"
    assert probing.failures("live") == set(), "a restart would have repaired nothing"
    assert case.unready in {*probing.failures("ready"), ""}
    assert all(status == 0 for status in town.stops), f"drains ended with {town.stops}"


async def test_a_full_disk_of_the_broker_is_waited_for(town: Town, disk: Disk) -> None:
    """The broker ends over it; once there is room and it is back, everything goes on."""
    await begun(town, 100)

    def play() -> None:
        disk.fill(town.broker)
        deadline = time.monotonic() + 20
        while town.broker.process.is_running() and time.monotonic() < deadline:
            time.sleep(0.2)
        assert not town.broker.process.is_running(), "the disk was not full enough"
        disk.free()
        town.broker.start()

    with Probing(town.workers) as probing:
        sending = asyncio.create_task(town.send(traffic(100), EVENTS, SECONDS))
        await asyncio.to_thread(play)
        await sending
        await account(town)
    assert probing.failures("live") == set()


async def test_a_consumer_that_is_slow_holds_up_its_source_and_no_more(town: Town) -> None:
    """More comes than it can take; what waits is bounded, and all of it is done in the end."""
    await begun(town, 101)
    town.redis_proxy.latency_seconds = 0.1
    try:
        await town.send(traffic(101), 10 * EVENTS, SECONDS)
        waiting = [metric(worker, "forewarn_worker_buffered_events") for worker in town.workers]
    finally:
        town.redis_proxy.latency_seconds = 0.0
    # Four partitions of 200 events, each passed by one fetched chunk of each source at most.
    held = [value for samples in waiting for value in samples.values() if not math.isnan(value)]
    assert sum(held) <= 4 * (200 + 3 * 1024)
    await account(town)


async def test_a_model_that_fails_is_refused_and_the_one_in_use_stays(
    town: Town, tmp_path: Path
) -> None:
    """Promoted to all workers at once, it would end them all at once."""
    await begun(town, 102)
    registry = open_registry(
        ModelsSettings(registry=town.world.environment["FOREWARN_MODELS_REGISTRY"])
    )
    good = registry.current_version("champion")
    other = open_registry(
        ModelsSettings(
            registry=str(make_registry(tmp_path, tuple(CATALOG.names), "of another catalog"))
        )
    )
    bad = registry.add(other.fetch(other.current_version("champion")))
    registry.point("champion", bad, by="test", reason="", now_ms=0)
    refused = '{what="champion"}'
    await until_metric(town, "forewarn_worker_reload_pending", refused, 1.0)
    await town.send(traffic(102), EVENTS, SECONDS)
    await account(town)
    versions = {s.model_version for scores in town.went.scores.values() for s in scores}
    assert versions == {good}
    registry.point("champion", good, by="test", reason="", now_ms=0)
    await until_metric(town, "forewarn_worker_reload_pending", refused, 0.0)
    assert all(worker.is_running() for worker in town.workers)


async def test_records_of_an_aborted_transaction_never_came(town: Town) -> None:
    """While it is open they hold up what is behind them; then they count as no group's lag."""
    await begun(town, 103)
    person = "+8613700000001"
    producer = AIOKafkaProducer(bootstrap_servers=town.direct, transactional_id="faults")
    async with producer:
        await producer.begin_transaction()
        for number in range(5):
            event = Transfer(
                event_id=f"{ABORTED}-{number}",
                event_time_ms=time.time_ns() // 1_000_000,
                subscriber=person,
                transfer_id=f"{ABORTED}-{number}",
                status="attempted",
                payer_account="a",
                payee_account="b",
                amount_minor=1,
            )
            await producer.send("transfers", encode(event), key=person.encode())
        await producer.flush()
        await town.send(traffic(103), EVENTS, SECONDS)
        await producer.abort_transaction()
    await account(town)
    assert not any(event_id.startswith(ABORTED) for event_id in town.went.scores)
    await until_metric(town, "forewarn_worker_consumer_lag_records", "", 0.0)


async def test_four_workers_share_four_partitions_and_a_fifth_stands_by(town: Town) -> None:
    """One partition each; who has none is ready to take one, not a fault to be restarted."""
    await begun(town, 104)
    more = [town.world.worker(f"worker-{number}") for number in (2, 3, 4)]
    town.workers += more
    try:
        for worker in more:
            await asyncio.to_thread(worker.start)
        await until(
            lambda: (
                all(map(has_joined, town.workers))
                and sorted(partitions_of(town)) == [0, 1, 1, 1, 1]
            ),
            lambda: f"partitions: {partitions_of(town)}",
        )
        standby = town.workers[partitions_of(town).index(0)]
        await until(
            lambda: all(
                answer is not None and (answer.status, answer.reasons) == (200, ())
                for answer in answers_of(standby)
            ),
            lambda: f"{standby.name}: {answers_of(standby)}",
        )
        assert partitions_of(town, standby) == [0]
        await town.send(traffic(104), EVENTS, SECONDS)
        busy = next(worker for worker in town.workers if worker is not standby)
        await asyncio.to_thread(busy.kill)
        await until(
            lambda: 1 in partitions_of(town, standby), lambda: f"{standby.name} still stands by"
        )
        await asyncio.to_thread(busy.start)
        await account(town)
    finally:
        for worker in more:
            await asyncio.to_thread(worker.stop, 25)
            town.workers.remove(worker)


async def test_a_damaged_record_costs_its_person_alone(town: Town) -> None:
    """His events become dead letters, to be sent again once it is repaired; all others go on."""
    await begun(town, 105)
    person = min(town.came.people)
    pseudonym = np.array([town.world.pseudonymiser.phone(person)], np.uint64)
    key = keys("fw", Entity.SUBSCRIBER, pseudonym)[0]
    hash_name, field = key[:-FIELD_BYTES], key[-FIELD_BYTES:]
    with town.redis.client() as client:
        record = client.hget(hash_name, field)
        client.hset(hash_name, field, record[:-3])
        town.ended.clear()
        await town.send(traffic(105), EVENTS, SECONDS)
        await until_set_aside(town, person)
        client.hset(hash_name, field, record)
    await account(town, frozenset({person}))
    assert not town.ended, "it ended no worker"


async def until_set_aside(town: Town, person: str) -> None:
    """Wait until his events are dead letters; they count as poison from then on."""
    deadline = time.monotonic() + HEAL_SECONDS
    while True:
        await town.came.read()
        await town.went.read()
        missing = set(town.came.ids) - set(town.went.scores)
        letters = set(town.went.dead) - town.came.poison
        if letters and {town.came.places[event_id] for event_id in missing} == letters:
            break
        assert time.monotonic() < deadline, f"{len(missing)} missing, {len(letters)} set aside"
        await asyncio.sleep(0.5)
    assert {town.came.subscribers[event_id] for event_id in missing} == {person}
    town.came.set_aside(missing)


def partitions_of(town: Town, *workers: object) -> list[int]:
    """How many partition numbers each worker has, -1 where it does not say."""
    answers = [ask(worker, "ready") for worker in workers or town.workers]
    return [answer.partitions if answer is not None else -1 for answer in answers]


def answers_of(worker: WorkerProcess) -> list[Answer | None]:
    """What the worker says to each probe."""
    return [ask(worker, probe) for probe in ("startup", "ready", "live")]


async def until_metric(town: Town, name: str, labels: str, value: float) -> None:
    """Wait until every worker shows this value, or every sample of it where no labels are given."""

    def shown() -> list[float]:
        samples = [metric(worker, name) for worker in town.workers]
        return [
            value
            for each in samples
            for label, value in each.items()
            if labels in (label, "") or math.isnan(value)
        ]

    await until(lambda: all(found == value for found in shown()), lambda: f"{name}: {shown()}")


async def until(condition: Callable[[], bool], report: Callable[[], str]) -> None:
    deadline = time.monotonic() + HEAL_SECONDS
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, report()
        await asyncio.sleep(0.3)
