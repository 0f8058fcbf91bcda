"""Bare ways to read topics, each as a process of its own, to which the worker is compared.

Usage: python -m benchmarks.stream_engines raw|stock|chunked|echo BROKER TOPIC[,TOPIC] EVENTS
Prints one JSON object: events read, seconds from the first to the last, and CPU seconds.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


class Stopwatch:
    """Counts events; prints and ends the process when all have come.

    Args:
        engine: named in the result.
        wanted: events that are timed.
        warm: events before them that are not.
    """

    def __init__(self, engine: str, wanted: int, warm: int = 0) -> None:
        self.engine, self.wanted, self.seen, self.calls = engine, wanted, 0, 0
        self.warm = warm
        self.began = self.cpu_began = 0.0

    def begin(self) -> None:
        """Start the clock before the first event."""
        self.began, self.cpu_began = time.perf_counter(), time.process_time()

    def count(self, events: int) -> None:
        """Note events; what came with the first call is not timed, as its wait is not either."""
        if self.warm > 0:
            self.warm -= events
            if self.warm <= 0:
                self.begin()
            return
        self.calls += 1
        if not self.began:
            self.began, self.cpu_began, self.wanted = (
                time.perf_counter(),
                time.process_time(),
                self.wanted - events,
            )
            return
        self.seen += events
        if self.seen >= self.wanted:
            seconds = time.perf_counter() - self.began
            cpu_seconds = time.process_time() - self.cpu_began
            result = {
                "engine": self.engine,
                "events": self.seen,
                "seconds": round(seconds, 3),
                "cpu_seconds": round(cpu_seconds, 3),
                "events_per_cpu_second": round(self.seen / cpu_seconds),
                "events_per_second": round(self.seen / seconds),
                "events_per_call": round(self.seen / self.calls, 1),
            }
            # Descriptor 3 is the caller's: `faust worker` redirects the usual ones into its log.
            os.write(3, json.dumps(result).encode())
            os._exit(0)


async def raw(broker: str, topic: str, stopwatch: Stopwatch) -> None:
    """aiokafka's getmany and nothing else: the fastest that a Python consumer gets here."""
    consumer = AIOKafkaConsumer(
        *topic.split(","), bootstrap_servers=broker, auto_offset_reset="earliest", group_id=None
    )
    await consumer.start()
    stopwatch.begin()
    while True:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            stopwatch.count(len(records))


async def echo(broker: str, topic: str, stopwatch: Stopwatch) -> None:
    """Consume and produce: every record is answered by one that names it, acknowledged by all."""
    *sources, output = topic.split(",")
    consumer = AIOKafkaConsumer(*sources, bootstrap_servers=broker, group_id=None)
    producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all", enable_idempotence=True)
    await consumer.start()
    await producer.start()
    os.write(1, b"ready\n")
    while True:
        for partition, records in (await consumer.getmany(timeout_ms=1000)).items():
            for record in records:
                source = {"topic": record.topic, "partition": record.partition}
                value = json.dumps({"source": source | {"offset": record.offset}, "event_id": ""})
                await producer.send(output, value.encode(), partition=partition.partition)
            stopwatch.count(len(records))


def faust_app(scheme: str, broker: str) -> Any:
    """An app with the settings that the worker uses, on either transport."""
    return faust.App(
        f"floor-{os.getpid()}",
        broker=f"{scheme}://{broker}",
        value_serializer="raw",
        key_serializer="raw",
        consumer_auto_offset_reset="earliest",
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_wait_empty=True,
        datadir=tempfile.mkdtemp(prefix="floor-"),
    )


def stock(broker: str, topic: str, stopwatch: Stopwatch) -> Any:
    """Faust as its manual shows it: ``async for`` over values, acknowledged one by one."""
    app = faust_app("kafka", broker)

    @app.agent(app.topic(topic, value_type=bytes))
    async def agent(stream: Any) -> None:
        async for _ in stream:
            stopwatch.count(1)

    return app


def chunked(broker: str, topic: str, stopwatch: Stopwatch) -> Any:
    """The same agent over chunks; every chunk is acknowledged and committed."""
    app = faust_app("chunked", broker)

    @app.agent(app.topic(topic, value_type=bytes))
    async def agent(stream: Any) -> None:
        async for event in stream.noack().events():
            stopwatch.count(len(event.value))
            event.ack()

    return app


def main() -> None:
    """Run one engine until it has read all."""
    engine, broker, topic, events = sys.argv[1:5]
    stopwatch = Stopwatch(engine, int(events))
    if engine == "raw":
        asyncio.run(raw(broker, topic, stopwatch))
    if engine == "echo":
        asyncio.run(echo(broker, topic, stopwatch))
    app = {"stock": stock, "chunked": chunked}[engine](broker, topic, stopwatch)
    sys.argv = ["faust", "worker", "--without-web", "-l", "error"]
    app.main()


if __name__ == "__main__":
    main()
