"""The whole worker, measured: throughput, latency, the usual way, growth, several workers.

Usage: python -m benchmarks.stream_worker [throughput|latency|usual|growth|workers ...]

Broker, Redis and generator run on one core, the worker alone on the other (``benchmarks.bench``).
"""

import argparse
import asyncio
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.bench import on_worker_core, run_for_result, save, servers
from benchmarks.measure import append_times, latencies_ms, percentiles, read_all
from benchmarks.world import WorkerProcess, World
from forewarn.local import KafkaBroker, RedisServer
from forewarn.local.child_process import stop_all

PARTITIONS = 8
SOURCES = ("calls", "transfers")


@dataclass
class Bench:
    """A running world for one measurement."""

    broker: KafkaBroker
    world: World
    redis: RedisServer

    def generate(self, events: int, *, subscribers: int, rate: float = 0.0, seed: int = 1) -> int:
        """Append traffic; returns late ticks of the generator."""
        command = [sys.executable, "-m", "benchmarks.generate", self.broker.bootstrap_servers]
        command += [str(seed), str(subscribers), str(events), str(rate)]
        return int(subprocess.run(command, check=True, capture_output=True, timeout=900).stdout)

    def worker(self, name: str = "worker") -> WorkerProcess:
        """A worker on its own core."""
        return self.world.worker(name, prefix=on_worker_core())


@contextmanager
def bench(scratch_name: str, **settings: str) -> Iterator[Bench]:
    """Fresh servers and topics."""
    with (
        servers() as (broker, directory),
        RedisServer(directory / "redis", name=f"redis-{scratch_name}") as redis,
    ):
        world = World(
            directory,
            bootstrap_servers=broker.bootstrap_servers,
            redis_url=redis.unix_url,
            partitions=PARTITIONS,
            intercept=1.2,
            settings={"FOREWARN_WORKER_LOG_LEVEL": "WARNING", **settings},
        )
        world.create_topics()
        yield Bench(broker, world, redis)


def scrape(worker: WorkerProcess) -> list[str]:
    """The worker's metrics; no lines while it does not answer yet."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{worker.port}/metrics", timeout=5) as answer:
            return str(answer.read().decode()).splitlines()
    except OSError:
        worker.require_running()
        return []


def value_of(lines: list[str], prefix: str) -> float:
    """Sum of the samples whose line begins so."""
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(prefix))


def await_events(
    workers: list[WorkerProcess], wanted: int, timeout_seconds: float = 600
) -> dict[str, float]:
    """Poll until the workers have applied so many.

    Returns:
        processor seconds (all threads) between the first and the last look, per event: on a
        machine that others use too, this is the figure that can be compared.
    """
    deadline = time.monotonic() + timeout_seconds
    first: tuple[float, float] | None = None
    while True:
        lines = [line for worker in workers for line in scrape(worker)]
        done = value_of(lines, "forewarn_worker_events_total")
        cpu = value_of(lines, "process_cpu_seconds_total")
        if first is None and done >= 0.1 * wanted:
            first = (done, cpu)
        if done >= wanted:
            break
        if time.monotonic() > deadline:
            sys.exit(
                f"only {done} of {wanted} events in {timeout_seconds} s:\n{workers[0].tail(30)}"
            )
        time.sleep(0.25)
    if first is None or done == first[0]:
        return {}
    micros = (cpu - first[1]) / (done - first[0]) * 1e6
    return {"cpu_us_per_event": round(micros, 1), "events_per_cpu_second": round(1e6 / micros)}


def rate_of(found: Bench, warm: float = 0.2) -> dict[str, Any]:
    """Events per second between the append of an early score and that of the last."""

    times = sorted(
        record.timestamp
        for record in asyncio.run(read_all(found.broker.bootstrap_servers, "scores"))
    )
    times = times[int(len(times) * warm) :]
    seconds = (times[-1] - times[0]) / 1000
    return {
        "events": len(times),
        "seconds": seconds,
        "events_per_second": round(len(times) / seconds),
    }


def throughput(events: int = 150_000, subscribers: int = 10_000) -> dict[str, Any]:
    """A backlog, worked off by one worker."""
    with bench("throughput") as found:
        found.generate(events, subscribers=subscribers)
        worker = found.worker()
        worker.start()
        cpu = await_events([worker], events)
        stages = stage_seconds(worker)
        worker.stop()
        return rate_of(found) | cpu | {"stage_seconds": stages, "subscribers": subscribers}


def stage_seconds(worker: WorkerProcess) -> dict[str, float]:
    """Seconds spent in each stage of batches, from the worker's histogram; lanes overlap."""
    return {
        line.partition('stage="')[2].partition('"')[0]: round(float(line.rpartition(" ")[2]), 3)
        for line in scrape(worker)
        if line.startswith("forewarn_worker_stage_seconds_sum")
    }


