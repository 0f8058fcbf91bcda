"""Load generator: appends traffic at an even rate, or as fast as it can.

Usage: python -m benchmarks.generate BROKER --events N [--rate R] ...
Prints how many ticks came late, if a rate is given: a generator that cannot hold its rate would
flatter the latencies.
"""

import argparse
import asyncio
import time

from aiokafka import AIOKafkaProducer

from benchmarks.traffic import Traffic

TICK_SECONDS = 0.005


async def generate(
    broker: str, traffic: Traffic, events: int, *, rate: float, start_ms: int, prefix: str
) -> int:
    """Send all; returns how many ticks came more than 50 ms late.

    Args:
        broker: address.
        traffic: recipe of the events.
        events: how many.
        rate: events per second; 0 for as fast as possible.
        start_ms: event time of the first event.
        prefix: of the topics' names.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=broker, linger_ms=0 if rate else 20, max_batch_size=1 << 17
    )
    late = 0
    async with producer:
        made = list(traffic.events(events, start_ms))
        began = time.monotonic()
        for number, (topic, key, value) in enumerate(made):
            if rate and number >= (time.monotonic() - began) * rate:
                due = began + number / rate
                await asyncio.sleep(max(TICK_SECONDS, due - time.monotonic()))
                late += time.monotonic() - due > 0.05
            await producer.send(prefix + topic, value, key=key.encode())
    return late


def main() -> None:
    """Run once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("broker")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--callers", type=int, default=2_000, help="shared by all subscribers")
    parser.add_argument("--payees", type=int, default=5_000, help="likewise")
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--large-share", type=float, default=0.0)
    parser.add_argument("--start-ms", type=int, default=0, help="0: the last event is dated now")
    parser.add_argument("--prefix", default="")
    options = parser.parse_args()
    # A backlog is dated so that its last event is now; a live stream begins when it is made.
    start_ms = options.start_ms or time.time_ns() // 1_000_000 + (
        1_000 if options.rate else -options.events - 1_000
    )
    traffic = Traffic(
        options.seed,
        subscribers=options.subscribers,
        callers=options.callers,
        payees=options.payees,
        step_ms=1000 / options.rate if options.rate else 1.0,
        large_share=options.large_share,
    )
    print(
        asyncio.run(
            generate(
                options.broker,
                traffic,
                options.events,
                rate=options.rate,
                start_ms=start_ms,
                prefix=options.prefix,
            )
        )
    )


if __name__ == "__main__":
    main()
