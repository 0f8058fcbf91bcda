"""A stream that goes on while something changes, and what its events waited for their first scores."""

import asyncio
import subprocess
import sys
from typing import Any

import numpy as np

from benchmarks.measure import percentiles, read_all, sources_of
from forewarn.local import KafkaBroker
from forewarn.local.wait import wait_until

LATE_MS = 1_000
LONGEST_SECONDS = 900

Record = tuple[str, int, int]
"""Topic, partition and offset."""


def live(
    broker: KafkaBroker, rate: float, *options: object, prefix: str, seed: int = 2
) -> "subprocess.Popen[bytes]":
    """Append traffic at an even rate until the process is killed, for a quarter of an hour at most.

    Args:
        broker: running.
        rate: events a second.
        options: further ones of ``benchmarks.generate``.
        prefix: of the topics.
        seed: of the traffic.
    """
    command = [sys.executable, "-m", "benchmarks.generate", broker.bootstrap_servers]
    command += ["--events", str(int(rate * LONGEST_SECONDS)), "--rate", str(rate)]
    command += ["--prefix", prefix, "--seed", str(seed), "--large-share", "0.01"]
    return subprocess.Popen([*command, *map(str, options)], stdout=subprocess.DEVNULL)


def first_scores(broker: KafkaBroker, topic: str, appended: dict[Record, int]) -> dict[Record, int]:
    """When the first score of each event was appended, once all have one; else after a minute."""
    scored: dict[Record, int] = {}
    positions: dict[Any, int] = {}

    def complete() -> bool:
        records = asyncio.run(read_all(broker.bootstrap_servers, topic, positions))
        for record in sorted(records, key=lambda one: int(one.timestamp)):
            for source in sources_of(record.value):
                scored[source] = min(record.timestamp, scored.get(source, record.timestamp))
        return appended.keys() <= scored.keys()

    try:
        wait_until(complete, 60, what="all scores", interval_seconds=2)
    except Exception as error:  # noqa: BLE001  the figures say what is missing
        print(error)
    return scored


def stretch_figures(
    appended: dict[Record, int], scored: dict[Record, int], between_ms: tuple[float, float]
) -> dict[str, Any]:
    """Latencies of the events appended in a stretch of time, and what was late in it.

    Args:
        appended: when each event was, in milliseconds.
        scored: when its first score was.
        between_ms: beginning and end of the stretch.
    """
    began_ms, ended_ms = between_ms
    inside = {
        source: at
        for source, at in appended.items()
        if began_ms <= at < ended_ms and source in scored
    }
    waited = np.array([scored[source] - at for source, at in inside.items()])
    late = [source for source, at in inside.items() if scored[source] - at > LATE_MS]
    last_ms = max((scored[source] for source in late), default=began_ms)
    return {
        "seconds": round((ended_ms - began_ms) / 1000, 1),
        **percentiles(waited),
        "late": len(late),
        "late_p99_ms": _percentile([scored[source] - inside[source] for source in late], 99),
        "partitions_with_late": len({(topic, number) for topic, number, _ in late}),
        "pause_seconds": round((last_ms - began_ms) / 1000, 1),
    }


def _percentile(values: list[int], percent: int) -> float | None:
    return round(float(np.percentile(values, percent)), 1) if values else None
