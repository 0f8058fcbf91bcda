"""What the stream benchmarks share: pinned servers, pinned workers, and where results go.

The machine has two cores, so the rule is: broker and load generator on core 0, the worker and its Redis on core 1.
The broker and the generator alone fill core 0 from 6,000 events a second on; a Redis that waited behind them kept the worker
waiting while a third of core 1 was idle. On a machine with one core nothing is pinned and the result says so.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forewarn.local import KafkaBroker

RESULTS = Path(__file__).parent / "results"
SERVER_CORE, WORKER_CORE = (0, 1) if (os.cpu_count() or 1) > 1 else (0, 0)


@contextmanager
def servers() -> Iterator[tuple[KafkaBroker, Path]]:
    """A broker tuned for throughput on the server core, and a scratch directory."""
    os.sched_setaffinity(0, {SERVER_CORE})  # children inherit it
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        directory = Path(scratch)
        with KafkaBroker(directory / "kafka", fast_start=False, heap_megabytes=1024) as broker:
            yield broker, directory


def on_worker_core(*command: str | Path) -> list[str]:
    """The command, pinned to the core of the worker."""
    return ["taskset", "-c", str(WORKER_CORE), *map(str, command)]


def move_to_worker_core(pid: int) -> None:
    """Let a running process, with all its threads, run on the worker's core only."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {WORKER_CORE})


def run_for_result(command: list[str], timeout_seconds: float) -> dict[str, Any]:
    """Run a process that writes one JSON object to descriptor 3 and ends."""
    reading, writing = os.pipe()
    arranged = ["bash", "-c", f'exec 3>&{writing}; exec "$@"', "bash", *command]
    done = subprocess.run(
        arranged, pass_fds=[writing], capture_output=True, timeout=timeout_seconds, check=False
    )
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    if done.returncode or not text:
        sys.exit(f"{command} failed:\n{done.stdout.decode()}{done.stderr.decode()}")
    result: dict[str, Any] = json.loads(text)
    return result


def save(name: str, results: Any) -> Path:
    """Write results with what they were measured on; returns the file."""
    RESULTS.mkdir(exist_ok=True)
    about = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load_average_1min": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }
    file = RESULTS / f"{name}.json"
    file.write_text(json.dumps({"about": about, "results": results}, indent=2) + "\n")
    return file


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