def latency(maximum: float, seconds: float = 15.0) -> list[dict[str, Any]]:
    """A live stream at shares of the maximum; the first quarter is warming up."""
    results = []
    for share in (0.25, 0.5, 0.8):
        rate = maximum * share
        with bench("latency") as found:
            worker = found.worker()
            worker.start()
            found.generate(2_000, subscribers=10_000, rate=500, seed=9)
            await_events([worker], 2_000)
            late = found.generate(int(rate * seconds), subscribers=10_000, rate=rate)
            await_events([worker], 2_000 + int(rate * seconds))
            worker.stop()
            broker = found.broker.bootstrap_servers
            appended = append_times(broker, SOURCES)
            since_ms = max(appended.values()) - int(seconds * 750)
            results.append(
                {
                    "share": share,
                    "events_per_second": round(rate),
                    "late_ticks": late,
                    "to_score": percentiles(
                        latencies_ms(broker, "scores", appended, since_ms=since_ms)
                    ),
                    "to_warning": percentiles(
                        latencies_ms(broker, "warnings", appended, since_ms=since_ms)
                    ),
                }
            )
            print(results[-1], flush=True)
    return results


def usual(events: int = 6_000) -> list[dict[str, Any]]:
    """Stock Faust and Quix Streams, one event at a time."""
    results = []
    for engine in ("faust", "quix"):
        with bench("usual") as found:
            found.generate(events, subscribers=10_000)
            command = [sys.executable, "-m", "benchmarks.usual_way", engine]
            command += [found.broker.bootstrap_servers, found.redis.unix_url]
            command += [str(found.world.booster), str(events)]
            results.append(run_for_result(on_worker_core(*command), timeout_seconds=300))
            print(results[-1], flush=True)
    return results


def growth() -> list[dict[str, Any]]:
    """The same number of events over 1, 10 and 100 times the subscribers."""
    results = [throughput(200_000, subscribers) for subscribers in (5_000, 50_000, 500_000)]
    for result in results:
        print(result, flush=True)
    return results


def workers(events: int = 200_000) -> list[dict[str, Any]]:
    """One to four workers on one backlog; all share one core, so this shows overhead, not gain."""
    results = []
    for count in (1, 2, 4):
        with bench("workers") as found:
            found.generate(events, subscribers=10_000)
            group = [found.worker(f"worker-{number}") for number in range(count)]
            for worker in group:
                worker.start()
            cpu = await_events(group, events)
            stop_all(group)
            results.append({"workers": count, **rate_of(found), **cpu})
            print(results[-1], flush=True)
    return results


def main() -> None:
    """Measure what is asked for, all by default."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "what", nargs="*", default=["throughput", "latency", "usual", "growth", "workers"]
    )
    results: dict[str, Any] = {}
    for what in arguments.parse_args().what:
        if what == "latency":
            measured = results.get("throughput") or throughput()
            results[what] = latency(measured["events_per_second"])
        else:
            measure = {
                "throughput": throughput,
                "usual": usual,
                "growth": growth,
                "workers": workers,
            }
            results[what] = measure[what]()
        print(what, results[what], flush=True)
        print(save(f"stream_{what}", results[what]))


if __name__ == "__main__":
    main()
