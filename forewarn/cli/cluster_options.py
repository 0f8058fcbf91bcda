"""The options of commands that a Dask cluster may do, and its progress on the terminal."""

from pathlib import Path
from typing import Annotated

import typer

SchedulerUrl = Annotated[
    str, typer.Option("--scheduler", help="Let the workers of this Dask scheduler do it: tcp://...")
]
SchedulerFile = Annotated[
    Path | None, typer.Option("--scheduler-file", help="The same, by the file that it wrote.")
]
Partitions = Annotated[
    int | None,
    typer.Option(min=1, max=4096, help="Of the records on a cluster; by default 16."),
]


def print_dashboard(link: str) -> None:
    """Say where the progress of the cluster is to be seen."""
    typer.echo(f"The scheduler's page: {link}", err=True)
