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
        value: measured; lower is better. None where this run did not measure it.
        bound: the target is met at or below it.
        unit: of value and bound.
        floor: what the value is compared to, in the same run.
    """

    name: str
    value: float | None
    bound: float
    unit: str
    floor: str

    @property
    def met(self) -> bool:
        """Whether the target is met; what was not measured is not met."""
        return self.value is not None and self.value <= self.bound

    @property
    def line(self) -> str:
        """One line of the table."""
        if self.value is None:
            return f"{self.name:<44} {'not measured':>20} bound {self.bound:>8.2f}  NOT MEASURED"
        verdict = "met" if self.met else "MISSED"
        return (
            f"{self.name:<44} {self.value:>10.2f} {self.unit:<9} "
            f"bound {self.bound:>8.2f}  {verdict:<6}  floor: {self.floor}"
        )


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
        print(target.line)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / "summary.json"
    rows = [asdict(target) | {"met": target.met} | about for target in targets]
    file.write_text(json.dumps(rows, indent=2) + "\n")
    return file
