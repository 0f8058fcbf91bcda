"""A world under faults: servers behind proxies, workers as processes, traffic that is accounted for.

Everything random follows from one seed. What happened is judged from the logs in Kafka: the source
topics say what came in, the outputs what went out, so no count depends on what a client believed.
"""

import asyncio
import base64
import random
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from aiokafka import AIOKafkaProducer

from benchmarks.measure import read_all
from benchmarks.traffic import Traffic
from benchmarks.world import WorkerProcess, World
from features.catalog import CATALOG
from forewarn.events import (
    CallStarted,
    FraudWarning,
    Score,
    Transfer,
    decode_call,
    decode_transfer,
    encode,
)
from forewarn.local import KafkaBroker, RedisServer
from forewarn.local.process import stop_all
from tests.chaos.alerting import AlertingProcess
from tests.chaos.proxy import Proxy

SESSION_SECONDS = 6
POISON = b'{"type":"call_started","event_id":'


class Town:
    """Servers, proxies and workers of one story.

    Args:
        directory: for files of all parts.
        seed: of traffic and faults.
        workers: how many.
    """

    def __init__(self, directory: Path, seed: int, workers: int) -> None:
        self.seed = seed
        self.draw = random.Random(seed)
        self.kafka_proxy, self.redis_proxy = Proxy(0).start(), Proxy(0).start()
        self.broker = KafkaBroker(directory / "kafka", listeners={"PROXIED": "PLAINTEXT"})
        # Clients go on where the broker says that it is: at the proxy.
        self.broker._properties["advertised.listeners"] = (
            f"PLAINTEXT://{self.broker.address('PLAINTEXT')},"
            f"PROXIED://127.0.0.1:{self.kafka_proxy.port}"
        )
        self.broker.start()
        self.kafka_proxy.server_port = self.broker.ports["PROXIED"]
        self.redis = RedisServer(directory / "redis", persistent=True).start()
        self.redis_proxy.server_port = self.redis.port
        self.world = World(
            directory,
            bootstrap_servers=f"127.0.0.1:{self.kafka_proxy.port}",
            redis_url=f"redis://127.0.0.1:{self.redis_proxy.port}/0",
            partitions=4,
            intercept=-3.2,
            settings={
                "FOREWARN_WORKER_SESSION_SECONDS": str(SESSION_SECONDS),
                "FOREWARN_WORKER_DRAIN_SECONDS": "15",
                "FOREWARN_REDIS_RETRY_SECONDS": "2",
            },
        )
        self.world.create_topics(self.direct)
        self.workers = [self.world.worker(f"worker-{number}") for number in range(workers)]
        self.alerting = AlertingProcess(self.world)
        self.stops: list[int | None] = []
        self.came, self.went = Came(self.direct), Went(self.direct)

    @property
    def direct(self) -> str:
        """The broker past the proxy."""
        return self.broker.bootstrap_servers

    def start(self) -> None:
        """Start the workers and the alerting service."""
        for child in (*self.workers, self.alerting):
            child.start()

    def restart_ended(self) -> list[str]:
        """Start what has ended by itself, as Kubernetes would; a worker gives up without Kafka."""
        ended = [c for c in (*self.workers, self.alerting) if not c.is_running()]
        for child in ended:
            child.start()
        return [child.name for child in ended]

    def close(self) -> None:
        for worker in self.workers:
            worker.resume()
        stop_all([*self.workers, self.alerting])
        self.redis.stop()
        self.broker.stop()
        self.kafka_proxy.stop()
        self.redis_proxy.stop()

    # -- faults; each leaves the world whole

    def faults(self) -> dict[str, Callable[[], None]]:
        """Every fault by name."""
        return {
            "kill": self.kill,
            "terminate": self.terminate,
            "freeze": self.freeze,
            "cut_kafka": lambda: self.cut(self.kafka_proxy),
            "stall_kafka": lambda: self.stall(self.kafka_proxy),
            "cut_redis": lambda: self.cut(self.redis_proxy),
            "stall_redis": lambda: self.stall(self.redis_proxy),
            "slow_network": self.slow_network,
            "restart_broker": self.broker.restart,
            "crash_broker": self.crash_broker,
            "restart_redis": self.redis.restart,
            "storm": self.storm,
            "kill_alerting": self.kill_alerting,
        }

    def pick(self) -> WorkerProcess:
        """A worker that is in the group: a fault that hits one that still starts proves little."""
        candidates = self.draw.sample(self.workers, len(self.workers))
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for worker in candidates:
                if has_joined(worker):
                    return worker
            time.sleep(0.1)
        return candidates[0]

    def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing is said."""
        worker = self.pick()
        worker.kill()
        worker.start()

    def terminate(self) -> None:
        """SIGTERM: the drain must end in time, with status 0."""
        worker = self.pick()
        self.stops.append(worker.stop(timeout_seconds=25))
        worker.start()

    def freeze(self) -> None:
        """SIGSTOP past the session: the group goes on without it, then it wakes as a zombie."""
        worker = self.pick()
        worker.pause()
        time.sleep(SESSION_SECONDS + 2.5)
        worker.resume()

    def cut(self, proxy: Proxy) -> None:
        proxy.cut()
        time.sleep(self.draw.uniform(0.5, 3.0))
        proxy.mend()

    def stall(self, proxy: Proxy) -> None:
        proxy.stall()
        time.sleep(self.draw.uniform(0.5, 4.0))
        proxy.mend()

    def slow_network(self) -> None:
        for proxy in (self.kafka_proxy, self.redis_proxy):
            proxy.latency_seconds = 0.03
        time.sleep(3)
        for proxy in (self.kafka_proxy, self.redis_proxy):
            proxy.latency_seconds = 0.0

    def crash_broker(self) -> None:
        self.broker.kill()
        self.broker.start()

    def storm(self) -> None:
        """Members come and go faster than a rebalance takes."""
        for _ in range(3):
            worker = self.draw.choice(self.workers)
            worker.kill()
            time.sleep(self.draw.uniform(0.1, 1.0))
            worker.start()

    def kill_alerting(self) -> None:
        self.alerting.kill()
        self.alerting.start()

    # -- traffic

    async def send(self, traffic: Traffic, events: int, seconds: float) -> None:
        """Spread events over some seconds; one in a hundred is followed by poison."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.direct, enable_idempotence=True, request_timeout_ms=60_000
        )
        async with producer:
            began = time.monotonic()
            start_ms = time.time_ns() // 1_000_000
            for number, (topic, key, value) in enumerate(traffic.events(events, start_ms)):
                await producer.send(topic, value, key=key.encode())
                if number % 100 == 0:
                    await producer.send(topic, POISON, key=key.encode())
                await asyncio.sleep(
                    max(0.0, number * seconds / events - (time.monotonic() - began))
                )

    async def probe(self) -> None:
        """One more transfer and one more call for everyone: their vectors show the final state."""
        await self.came.read()
        came = self.came
        async with AIOKafkaProducer(bootstrap_servers=self.direct) as producer:
            now_ms = time.time_ns() // 1_000_000
            for person in sorted(came.people):
                event = Transfer(
                    event_id=f"probe-{person}",
                    event_time_ms=now_ms,
                    subscriber=person,
                    transfer_id=f"probe-{person}",
                    status="attempted",
                    payer_account="probe",
                    payee_account="probe",
                    amount_minor=1,
                )
                await producer.send("transfers", encode(event), key=person.encode())
            for caller in sorted(came.calls_by_caller):
                call = CallStarted(
                    event_id=f"probe-{caller}",
                    event_time_ms=now_ms,
                    subscriber="+8613999999999",
                    call_id=f"probe-{caller}",
                    direction="inbound",
                    caller=caller,
                    callee="+8613999999999",
                )
                await producer.send("calls", encode(call), key=b"+8613999999999")


