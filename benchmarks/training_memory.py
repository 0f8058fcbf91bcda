"""Memory of a training by phase: the highest resident size while rows are read, trained on and reported.

    python benchmarks/training_memory.py DIRECTORY [--honest-rows 1000000] [--rows-only] [--json FILE]

DIRECTORY is from ``forewarn simulate`` or ``forewarn export``, so the events come from files and not from a simulator
in the same process. Linux only: the kernel's own high-water mark of the process is reset before each phase. Two
directories of different size give the slope of a phase by events or by people.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pyarrow import parquet

from features.offline.event_files import parquet_files
from forewarn.api.event_dataset import OFFLINE_KEY
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.simulator.default_training import catalog_options
from models.evaluation.evaluation_document import evaluate
from models.training.history_dataset import dataset_of_directory
from models.training.row_sampling import HONEST_ROWS
from models.training.train_artifact import report_files
from models.training.training_run import fit, save

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def _status_megabytes(name: str) -> float:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise KeyError(name)


class Phases:
    """The highest resident size and the duration of each phase."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what happens inside."""
        _CLEAR.write_text("5")  # resets the high-water mark
        began = time.perf_counter()
        yield
        self.found[name] = {
            "peak_megabytes": round(_status_megabytes("VmHWM")),
            "left_megabytes": round(_status_megabytes("VmRSS")),
            "seconds": round(time.perf_counter() - began, 1),
        }


def measure(directory: Path, honest_rows: int, *, rows_only: bool) -> dict[str, Any]:
    """All phases of a training, or the reading of its rows alone, the one that sees every event."""
    phases = Phases()
    with phases.phase("imports"):
        pass
    with phases.phase("rows"):
        dataset = dataset_of_directory(
            directory, Pseudonymiser(OFFLINE_KEY), honest_rows=honest_rows, threads=1
        )
    if not rows_only:
        with phases.phase("fit"):
            run = fit(dataset, catalog_options(0))
        with phases.phase("report"), TemporaryDirectory() as work:
            save(run, Path(work), report_files(run, evaluate(run), "memory"))
    people = directory / "people.parquet"
    return {
        "events": sum(
            parquet.read_metadata(path).num_rows
            for topic in ("calls", "transfers")
            for path in parquet_files(directory, topic)
        ),
        "people": parquet.read_metadata(people).num_rows if people.is_file() else None,
        "rows": len(dataset),
        "frauds": int(dataset.label.sum()),
        "honest_share": dataset.honest_share,
        "phases": phases.found,
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--honest-rows", type=int, default=HONEST_ROWS)
    parser.add_argument("--rows-only", action="store_true", help="leave out fit and report")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args()
    found = {"load_average": round(os.getloadavg()[0], 1), "directory": options.directory.name}
    found |= measure(options.directory, options.honest_rows, rows_only=options.rows_only)
    text = json.dumps(found, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
