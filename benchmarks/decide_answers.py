"""How long does a bank wait, and how many answers a second: against a bare loop over the same broker.

Usage: python -m benchmarks.decide_answers [--seconds S] [--rates 50,100,200]

The floor is a process that reads a topic and writes a record of an answer's size for each of a question's
size to another, with the clients of the service; no HTTP, no state, no model. Both are measured in turn, each
rate beside a stream of ten times as many calls. Everything shares the cores of the machine.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from benchmarks.bench import save
from benchmarks.decide_process import DecideProcess, payment
from benchmarks.traffic import Traffic
from benchmarks.world import World
from forewarn.contracts import encode
from forewarn.local import KafkaBroker, RedisServer
from forewarn.local.child_process import Child, stop_all
from forewarn.local.readiness_probe import ask as probe
from forewarn.local.wait import wait_until

ORDINARY_A_QUESTION = 10
ANSWER_BYTES = 700
DEADLINE_MS = 5_000
START_SECONDS = 300

AskOnce = Callable[[int], Awaitable[str]]
"""number -> "answered", or why not."""


async def echo(bootstrap: str) -> None:
    """The bare worker: one record in, one record out."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=0, acks="all")
    # From the beginning: what was asked before this process had joined has to be answered, too.
    consumer = AIOKafkaConsumer(
        "floor-questions", bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    )
    async with producer, consumer:
        async for record in consumer:
            await producer.send("floor-answers", b"x" * ANSWER_BYTES, key=record.key, partition=0)


async def measure(ask: AskOnce, rate: float, seconds: float) -> dict[str, Any]:
    """Ask at a steady rate, whatever the answers take; latencies in milliseconds."""
    taken: list[float] = []
    outcomes: dict[str, int] = {}

    async def one(number: int) -> None:
        began = time.perf_counter()
        outcome = await ask(number)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        taken.append(1000 * (time.perf_counter() - began))

    began = time.perf_counter()
    tasks = []
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(one(number)))
    await asyncio.gather(*tasks)
    spent = time.perf_counter() - began
    p50, p99 = (round(float(x), 1) for x in np.percentile(taken, (50, 99)))
    return {
        "rate": rate, "answers_per_second": round(len(taken) / spent, 1), "p50_ms": p50,
        "p99_ms": p99, "outcomes": outcomes,
    }  # fmt: skip


async def of_floor(bootstrap: str, rates: list[float], seconds: float) -> list[dict[str, Any]]:
    """Latencies of the bare loop."""
    waiting: dict[bytes, asyncio.Future[None]] = {}
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=0, acks="all")
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    question = encode(payment(1))
    async with producer, consumer:
        consumer.assign([TopicPartition("floor-answers", 0)])

        async def read() -> None:
            async for record in consumer:
                future = waiting.pop(record.key, None)
                if future is not None:
                    future.set_result(None)

        async def ask(number: int) -> str:
            key = f"{time.monotonic_ns()}-{number}".encode()
            future = waiting[key] = asyncio.get_running_loop().create_future()
            await producer.send("floor-questions", question, key=key)
            await future
            return "answered"

        reading = asyncio.create_task(read())
        await measure(ask, rates[0], 2.0)  # connections are open, positions known
        found = [await measure(ask, rate, seconds) for rate in rates]
        reading.cancel()
    return found


async def of_service(
    replica: DecideProcess, bootstrap: str, rates: list[float], seconds: float
) -> list[dict[str, Any]]:
    """Latencies of the service beside a stream of ordinary events."""
    first = time.time_ns() // 1_000_000 % 10**9
    headers = {**replica.headers, "Forewarn-Deadline-Ms": str(DEADLINE_MS)}
    connector = aiohttp.TCPConnector(limit=512)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:

        async def ask(number: int) -> str:
            nonlocal first
            async with session.post(replica.url, data=encode(payment(first + number))) as answer:
                body = await answer.json()
                return "answered" if body.get("probability") is not None else body["reason"]

        await measure(ask, rates[0], 3.0)
        found = []
        for rate in rates:
            first += 1_000_000
            stream = asyncio.create_task(ordinary(bootstrap, rate * ORDINARY_A_QUESTION))
            found.append(await measure(ask, rate, seconds))
            stream.cancel()
    return found


async def ordinary(bootstrap: str, rate: float) -> None:
    """Calls and transfers that no bank waits for, at a steady rate, until cancelled."""
    traffic = Traffic(7, subscribers=5_000, callers=500)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5) as producer:
        began, start_ms = time.monotonic(), time.time_ns() // 1_000_000
        for number, (topic, key, value) in enumerate(traffic.events(10**7, start_ms)):
            await producer.send(topic, value, key=key.encode())
            if number % 10 == 0:
                await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))


def main() -> None:
    """Measure, print and save."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=15.0)
    arguments.add_argument("--rates", default="25,50,100,200,400")
    arguments.add_argument("--echo", default="", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.echo:
        asyncio.run(echo(options.echo))
        return
    rates = [float(rate) for rate in options.rates.split(",")]
    with tempfile.TemporaryDirectory(prefix="bench-decide-") as scratch:
        directory = Path(scratch)
        redis = RedisServer(directory / "redis").start()
        with KafkaBroker(directory / "kafka", heap_megabytes=1024) as broker:
            found = run(directory, broker.bootstrap_servers, redis.url, rates, options.seconds)
        redis.stop()
    for name, rows in found.items():
        for row in rows:
            print(f"{name:>8} {row}")
    for floor, service in zip(found["floor"], found["service"], strict=True):
        print(
            f"at {floor['rate']:g}/s the service takes {service['p50_ms'] / floor['p50_ms']:.1f} times the"
            f" floor at p50, {service['p99_ms'] / floor['p99_ms']:.1f} times at p99"
        )
    print(save("decide_answers", found))


def run(
    directory: Path, bootstrap: str, redis_url: str, rates: list[float], seconds: float
) -> dict[str, list[dict[str, Any]]]:
    """Measure floor and service in turn; returns their rows by name."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(name, 1, 1) for name in ("floor-questions", "floor-answers")])
    admin.close()
    command = [sys.executable, "-m", "benchmarks.decide_answers", "--echo", bootstrap]
    bare = Child("floor", command, log_file=directory / "floor.log")
    bare.start()
    time.sleep(5)
    floor = asyncio.run(of_floor(bootstrap, rates, seconds))
    stop_all([bare])
    world = World(
        directory, bootstrap_servers=bootstrap, redis_url=redis_url, partitions=4, intercept=-3.2
    )
    world.create_topics()
    worker, replica = world.worker("worker"), DecideProcess(world, "decide")
    worker.start()
    replica.start()
    try:
        for url in (
            f"http://127.0.0.1:{worker.port}/ready",
            f"http://127.0.0.1:{replica.probe_port}/healthz/ready",
        ):
            wait_until(lambda u=url: probe(u).passes, START_SECONDS, what=url)  # type: ignore[misc]
        service = asyncio.run(of_service(replica, bootstrap, rates, seconds))
    finally:
        stop_all([worker, replica])
    return {"floor": floor, "service": service}


if __name__ == "__main__":
    main()