def has_joined(worker: WorkerProcess) -> bool:
    """Whether the worker says that it has started."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{worker.port}/startup", timeout=1):
            return True
    except OSError:
        return False


@dataclass
class Came:
    """What came in, read from the source topics, and the oracle's counts of it."""

    broker: str
    positions: dict[Any, int] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    poison: set[tuple[str, int, int]] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    paid: Counter[str] = field(default_factory=Counter)
    called: Counter[str] = field(default_factory=Counter)
    calls_by_caller: Counter[str] = field(default_factory=Counter)

    async def read(self) -> None:
        """Read on from where the last call ended."""
        for topic, decode in (("calls", decode_call), ("transfers", decode_transfer)):
            for record in await read_all(self.broker, topic, self.positions):
                if record.value == POISON:
                    self.poison.add((topic, record.partition, record.offset))
                    continue
                event = decode(record.value)
                self.ids.append(event.event_id)
                if event.event_id.startswith("probe"):
                    continue
                self.people.add(event.subscriber)
                if isinstance(event, Transfer):
                    self.paid[event.subscriber] += 1
                elif isinstance(event, CallStarted):
                    self.called[event.subscriber] += 1
                    self.calls_by_caller[event.caller] += 1


@dataclass
class Went:
    """What went out: scores, dead letters and warnings, every message of them."""

    broker: str
    positions: dict[Any, int] = field(default_factory=dict)
    scores: dict[str, list[Score]] = field(default_factory=lambda: defaultdict(list))
    dead: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    warnings: list[FraudWarning] = field(default_factory=list)

    async def read(self) -> None:
        """Read on from where the last call ended."""
        for record in await read_all(self.broker, "scores", self.positions):
            score = msgspec.json.decode(record.value, type=Score)
            self.scores[score.event_id].append(score)
        for record in await read_all(self.broker, "dead-letters", self.positions):
            letter = msgspec.json.decode(record.value)
            self.dead[letter["topic"], letter["partition"], letter["offset"]] += 1
        for record in await read_all(self.broker, "warnings", self.positions):
            self.warnings.append(msgspec.json.decode(record.value, type=FraudWarning))

    def feature(self, event_id: str, name: str) -> float:
        vector = np.frombuffer(base64.b64decode(self.scores[event_id][-1].vector), "<f4")
        return float(vector[CATALOG.names.index(name)])


