"""The stream worker against its targets, and against an earlier commit.

Usage: python -m benchmarks.stream_worker [--base COMMIT] [--short]

Broker, Redis and generator run on one core, the worker alone on the other (``benchmarks.bench``).
With ``--base`` that commit is checked out into a work tree of its own, and both run in turn
(A B A B) in one call; the medians of the ratios of neighbours are printed.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench import save, servers
from benchmarks.stream_session import Session, bare_loop, session
from benchmarks.stream_summary import Target, write_summary
from forewarn.local import KafkaBroker

TREE = Path(__file__).parents[1]
SHARES = {"none": 0.0, "5 %": 0.05, "20 %": 0.2, "none again": 0.0}
"""Backlogs of a session in order, by share of the events that warn."""

NO_WARNINGS = dict.fromkeys(SHARES, 0.0)
"""The same without warnings: people's records grow from backlog to backlog whether they are warned or not."""


@contextmanager
def work_tree(commit: str) -> Iterator[Path]:
    """Check a commit out into a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-base-") as scratch:
        tree = Path(scratch) / "tree"
        git = ["git", "-C", str(TREE), "worktree"]
        subprocess.run([*git, "add", "--detach", tree, commit], check=True, capture_output=True)
        try:
            # Compiled before any measurement, as in an image.
            command = [sys.executable, "-m", "features.precompile"]
            subprocess.run(command, cwd=tree, check=True, stdout=subprocess.DEVNULL)
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", tree], check=True, capture_output=True)


def costs(
    found: Session, events: int, shares: dict[str, float] = SHARES
) -> dict[str, dict[str, float]]:
    """Cost of each backlog of a session, and of the floor."""
    result = {name: found.backlog(events, share) for name, share in shares.items()}
    for name, share in shares.items():
        if abs(result[name]["warned"] - share) > 0.2 * share:
            sys.exit(f"{name}: {result[name]['warned']:.1%} of the events warned, not {share:.0%}")
    result["floor"] = {"cpu_us": found.floor_us()}
    return result


def latencies(
    broker: KafkaBroker, directory: Path, found: Session, maximum: float, *, short: bool
) -> list[dict[str, Any]]:
    """Latencies at shares of the maximum with 1 % of the events warning, and those of the bare loop."""
    rows = []
    seconds = 8.0 if short else 15.0
    for share in (0.5,) if short else (0.25, 0.5, 0.8, 0.95):
        row = found.live(maximum * share, seconds, 0.01) | {"share": share}
        row["bare"] = bare_loop(
            broker, directory, f"bare{round(100 * share)}", maximum * share, seconds
        )
        rows.append(row)
        print(row, flush=True)
    return rows


def measure(options: argparse.Namespace, base: Path | None) -> dict[str, Any]:
    """Run all sessions; returns the results of each variant."""
    events = 12_000 if options.short else 40_000
    rounds = 1 if options.short and base is None else 2
    variants = {"base": base, "head": None} if base else {"head": None}
    results: dict[str, Any] = {name: [] for name in variants}
    with servers() as (broker, directory):
        for number in range(rounds):
            for name, tree in variants.items():
                with session(broker, directory, f"{name}{number}", tree) as found:
                    cost = costs(found, events)
                    results[name].append(cost)
                    shown = {key: round(value["cpu_us"], 1) for key, value in cost.items()}
                    print(name, shown, flush=True)
                    if name == "head" and number == rounds - 1 and not options.no_latency:
                        maximum = cost["none"]["events_per_second"]
                        results["latency"] = latencies(
                            broker, directory, found, maximum, short=options.short
                        )
            with session(broker, directory, f"control{number}") as found:
                control = costs(found, events, NO_WARNINGS)
                results.setdefault("control", []).append(control)
                shown = {key: round(value["cpu_us"], 1) for key, value in control.items()}
                print("control", shown, flush=True)
    return results


def targets(results: dict[str, Any]) -> list[Target]:
    """The targets with the values of a run."""

    def ratio(name: str) -> float:
        """Cost of a backlog in times that of the one at its place without warnings."""
        pairs = zip(results["head"], results["control"], strict=True)
        return median(run[name]["cpu_us"] / other[name]["cpu_us"] for run, other in pairs)

    every = results["head"] + results["control"]
    cost = median(run["none"]["cpu_us"] for run in every)
    floor = median(run["floor"]["cpu_us"] for run in every)
    in_floors = median(run["none"]["cpu_us"] / run["floor"]["cpu_us"] for run in every)
    raw = f"raw aiokafka, {floor:.1f} us an event"
    none = f"the same backlog without warnings (first one {cost:.0f} us an event)"
    found = [
        Target("processor time an event", in_floors, 10.0, "times", raw),
        Target("the same with 5 % warning", ratio("5 %"), 1.3, "times", none),
        Target("the same with 20 % warning", ratio("20 %"), 2.0, "times", none),
        Target("the same behind 20 % open", ratio("none again"), 1.1, "times", none),
    ]
    rows = {row["share"]: row for row in results.get("latency", [])}
    outputs = {"to_score": "the score", "to_warning": "the warning"}
    for share, bound in ((0.5, 5.0), (0.8, 10.0)):
        row = rows.get(share)
        for output, name in outputs.items():
            value, text = None, ""
            if row is not None:
                p99 = row["bare"]["p99_ms"]
                value = row[output]["p99_ms"] / p99
                text = f"bare loop at {row['events_per_second']}/s, p99 {p99:.0f} ms"
            found.append(Target(f"p99 to {name} at {share:.0%}", value, bound, "times", text))
    half, most = rows.get(0.5), rows.get(0.95)
    for output, name in outputs.items():
        value = half[output]["p99_ms"] if half else None
        found.append(Target(f"p99 to {name} at 50 %, quiet machine", value, 50.0, "ms", "none"))
        value = most[output]["p99.9_ms"] if most else None
        found.append(Target(f"p99.9 to {name} at 95 %", value, 1000.0, "ms", "none"))
    return found


def compare(results: dict[str, Any]) -> None:
    """Print the medians of base / head, pair by pair."""
    for name in SHARES:
        pairs = zip(results["base"], results["head"], strict=True)
        ratios = [base[name]["cpu_us"] / head[name]["cpu_us"] for base, head in pairs]
        each = ", ".join(f"{value:.2f}" for value in ratios)
        print(f"{name:<12} base / head {median(ratios):.2f} times the cost ({each})")


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="", help="commit to compare with")
    parser.add_argument("--short", action="store_true", help="under four minutes")
    parser.add_argument("--no-latency", action="store_true", help="cost only")
    options = parser.parse_args()
    if options.base:
        with work_tree(options.base) as tree:
            results = measure(options, tree)
        compare(results)
    else:
        results = measure(options, None)
    print(save("stream_worker", results))
    print(write_summary(targets(results), TREE))


if __name__ == "__main__":
    main()
