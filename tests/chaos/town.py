"""A world under faults: servers behind proxies, workers as processes, traffic that is accounted for.

Everything random follows from one seed. What happened is judged from the logs in Kafka: the source
topics say what came in, the outputs what went out, so no count depends on what a client believed.
"""

import asyncio
import random
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from benchmarks.traffic import Traffic
from benchmarks.world import WorkerProcess, World
from forewarn.contracts import CallStarted, Transfer, encode
from forewarn.local import KafkaBroker, RedisServer
from forewarn.local.child_process import stop_all
from tests.chaos.accounts import POISON, Came, Went
from tests.chaos.alerting import AlertingProcess
from tests.chaos.proxy import Proxy

SESSION_SECONDS = 6
OUTAGE_SECONDS = 2 * SESSION_SECONDS + 1.5
"""Twice as long as the group waits for a member."""
BROKER_START_SECONDS = 300
"""After a crash it reads its logs, which takes minutes on a machine that is busy."""


class Town:
    """Servers, proxies and workers of one story.

    Args:
        directory: for files of all parts.
        seed: of traffic and faults.
        workers: how many.
        settings: further environment variables of the workers.
        large_amounts: whether the workers warn about large amounts alone; else about half of the events.
    """

    def __init__(
        self,
        directory: Path,
        seed: int,
        workers: int,
        settings: Mapping[str, str] | None = None,
        *,
        large_amounts: bool = False,
    ) -> None:
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
            intercept=0.0 if large_amounts else -3.2,
            large_amounts=large_amounts,
            settings={
                "FOREWARN_WORKER_SESSION_SECONDS": str(SESSION_SECONDS),
                "FOREWARN_WORKER_DRAIN_SECONDS": "15",
                "FOREWARN_REDIS_RETRY_SECONDS": "2",
                **(settings or {}),
            },
        )
        self.world.create_topics(self.direct)
        self.workers = [self.world.worker(f"worker-{number}") for number in range(workers)]
        self.alerting = AlertingProcess(self.world)
        self.stops: list[int | None] = []
        self.ended: list[str] = []
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
        names = [child.name for child in ended]
        self.ended += names
        return names

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
            "long_cut": self.long_cut,
            "long_stall": self.long_stall,
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
        proxy.restore()

    def stall(self, proxy: Proxy) -> None:
        proxy.stall()
        time.sleep(self.draw.uniform(0.5, 4.0))
        proxy.restore()

    def long_cut(self) -> None:
        """No worker reaches Kafka for longer than two sessions: the group has forgotten every member."""
        self.kafka_proxy.cut()
        time.sleep(OUTAGE_SECONDS)
        self.kafka_proxy.restore()

    def long_stall(self) -> None:
        """Redis answers no worker for as long; each keeps its partitions."""
        self.redis_proxy.stall()
        time.sleep(OUTAGE_SECONDS)
        self.redis_proxy.restore()

    def slow_network(self) -> None:
        for proxy in (self.kafka_proxy, self.redis_proxy):
            proxy.latency_seconds = 0.03
        time.sleep(3)
        for proxy in (self.kafka_proxy, self.redis_proxy):
            proxy.latency_seconds = 0.0

    def crash_broker(self) -> None:
        self.broker.kill()
        self.broker.start(BROKER_START_SECONDS)

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
        async with self._source() as producer:
            began = time.monotonic()
            start_ms = time.time_ns() // 1_000_000
            for number, (topic, key, value) in enumerate(traffic.events(events, start_ms)):
                await producer.send(topic, value, key=key.encode())
                if number % 100 == 0:
                    await producer.send(topic, POISON, key=key.encode())
                await asyncio.sleep(
                    max(0.0, number * seconds / events - (time.monotonic() - began))
                )

    @asynccontextmanager
    async def _source(self) -> AsyncIterator[AIOKafkaProducer]:
        """A source of events; like any other it waits for a broker that is away just then."""
        deadline = time.monotonic() + 60
        while True:
            producer = AIOKafkaProducer(
                bootstrap_servers=self.direct, enable_idempotence=True, request_timeout_ms=60_000
            )
            try:
                await producer.start()
            except KafkaConnectionError:
                await producer.stop()
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.2)
            else:
                break
        try:
            yield producer
        finally:
            await producer.stop()

    async def probe(self) -> None:
        """One more transfer and one more call for everyone: their vectors show the final state."""
        came = self.came
        await came.read()
        came.round += 1
        people, callers = sorted(came.people), sorted(came.calls_by_caller)
        async with self._source() as producer:
            now_ms = time.time_ns() // 1_000_000
            for person in people:
                event = Transfer(
                    event_id=came.probe_of(person),
                    event_time_ms=now_ms,
                    subscriber=person,
                    transfer_id=came.probe_of(person),
                    status="attempted",
                    payer_account="probe",
                    payee_account="probe",
                    amount_minor=1,
                )
                await producer.send("transfers", encode(event), key=person.encode())
            for caller in callers:
                call = CallStarted(
                    event_id=came.probe_of(caller),
                    event_time_ms=now_ms,
                    subscriber="+8613999999999",
                    call_id=came.probe_of(caller),
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
