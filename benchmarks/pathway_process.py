"""The peer on Pathway: its environment, its process, and what an event costs there.

Pathway wants versions of its own of packages that the lock pins, so it is installed apart, once, and pinned here.
"""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
from kafka import KafkaConsumer, TopicPartition

from benchmarks.bench import on_worker_core
from forewarn.local.child_process import Child, stop_all

PACKAGES = ("pathway==0.33.0", "lightgbm==4.6.0", "numpy==2.3.5")
SOURCE = Path(__file__).with_name("pathway_peer.py")
ENVIRONMENT = Path(__file__).parents[1] / ".forewarn" / "pathway"
LOOK_SECONDS = 0.05
LONGEST_SECONDS = 600.0


def python() -> Path:
    """The interpreter of the peer's environment, made where it is missing."""
    found = ENVIRONMENT / "bin" / "python"
    if not (ENVIRONMENT / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
        install = [str(found), "-m", "pip", "install", "--quiet", *PACKAGES]
        subprocess.run([*install, "--disable-pip-version-check"], check=True)
        (ENVIRONMENT / "installed").touch()
    return found


def measure(
    arguments: list[str], home: Path, output: str, partitions: int, warm: int, events: int
) -> dict[str, Any]:
    """Run the peer over what its topics hold; returns its result as the other peers print theirs.

    Args:
        arguments: broker, sources, output, booster.
        home: for its state and its log.
        output: the topic whose records are counted.
        partitions: of that topic.
        warm: scores before the clock begins.
        events: scores that are timed, at least.

    Raises:
        SystemExit: the peer ended, or wrote fewer scores.
    """
    command = [str(python()), str(SOURCE), *arguments, str(home / "state")]
    child = Child("pathway", on_worker_core(*command), log_file=home / "pathway.log")
    consumer = KafkaConsumer(bootstrap_servers=arguments[0])
    places = [TopicPartition(output, number) for number in range(partitions)]
    try:
        child.start()
        first = _reach(child, consumer, places, warm)
        last = _reach(child, consumer, places, first[0] + events)
    finally:
        stop_all([child])
        consumer.close()
    counted, cpu, clock = (after - before for before, after in zip(first, last, strict=True))
    return {
        "engine": "pathway",
        "events": counted,
        "cpu_seconds": cpu,
        "events_per_second": round(counted / clock),
    }


def _reach(
    child: Child, consumer: KafkaConsumer, places: list[TopicPartition], wanted: int
) -> tuple[float, float, float]:
    """Wait for so many scores; returns their number, the processor time of the peer, and the clock."""
    process, until = psutil.Process(child.pid), time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < until:
        child.require_running()
        scores = sum(consumer.end_offsets(places).values())
        if scores >= wanted:
            times = process.cpu_times()
            return float(scores), times.user + times.system, time.monotonic()
        time.sleep(LOOK_SECONDS)
    raise SystemExit(f"Pathway wrote {scores} of {wanted} scores in {LONGEST_SECONDS:.0f} s")
