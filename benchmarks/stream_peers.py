"""The worker beside peers that do a smaller job over the same records, in one run.

A peer keeps windows of counts and sums, predicts once and writes one score for each event: stock
Faust and Quix Streams in Redis, one event at a time (``benchmarks.usual_way``), Kafka Streams in
RocksDB (``benchmarks/KafkaStreamsPeer.java``), Pathway in its own tables
(``benchmarks/pathway_peer.py``). The worker goes first; the peers then read its
topics. All are pinned to one core, one after the other.

Usage: python -m benchmarks.stream_peers [--rounds N] [--warm N] [--events N] [--slow-events N]
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from benchmarks import kafka_streams, pathway_process
from benchmarks.bench import (
    move_to_worker_core,
    on_worker_core,
    run_for_result,
    save,
    servers,
)
from benchmarks.stream_session import PARTITIONS, SOURCES, Session, session
from forewarn.local import KafkaBroker, RedisServer

FIRST_EVENTS = 4_000
"""Events that every session begins with."""

IN_REDIS = ("faust", "quix")
PEERS = (*IN_REDIS, "kafka-streams", "pathway")


def processor_seconds(pid: int) -> float:
    """Processor time of a running process, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ours(found: Session, options: argparse.Namespace) -> dict[str, Any]:
    """The full job over the last backlog, once the one before has warmed the worker."""
    found.backlog(options.warm, 0.0)
    began = processor_seconds(found.redis.process.pid)
    row = found.backlog(options.events, 0.0)
    store = processor_seconds(found.redis.process.pid) - began
    return {
        "engine": "forewarn",
        "cpu_us": row["cpu_us"],
        "store_us": store / options.events * 1e6,
        "events": options.events,
        "events_per_second": round(row["events_per_second"]),
    }


class Peers:
    """Runs peers over the topics of a session whose worker is stopped.

    Args:
        broker: of the session.
        found: the session.
        directory: for files of the peers.
        options: how many events.
    """

    def __init__(
        self, broker: KafkaBroker, found: Session, directory: Path, options: argparse.Namespace
    ) -> None:
        self._broker = broker.bootstrap_servers
        prefix = found.world.kafka.topic_prefix
        self._sources = ",".join(prefix + topic for topic in SOURCES)
        self._booster, self._directory, self._options = found.world.booster, directory, options

    def run(self, engine: str) -> dict[str, Any]:
        """Cost of one peer; what reads slowly reads the first records only."""
        home = self._directory / engine
        home.mkdir()
        output = f"{engine}.scores"
        admin = KafkaAdminClient(bootstrap_servers=self._broker)
        admin.create_topics([NewTopic(output, PARTITIONS, 1)])
        admin.close()
        where = [self._broker, self._sources, output]
        if engine in IN_REDIS:
            return self._in_redis(engine, where, home)
        warm, events = FIRST_EVENTS + self._options.warm, self._options.events
        if engine == "pathway":
            arguments = [*where, str(self._booster)]
            row = pathway_process.measure(arguments, home, output, PARTITIONS, warm, events)
            return _row(engine, row) | {"store_us": 0.0}
        command = kafka_streams.command(home / "classes")
        command += [*where, str(self._booster), str(home / "state"), str(warm), str(events)]
        row = run_for_result(on_worker_core(*command), timeout_seconds=600)
        closing = row["closing_cpu_seconds"] / events * 1e6
        return _row(engine, row) | {"closing_us": closing, "store_us": 0.0}

    def _in_redis(self, engine: str, where: list[str], home: Path) -> dict[str, Any]:
        warm, events = FIRST_EVENTS, self._options.slow_events
        with _redis(home, engine) as redis:
            command = [sys.executable, "-m", "benchmarks.usual_way", engine, *where]
            command += [redis.unix_url, str(self._booster), str(warm), str(events)]
            row = run_for_result(on_worker_core(*command), timeout_seconds=600)
            store = processor_seconds(redis.process.pid) / (warm + events) * 1e6
        return _row(engine, row) | {"store_us": store}


@contextmanager
def _redis(home: Path, engine: str) -> Iterator[RedisServer]:
    with RedisServer(home / "redis", name=f"redis-{engine}") as redis:
        move_to_worker_core(redis.process.pid)
        yield redis


def _row(engine: str, result: dict[str, Any]) -> dict[str, Any]:
    return {
        "engine": engine,
        "cpu_us": result["cpu_seconds"] / result["events"] * 1e6,
        "events": result["events"],
        "events_per_second": result["events_per_second"],
    }


def measure(number: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """One round: the worker, raw aiokafka, the peers."""
    rows = []

    def note(row: dict[str, Any]) -> None:
        row |= {"round": number, "load": round(os.getloadavg()[0], 1)}
        rows.append(row)
        print(row, flush=True)

    with servers() as (broker, directory), session(broker, directory, "ours") as found:
        note(ours(found, options))
        note({"engine": "raw", "cpu_us": found.floor_us(), "store_us": 0.0})
        found.worker.stop()
        peers = Peers(broker, found, directory, options)
        for engine in options.peers:
            note(peers.run(engine))
    return rows


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Medians of the rounds, with and without the store's process, in times of the worker's."""
    by_engine: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_engine.setdefault(row["engine"], []).append(row)
    worker = by_engine["forewarn"]
    lines = []
    for engine, found in by_engine.items():
        pairs = list(zip(found, worker, strict=True))
        ratio = median(row["cpu_us"] / own["cpu_us"] for row, own in pairs)
        whole = median(
            (row["cpu_us"] + row["store_us"]) / (own["cpu_us"] + own["store_us"])
            for row, own in pairs
        )
        cost, store = (median(row[name] for row in found) for name in ("cpu_us", "store_us"))
        lines.append(
            f"{engine:<14} {cost:>8.1f} us ({ratio:.2f} times), "
            f"with its store {cost + store:>8.1f} us ({whole:.2f} times)"
        )
    return lines


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm", type=int, default=60_000, help="events before the measured ones")
    parser.add_argument("--events", type=int, default=120_000)
    parser.add_argument("--slow-events", type=int, default=8_000, help="of Faust and Quix Streams")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    options = parser.parse_args()
    rows = [row for number in range(options.rounds) for row in measure(number, options)]
    print("\n".join(table(rows)))
    print(save("stream_peers", rows))


if __name__ == "__main__":
    main()
