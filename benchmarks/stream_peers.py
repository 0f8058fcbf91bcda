"""The same job written the usual way: stock Faust and Quix Streams, one event at a time.

Usage: python -m benchmarks.stream_peers [--events N]
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.bench import on_worker_core, run_for_result, save, servers
from benchmarks.stream_session import PARTITIONS, generate
from benchmarks.world import World
from forewarn.local import KafkaBroker, RedisServer


def measure(broker: KafkaBroker, directory: Path, engine: str, events: int) -> dict[str, Any]:
    """Let one engine work off a backlog in topics and a store of its own."""
    home = directory / engine
    home.mkdir()
    with RedisServer(home / "redis", name=f"redis-{engine}") as redis:
        world = World(
            home,
            bootstrap_servers=broker.bootstrap_servers,
            redis_url=redis.unix_url,
            partitions=PARTITIONS,
            intercept=1.2,
        )
        world.create_topics()
        generate(broker, "--events", events)
        command = [sys.executable, "-m", "benchmarks.usual_way", engine]
        command += [broker.bootstrap_servers, redis.unix_url, str(world.booster), str(events)]
        return run_for_result(on_worker_core(*command), timeout_seconds=300)


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=6_000)
    options = parser.parse_args()
    results = []
    for engine in ("faust", "quix"):
        with servers() as (broker, directory):
            results.append(measure(broker, directory, engine, options.events))
            print(results[-1], flush=True)
    print(save("stream_peers", results))


if __name__ == "__main__":
    main()
