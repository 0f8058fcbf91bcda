"""Measure what a history costs on a cluster of one and of two workers: ``make bench-scale``.

::

    python -m benchmarks.scale_history --people 1000,4000 --workers 1,2

For each town and number of workers: elapsed time, processor time of the workers for an event, the most memory that a
worker held, and the bytes between the phases for an event. One town after another, so that the ratio of
the largest to the smallest says how the cost of an event grows. On a busy machine believe the processor time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from features.cluster.cluster_backfill import cluster_backfill
from features.cluster.cluster_history import WORK_NAME, ClusterOptions
from features.cluster.task_client import SchedulerAddress
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.simulator import Scenario, simulate, write_town

ROOT = Path(__file__).parents[1]
WINDOW_EVENTS = 250_000


@dataclass
class Measured:
    """One run."""

    events: int
    workers: int
    seconds: float
    processor_us_an_event: float
    peak_mb: float
    shuffled_bytes_an_event: float
    load: float


def key_of_benchmark() -> Pseudonymiser:
    """The same on every worker."""
    return Pseudonymiser(b"a key of the benchmark")


class Cluster:
    """A scheduler and workers as processes."""

    def __init__(self, directory: Path, workers: int) -> None:
        self.file = directory / "scheduler.json"
        self._log = (directory / "log").open("wb")
        self._processes = [
            self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0",
                        "--no-dashboard", "--scheduler-file", str(self.file))
        ]  # fmt: skip
        while not self.file.exists():
            time.sleep(0.05)
        self.workers = [
            self._start("dask_worker", "--scheduler-file", str(self.file), "--nthreads", "1",
                        "--no-nanny", "--no-dashboard", "--memory-limit", "0",
                        "--local-directory", str(directory))
            for _ in range(workers)
        ]  # fmt: skip
        self._processes += self.workers

    def usage(self) -> tuple[float, float]:
        """Processor seconds of all workers, and the most megabytes that one of them held."""
        seconds, peak = 0.0, 0.0
        for worker in self.workers:
            times = psutil.Process(worker.pid).cpu_times()
            seconds += times.user + times.system
            status = Path(f"/proc/{worker.pid}/status").read_text()
            peak = max(peak, int(status.split("VmHWM:")[1].split()[0]) / 1024)
        return seconds, peak

    def stop(self) -> None:
        """End all processes."""
        for process in reversed(self._processes):
            process.terminate()
            process.wait(30)
        self._log.close()

    def _start(self, module: str, *options: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", f"distributed.cli.{module}", *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(command, stdout=self._log, stderr=self._log, env=environment)


def measure(town: Path, workers: int, partitions: int) -> Measured:
    """Run one backfill on a cluster of its own."""
    with tempfile.TemporaryDirectory(prefix="forewarn-scale-") as scratch:
        out = Path(scratch) / "out"
        cluster = Cluster(Path(scratch), workers)
        shuffled = 0

        def progress(phase: str, done: int, _all: int) -> None:
            nonlocal shuffled
            if phase == "windows" and done == 0:
                files = (out / WORK_NAME).rglob("*.seg")
                shuffled = sum(path.stat().st_size for path in files)

        try:
            options = ClusterOptions(
                SchedulerAddress(file=cluster.file), partitions=partitions, progress=progress
            )
            began = time.perf_counter()
            done = cluster_backfill(
                town, out, key_of_benchmark, options, window_events=WINDOW_EVENTS
            )
            seconds = time.perf_counter() - began
            processor, peak = cluster.usage()
        finally:
            cluster.stop()
    return Measured(
        events=done.events,
        workers=workers,
        seconds=round(seconds, 1),
        processor_us_an_event=round(processor / done.events * 1e6, 1),
        peak_mb=round(peak),
        shuffled_bytes_an_event=round(shuffled / done.events),
        load=round(os.getloadavg()[0], 1),
    )


def main() -> None:
    """Measure and print a line of JSON for each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", default="500,4000", help="sizes of the towns, comma separated")
    parser.add_argument("--days", type=int, default=20)
    parser.add_argument("--workers", default="1,2", help="numbers of workers, comma separated")
    parser.add_argument("--partitions", type=int, default=8)
    given = parser.parse_args()
    for people in map(int, given.people.split(",")):
        with tempfile.TemporaryDirectory(prefix="forewarn-town-") as directory:
            town = Path(directory) / "town"
            write_town(simulate(Scenario(subscribers=people, days=given.days)), town)
            for workers in map(int, given.workers.split(",")):
                print(json.dumps(asdict(measure(town, workers, given.partitions))), flush=True)


if __name__ == "__main__":
    main()
