"""How long a quiet tenant waits beside a noisy one, without and with a quota of Kafka on the noisy one's producer.

Usage: python -m benchmarks.tenant_flood [--seconds 30] [--quiet 20] [--noisy 3000] [--quota-kilobytes 60]

One broker, one worker, two producers with names of their own that write to the same partitions. The quiet tenant sends at
an even rate in every phase: alone, beside the flood, alone again once the backlog is done, and beside the same flood
with the quota, which is set by the command that operators use. Latencies are from the append of a quiet event to the append
of its score, so what Kafka makes the noisy producer wait is not in them. Prints one JSON document.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
from aiokafka import AIOKafkaProducer

from benchmarks.measure import percentiles, read_all, sources_of
from benchmarks.stream_session import scrape, value_of
from benchmarks.traffic import Traffic
from benchmarks.world import WorkerProcess, World
from forewarn.local import KafkaBroker, RedisServer
from forewarn.local.kafka_broker import java
from forewarn.local.kafka_jars import kafka_jars
from forewarn.local.wait import wait_until

SOURCES = ("calls", "transfers")
DRAIN_SECONDS = 600


async def send(broker: str, tenant: str, *, rate: float, seconds: float, seed: int) -> int:
    """Append events of one tenant at a rate, under its own name as a client; returns their number.

    Like any producer it waits when its buffers are full, so a throttled one sends fewer.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=broker, client_id=tenant, linger_ms=5, max_batch_size=1 << 14
    )
    traffic = Traffic(seed, subscribers=2_000, step_ms=1000 / rate, name=f"{tenant}-")
    now_ms = time.time_ns() // 1_000_000
    mark = f'"tenant":"{tenant}","subscriber":'.encode()
    sent, began = 0, time.monotonic()
    async with producer:
        for topic, key, value in traffic.events(int(rate * seconds), now_ms):
            await asyncio.sleep(max(0.0, began + sent / rate - time.monotonic()))
            if time.monotonic() - began > seconds:
                break
            marked = value.replace(b'"subscriber":', mark, 1)
            await producer.send(topic, marked, key=key.encode())
            sent += 1
    return sent


@contextlib.asynccontextmanager
async def flood(broker: str, rate: float, seconds: float, seed: int) -> AsyncIterator[list[int]]:
    """The noisy tenant in the background; the list gets the number of its events at the end."""
    done: list[int] = []
    going = asyncio.create_task(send(broker, "noisy", rate=rate, seconds=seconds, seed=seed))
    yield done
    done.append(await going)


def limit(broker: KafkaBroker, tenant: str, bytes_per_second: int) -> None:
    """Set the quota of a producer, as ``kafka-configs.sh`` does."""
    command = [str(java()), "-cp", f"{kafka_jars()}/*", "kafka.admin.ConfigCommand"]
    command += ["--bootstrap-server", broker.bootstrap_servers, "--alter"]
    command += ["--add-config", f"producer_byte_rate={bytes_per_second}"]
    command += ["--entity-type", "clients", "--entity-name", tenant]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


class Flood:
    """The phases of one run.

    Args:
        broker: running.
        worker: ready.
        given: the options.
    """

    def __init__(
        self, broker: KafkaBroker, worker: WorkerProcess, given: argparse.Namespace
    ) -> None:
        self._broker, self._worker, self._given = broker, worker, given
        self._seed = self._sent = 0

    def run(self) -> dict[str, Any]:
        """Run all phases; returns their figures."""
        self._phase(noisy=False)  # the worker warms up
        phases = {"alone": self._phase(noisy=False), "flood": self._phase(noisy=True)}
        phases["alone_again"] = self._phase(noisy=False)
        limit(self._broker, "noisy", self._given.quota_kilobytes * 1000)
        phases["flood_with_quota"] = self._phase(noisy=True)
        alone = max(phases["alone"]["p99_ms"], phases["alone_again"]["p99_ms"])
        median = max(phases["alone"]["p50_ms"], phases["alone_again"]["p50_ms"])
        return phases | {
            "times_the_control": {
                name: {
                    "p50": round(phases[name]["p50_ms"] / median, 2),
                    "p99": round(phases[name]["p99_ms"] / alone, 2),
                }
                for name in ("flood", "flood_with_quota")
            },
            "meets_target": phases["flood_with_quota"]["p99_ms"] <= 2 * alone,
            "tenant_events": _tenant_metrics(self._worker),
        }

    def _phase(self, *, noisy: bool) -> dict[str, Any]:
        since_ms = time.time_ns() // 1_000_000
        quiet, loud = asyncio.run(self._send(noisy))
        self._sent += quiet + loud
        wait_until(self._caught_up, DRAIN_SECONDS, what="the backlog", interval_seconds=0.5)
        figures = percentiles(self._quiet_latencies(since_ms))
        return figures | {"noisy_events": loud, "load_average": round(os.getloadavg()[0], 1)}

    async def _send(self, noisy: bool) -> tuple[int, int]:
        given, address = self._given, self._broker.bootstrap_servers
        self._seed += 1
        quiet = send(address, "quiet", rate=given.quiet, seconds=given.seconds, seed=self._seed)
        if not noisy:
            return await quiet, 0
        async with flood(address, given.noisy, given.seconds, self._seed + 1000) as loud:
            sent = await quiet
        return sent, loud[0]

    def _caught_up(self) -> bool:
        return value_of(scrape(self._worker), "events_total{") >= self._sent

    def _quiet_latencies(self, since_ms: int) -> Any:
        address = self._broker.bootstrap_servers
        appended = {
            (record.topic, record.partition, record.offset): record.timestamp
            for topic in SOURCES
            for record in asyncio.run(read_all(address, topic))
            if record.timestamp >= since_ms and b'"tenant":"quiet"' in record.value
        }
        found = [
            record.timestamp - appended[source]
            for record in asyncio.run(read_all(address, "scores"))
            if record.timestamp >= since_ms
            for source in sources_of(record.value)
            if source in appended
        ]
        return np.array(found)


def _tenant_metrics(worker: WorkerProcess) -> dict[str, float]:
    names = ("tenant_events_total", "tenant_state_bytes")
    lines = scrape(worker, *(f"forewarn_worker_{name}" for name in names))
    return {
        f"{name} {tenant}": value_of(lines, f'{name}{{tenant="{tenant}"')
        for name in names
        for tenant in ("quiet", "noisy")
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="of each phase")
    parser.add_argument("--quiet", type=float, default=20.0, help="events a second")
    parser.add_argument("--noisy", type=float, default=3000.0, help="events a second it tries")
    parser.add_argument("--quota-kilobytes", type=int, default=60, help="a second, of the noisy")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="forewarn-tenants-") as scratch:
        home = Path(scratch)
        with KafkaBroker(home / "kafka") as broker, RedisServer(home / "redis") as redis:
            world = World(
                home,
                bootstrap_servers=broker.bootstrap_servers,
                redis_url=redis.url,
                settings={"FOREWARN_LOG_LEVEL": "ERROR"},
            )
            world.create_topics()
            worker = world.worker("worker")
            worker.start()
            try:
                print(json.dumps(Flood(broker, worker, given).run()))
            finally:
                worker.stop()


if __name__ == "__main__":
    main()
