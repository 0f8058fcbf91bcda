"""Plots of ``docs/performance.md`` from ``benchmarks/results``, in a light and a dark form.

Usage: python -m benchmarks.performance_plots
Reads ``stream_worker.json``, which ``make bench`` writes; fails where it holds nothing to draw.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from benchmarks.bench import RESULTS

TARGET = Path(__file__).parents[1] / "docs" / "plots"
COLOURS = {
    "light": {"text": "#1f2328", "grid": "#d1d9e0", "lines": ("#0969da", "#bc4c00", "#59636e")},
    "dark": {"text": "#f0f6fc", "grid": "#3d444d", "lines": ("#4493f8", "#db6d28", "#9198a1")},
}
"""Text and lines of a theme; the background is transparent."""

Lines = tuple[str, str, str]


def latency_against_load(axes: Axes, results: dict[str, Any], lines: Lines) -> None:
    """p50 and p99 to the warning, and p99 of the bare loop, by events a second."""
    rows = sorted(results["latency"], key=lambda row: row["events_per_second"])
    rates = [row["events_per_second"] for row in rows]
    axes.plot(rates, [row["to_warning"]["p99_ms"] for row in rows], "o-", color=lines[1])
    axes.plot(rates, [row["to_warning"]["p50_ms"] for row in rows], "o-", color=lines[0])
    axes.plot(rates, [row["bare"]["p99_ms"] for row in rows], "o--", color=lines[2])
    axes.set_yscale("log")
    axes.set_xlabel("events a second (25, 50, 80 and 95 % of the maximum)")
    axes.set_ylabel("milliseconds from append to append")
    axes.legend(["warning, p99", "warning, p50", "bare loop, p99"], frameon=False)


def cost_against_warnings(axes: Axes, results: dict[str, Any], lines: Lines) -> None:
    """Processor time an event by the share of events that warn, and that of the floor."""
    shares = {"none": 0, "5 %": 5, "20 %": 20}
    runs = results["head"]
    costs = [median(run[name]["cpu_us"] for run in runs) for name in shares]
    behind = median(run["none again"]["cpu_us"] for run in runs)
    floor = median(run["floor"]["cpu_us"] for run in runs)
    axes.plot(list(shares.values()), costs, "o-", color=lines[0])
    axes.plot([0], [behind], "s", color=lines[1])
    axes.axhline(floor, linestyle="--", color=lines[2])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("% of the events raise a warning")
    axes.set_ylabel("µs of processor time an event")
    axes.legend(["worker", "none, behind 20 % with open warnings", "raw aiokafka"], frameon=False)


def draw(
    name: str, plot: Callable[[Axes, dict[str, Any], Lines], None], results: dict[str, Any]
) -> None:
    """Write one plot in both forms."""
    for theme, colours in COLOURS.items():
        text, grid = str(colours["text"]), str(colours["grid"])
        style = {
            "svg.hashsalt": name,
            "text.color": text,
            "axes.labelcolor": text,
            "axes.edgecolor": grid,
            "xtick.color": text,
            "ytick.color": text,
            "grid.color": grid,
        }
        with mpl.rc_context(style):
            figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
            plot(axes, results, colours["lines"])  # type: ignore[arg-type]
            axes.grid(visible=True, linewidth=0.6)
            axes.spines[["top", "right"]].set_visible(False)
            file = TARGET / f"{name}-{theme}.svg"
            figure.savefig(file, transparent=True, metadata={"Date": None})
            plt.close(figure)
            print(file)


def main() -> None:
    """Draw all."""
    results = json.loads((RESULTS / "stream_worker.json").read_text())["results"]
    if not results.get("latency") or not results.get("head"):
        sys.exit("stream_worker.json holds no latencies: run `make bench` first")
    TARGET.mkdir(exist_ok=True)
    draw("latency", latency_against_load, results)
    draw("cost", cost_against_warnings, results)


if __name__ == "__main__":
    main()
