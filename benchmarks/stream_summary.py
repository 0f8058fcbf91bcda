"""Targets of the stream worker, met or missed, as a table and as ``results/summary.json``."""

import json
import os
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bench import RESULTS


@dataclass(frozen=True, slots=True)
class Target:
    """One promise of speed and its measured value.

    Attributes:
        name: of the target.
        value: measured; lower is better.
        bound: the target is met at or below it.
        unit: of value and bound.
        floor: what the value is compared to, in the same run.
    """

    name: str
    value: float
    bound: float
    unit: str
    floor: str

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.value <= self.bound


def commit_of(tree: Path) -> str:
    """Commit of a work tree, with ``+`` if files were changed."""
    command = ["git", "-C", str(tree), "describe", "--always", "--dirty=+", "--abbrev=10"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def write_summary(targets: list[Target], tree: Path) -> Path:
    """Print the table and write the summary; returns the file."""
    about = {
        "commit": commit_of(tree),
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "load": round(os.getloadavg()[0], 1),
    }
    for target in targets:
        verdict = "met" if target.met else "MISSED"
        print(
            f"{target.name:<44} {target.value:>10.2f} {target.unit:<9} "
            f"bound {target.bound:>8.2f}  {verdict:<6}  floor: {target.floor}"
        )
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / "summary.json"
    rows = [asdict(target) | {"met": target.met} | about for target in targets]
    file.write_text(json.dumps(rows, indent=2) + "\n")
    return file
