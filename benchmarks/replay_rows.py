"""How many rows a second `forewarn replay` checks and sends, against an earlier commit in the same run.

Usage: python -m benchmarks.replay_rows [ROWS] [COMMIT]

Writes a file of made-up calls, two events for each answered one, and runs the command of this tree and of the commit
in turn: with --check-only, and into a real broker. Every figure is rows by the seconds that the command reports, which
begin behind its imports. A run that does not report the expected events fails the benchmark.
"""

import os
import random
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.bench import save, servers

ROOT = Path(__file__).parents[1]
BEFORE = "232ff64"
HEADER = "CDR_ID,SUBSCRIBER,DIRECTION,A_NUMBER,B_NUMBER,START,END,TALK_SECONDS,RESULT,IMEI,AREA\n"


def write_calls(path: Path, rows: int) -> int:
    """Write calls in the order of their starts; returns how many events they give."""
    draw, moment, events = random.Random(7), datetime(2026, 3, 2, tzinfo=UTC), 0
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for number in range(rows):
            moment += timedelta(seconds=draw.randrange(2))
            me = f"138{draw.randrange(200_000):08d}"
            other = draw.choice(
                (f"+86138{draw.randrange(10**6):08d}", f"139{draw.randrange(10**6):08d}",
                 f"0731{draw.randrange(10**7, 9 * 10**7):08d}", "95588")
            )  # fmt: skip
            answered = draw.random() < 0.7
            talk = draw.randrange(5, 600) if answered else 0
            end = moment + timedelta(seconds=talk + draw.randrange(3, 20))
            inbound = draw.random() < 0.5
            caller, callee = (other, me) if inbound else (me, other)
            events += 2 if answered else 1
            file.write(
                f"c-{number},{me},{'MT' if inbound else 'MO'},{caller},{callee},{moment:%Y-%m-%d %H:%M:%S},{end:%Y-%m-%d %H:%M:%S},{talk},"
                f"{'ANSWERED' if answered else 'NOANSWER'},8600000{draw.randrange(10**6):08d},430400\n"
            )
    return events


def timed(
    tree: Path, options: list[str], path: Path, expected: int, environment: dict[str, str]
) -> float:
    """Seconds that one run took; exits if it did not read what is there."""
    done = subprocess.run(
        [sys.executable, "-m", "forewarn", "replay", *options, str(path)],
        capture_output=True, text=True, cwd=tree, env=environment | {"PYTHONPATH": str(tree)}, check=False,
    )  # fmt: skip
    found = re.search(r"([\d,]+) events (?:would be )?sent.*? ([\d.]+) s,", done.stdout)
    if (
        done.returncode
        or found is None
        or int(found[1].replace(",", "")) != expected
        or not expected
    ):
        sys.exit(f"nothing was measured: {done.stdout}{done.stderr}")
    return float(found[2])


def main() -> None:
    """Run once and save the result."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    commit = sys.argv[2] if len(sys.argv) > 2 else BEFORE
    with servers() as (broker, directory), tempfile.TemporaryDirectory() as scratch:
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
        before = Path(scratch) / "before"
        subprocess.run(
            ["git", "worktree", "add", "--detach", "--quiet", str(before), commit],
            cwd=ROOT,
            check=True,
        )
        try:
            results = _measured(rows, before, directory, broker.bootstrap_servers)
        finally:
            subprocess.run(
                ["git", "worktree", "remove", "--force", str(before)], cwd=ROOT, check=False
            )
    print(save("replay_rows", results | {"rows": rows, "before": commit}))


def _measured(rows: int, before: Path, directory: Path, address: str) -> dict[str, float]:
    path = directory / "calls.csv"
    expected = write_calls(path, rows)
    path.with_suffix(".toml").write_text(
        (ROOT / "docs/samples/calls.toml").read_text(encoding="utf-8")
    )
    environment = dict(os.environ) | {
        "FOREWARN_KAFKA_BOOTSTRAP_SERVERS": address,
        "FOREWARN_KAFKA_REPLICATION_FACTOR": "1",
    }
    subprocess.run(
        [sys.executable, "-m", "forewarn", "topics", "apply"],
        env=environment,
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    results: dict[str, float] = {}
    for name, tree in (("before", before), ("now", ROOT)):
        for kind, options in (("check", ["--check-only"]), ("replay", [])):
            seconds = timed(tree, options, path, expected, environment)
            results[f"{kind}_{name}_rows_per_second"] = round(rows / seconds)
    for kind in ("check", "replay"):
        results[f"{kind}_times"] = round(
            results[f"{kind}_now_rows_per_second"] / results[f"{kind}_before_rows_per_second"], 1
        )
    print(results)
    return results


if __name__ == "__main__":
    main()
