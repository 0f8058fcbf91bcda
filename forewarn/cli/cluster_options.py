"""The options of commands that a Dask cluster may do, and its progress on the terminal."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

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