def judge(came: Came, went: Went, held: list[tuple[str, str, str, int]]) -> dict[str, int]:
    """Assert every promise; returns the counts for the log.

    Args:
        came: what came in.
        went: what went out.
        held: warnings in the alerting database.
    """
    assert len(came.ids) == len(set(came.ids)), "the traffic itself repeats an event"
    lost = set(came.ids) - set(went.scores)
    assert not lost, f"{len(lost)} events without a score, such as {sorted(lost)[:5]}"
    assert set(went.scores) == set(came.ids), "a score for an event that never came"
    assert set(went.dead) == came.poison, "every poison record is a dead letter, and nothing else"

    # A repeated score is the same score: computed again from the journal, bit for bit.
    for scores in went.scores.values():
        assert len({(s.vector, s.probability, s.decision) for s in scores}) == 1, scores

    # Probes read the state that all events before them left: applied once, each of them.
    for person in came.people:
        assert went.feature(f"probe-{person}", "out_count_30d") == came.paid[person], person
        assert went.feature(f"probe-{person}", "calls_in_30d") == came.called[person], person
    for caller, calls in came.calls_by_caller.items():
        assert went.feature(f"probe-{caller}", "number_calls_30d") == calls, caller

    # Messages may repeat; a revision of a warning is one thing, and each cause has one warning.
    revisions: dict[tuple[str, int], set[tuple]] = defaultdict(set)
    causes: dict[str, set[tuple]] = defaultdict(set)
    for warning in went.warnings:
        revisions[warning.warning_id, warning.source.offset].add(
            (warning.action, warning.severity, warning.probability, warning.event_id)
        )
        causes[warning.warning_id].add((warning.subscriber, warning.subject.subject_id))
    assert all(len(variants) == 1 for variants in revisions.values())
    assert all(len(subjects) == 1 for subjects in causes.values())

    # Alerting holds each warning exactly once, in its newest revision.
    newest: dict[str, int] = {}
    for warning in went.warnings:
        offset = max(newest.get(warning.warning_id, -1), warning.source.offset)
        newest[warning.warning_id] = offset
    assert len(held) == len(newest), "alerting holds each warning once"
    assert {row[0]: row[3] for row in held} == newest
    assert {row[0]: {(row[1], row[2])} for row in held} == causes
    return {
        "events": len(came.ids),
        "scores": sum(map(len, went.scores.values())),
        "poison": len(came.poison),
        "warnings": len(causes),
        "warning_messages": len(went.warnings),
    }
