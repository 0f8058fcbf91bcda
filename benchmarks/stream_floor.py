"""How fast can a worker read that does nothing: aiokafka alone, stock Faust, chunked Faust.

Usage: python -m benchmarks.stream_floor [--events N] [--rounds N]
The best of some rounds is kept: noise on a shared machine only ever slows down.
"""

import argparse
import asyncio
import sys
from typing import Any

from aiokafka import AIOKafkaProducer
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from benchmarks.bench import on_worker_core, run_for_result, save, servers

PARTITIONS = 8
# A call event has about this size; the content does not matter to an engine that decodes nothing.
PAYLOAD = b'{"schema_version":1,"event_id":"' + b"x" * 250 + b'"}'


async def fill(broker: str, topic: str, events: int) -> None:
    """Append events evenly to all partitions."""
    producer = AIOKafkaProducer(bootstrap_servers=broker, linger_ms=20, max_batch_size=1 << 18)
    async with producer:
        for number in range(events):
            await producer.send(topic, PAYLOAD, partition=number % PARTITIONS)


def main() -> None:
    """Measure, print and save."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=600_000)
    arguments.add_argument("--stock-events", type=int, default=40_000)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    best: dict[str, dict[str, Any]] = {}
    with servers() as (broker, _):
        admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
        admin.create_topics([NewTopic("floor", PARTITIONS, 1)])
        admin.close()
        asyncio.run(fill(broker.bootstrap_servers, "floor", options.events))
        for _ in range(options.rounds):
            for engine in ("raw", "stock", "chunked"):
                events = options.stock_events if engine == "stock" else options.events
                command = [sys.executable, "-m", "benchmarks.stream_engines", engine]
                command += [broker.bootstrap_servers, "floor", str(events)]
                found = run_for_result(on_worker_core(*command), timeout_seconds=180)
                print(found, flush=True)
                rate = found["events_per_second"]
                if engine not in best or rate > best[engine]["events_per_second"]:
                    best[engine] = found
    # Processor time is what stays comparable while others use the machine too.
    raw, raw_cpu = best["raw"]["events_per_second"], best["raw"]["events_per_cpu_second"]
    for found in best.values():
        found["share_of_raw"] = round(found["events_per_second"] / raw, 3)
        found["share_of_raw_by_cpu"] = round(found["events_per_cpu_second"] / raw_cpu, 3)
        print(
            f"{found['engine']:>8} {found['events_per_second']:>9,} events/s "
            f"{found['share_of_raw']:>6.1%} of raw, {found['share_of_raw_by_cpu']:.1%} by processor time"
        )
    print(save("stream_floor", best))


if __name__ == "__main__":
    main()
