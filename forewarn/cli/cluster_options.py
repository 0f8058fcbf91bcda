"""The options of commands that a Dask cluster may do, and its progress on the terminal."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from forewarn.api.cluster_access import ClusterWork, cluster_work
from forewarn.errors import ConfigurationError

SchedulerUrl = Annotated[
    str, typer.Option("--scheduler", help="Let the workers of this Dask scheduler do it: tcp://...")
]
SchedulerFile = Annotated[
    Path | None, typer.Option("--scheduler-file", help="The same, by the file that it wrote.")
]
Partitions = Annotated[
    int | None,
    typer.Option(min=1, max=4096, help="Partitions of the records on a cluster; by default 16."),
]

WorkFolder = Annotated[
    str,
    typer.Option(
        "--work",
        help="With a scheduler: empty directory that all workers see, or s3:// address, for files between the tasks.",
    ),
]


def judged_on_cluster(
    scheduler: str,
    scheduler_file: Path | None,
    folder: str,
    partitions: int | None,
    *,
    threads: int = 1,
) -> ClusterWork | None:
    """The cluster of a command that judges or trains, with its progress on the terminal; None without one.

    Raises:
        ConfigurationError: for options that do not fit together.
    """
    work = cluster_work(
        scheduler, scheduler_file, folder, partitions=partitions, progress=PhaseLines(),
        on_dashboard=print_dashboard,
    )  # fmt: skip
    if work is not None:
        require_none(**{"--threads": threads if threads != 1 else None})
    return work


def print_dashboard(link: str) -> None:
    """Say where the progress of the cluster is to be seen."""
    typer.echo(f"The scheduler's page: {link}", err=True)


def local_folder(place: str) -> Path:
    """The path of an output without a cluster; raises ConfigurationError for an address."""
    if "://" in place:
        raise ConfigurationError(
            f"{place} is no directory.", hint="Only a cluster writes to an address: --scheduler."
        )
    return Path(place)


def require_none(**options: object) -> None:
    """Refuse options that are the workers' own on a cluster; raises ConfigurationError."""
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise ConfigurationError(
            f"{' and '.join(given)} cannot be given with a scheduler.",
            hint="Set threads, memory and scratch directories where the workers are started.",
        )


class PhaseLines:
    """Progress of a cluster as a line on standard error for each phase that begins."""

    def __init__(self) -> None:
        self._phase = ""

    def __call__(self, phase: str, _done: int, total: int) -> None:
        """Print the phase unless it is the one that runs."""
        if phase != self._phase:
            self._phase = phase
            typer.echo(f"{phase}: {total} tasks", err=True)


class TasksDone:
    """Progress of a cluster as two numbers: the tasks done, and all that are known.

    Args:
        report: receives both.
    """

    def __init__(self, report: Callable[[int, int], None]) -> None:
        self._report = report
        self._phases: dict[str, tuple[int, int]] = {}

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Note a phase's tasks."""
        self._phases[phase] = done, total
        counts = self._phases.values()
        self._report(sum(one for one, _ in counts), sum(one for _, one in counts))
