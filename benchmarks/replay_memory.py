"""How much memory `forewarn replay` takes for many rows: the largest resident set of each kind of run.

Usage: python -m benchmarks.replay_memory [ROWS]

Writes a file of made-up calls and reads it to its end: checked, checked with its repetitions left out, and in the order
of time by sorting on disk, from a file in random order. Each run is a process of its own, without Kafka.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.bench import save
from benchmarks.replay_rows import ROOT, write_calls

READ = """
import sys
from pathlib import Path
from forewarn.replay import in_order, load_mapping
path = Path(sys.argv[1])
print(sum(1 for _ in in_order([(path, load_mapping(path.with_suffix(".toml")))], sort=True)))
"""

SHUFFLE = """
import random, sys
from pathlib import Path
path = Path(sys.argv[1])
head, *rest = path.read_bytes().splitlines(keepends=True)
random.Random(7).shuffle(rest)
path.write_bytes(b"".join([head, *rest]))
"""


def main() -> None:
    """Run once and save the result."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "calls.csv"
        write_calls(path, rows)
        mapping = (ROOT / "docs/samples/calls.toml").read_text(encoding="utf-8")
        path.with_suffix(".toml").write_text(mapping)
        check = ["-m", "forewarn", "replay", "--check-only"]
        results = {"rows": rows, "check": _run([*check, str(path)])}
        path.with_suffix(".toml").write_text(f'distinct = ["CDR_ID"]\n{mapping}')
        results["check_distinct"] = _run([*check, str(path)])
        path.with_suffix(".toml").write_text(mapping)
        _shuffle(path)
        results["sort"] = _run(["-c", READ, str(path)])
    print(save("replay_memory", results))


def _run(arguments: list[str]) -> dict[str, float]:
    began = time.monotonic()
    process = os.posix_spawn(sys.executable, [sys.executable, *arguments], dict(os.environ))
    _, _, usage = os.wait4(process, 0)
    found = {
        "resident_mib": round(usage.ru_maxrss / 1024),
        "seconds": round(time.monotonic() - began),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime),
    }
    print(arguments[:3], found, flush=True)
    return found


def _shuffle(path: Path) -> None:
    """Put the rows in random order, in a process of its own: a child's peak begins with that of its parent."""
    subprocess.run([sys.executable, "-c", SHUFFLE, str(path)], check=True)


if __name__ == "__main__":
    main()
