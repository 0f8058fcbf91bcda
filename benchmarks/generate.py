"""Load generator: appends traffic at an even rate, or as fast as it can.

Usage: python -m benchmarks.generate BROKER SEED SUBSCRIBERS EVENTS RATE
RATE is events per second, 0 for a backlog. Prints the number of the late ticks, if any: a
generator that cannot hold its rate would flatter the latencies.
"""

import asyncio
import sys
import time

from aiokafka import AIOKafkaProducer

from benchmarks.traffic import Traffic

TICK_SECONDS = 0.005


async def generate(broker: str, traffic: Traffic, events: int, rate: float) -> int:
    """Send all; returns how many ticks came more than 50 ms late."""
    producer = AIOKafkaProducer(
        bootstrap_servers=broker, linger_ms=0 if rate else 20, max_batch_size=1 << 17
    )
    late = 0
    async with producer:
        # A backlog is dated so that its last event is now; a live stream begins when it is made.
        start_ms = time.time_ns() // 1_000_000 + (1_000 if rate else -events - 1_000)
        made = list(traffic.events(events, start_ms))
        began = time.monotonic()
        for number, (topic, key, value) in enumerate(made):
            if rate and number >= (time.monotonic() - began) * rate:
                due = began + number / rate
                await asyncio.sleep(max(TICK_SECONDS, due - time.monotonic()))
                late += time.monotonic() - due > 0.05
            await producer.send(topic, value, key=key.encode())
    return late


def main() -> None:
    """Run once."""
    broker, seed, subscribers, events, rate = sys.argv[1:6]
    step_ms = 1000 / float(rate) if float(rate) else 1.0
    traffic = Traffic(int(seed), subscribers=int(subscribers), step_ms=step_ms)
    print(asyncio.run(generate(broker, traffic, int(events), float(rate))))


if __name__ == "__main__":
    main()
