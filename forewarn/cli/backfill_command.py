"""``forewarn backfill``: compute features over Parquet."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from features.offline.history_runner import SLICE_EVENTS
from forewarn.api.cluster_access import backfill_on_cluster, cluster_options
from forewarn.api.feature_history import backfill
from forewarn.cli.cluster_options import (
    Partitions,
    SchedulerFile,
    SchedulerUrl,
    TasksDone,
    local_folder,
    print_dashboard,
    require_none,
)

app = typer.Typer(help="Compute features over Parquet.")


@app.command()
def run(
    source: Annotated[
        str,
        typer.Option(
            "--in",
            help="Folder from `forewarn export` or `forewarn simulate`, or its s3:// address.",
        ),
    ],
    out: Annotated[
        str, typer.Option("--out", help="Directory to create; on a cluster also an s3:// address.")
    ],
    window_events: Annotated[
        int, typer.Option(min=1000, help="Events in memory at once.")
    ] = SLICE_EVENTS,
    spill: Annotated[
        Path | None, typer.Option(help="Directory that holds the records instead of memory.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="All cores by default.")] = None,
    scheduler: SchedulerUrl = "",
    scheduler_file: SchedulerFile = None,
    partitions: Partitions = None,
) -> None:
    """Write the features of every call and transfer, each computed from the events before it.

    On a cluster the files are the same, bit for bit, and a run that was interrupted continues when the same
    command is given again.
    """
    with _progress("tasks" if scheduler or scheduler_file else "events") as report:
        done = TasksDone(report)
        cluster = cluster_options(
            scheduler, scheduler_file, partitions=partitions, progress=done,
            on_dashboard=print_dashboard,
        )  # fmt: skip
        if cluster is None:
            summary = backfill(
                source, local_folder(out), window_events=window_events, spill=spill,
                threads=threads, progress=report,
            )  # fmt: skip
        else:
            require_none(**{"--spill": spill, "--threads": threads})
            summary = backfill_on_cluster(source, out, cluster, window_events=window_events)
    kernel = summary.kernel_seconds
    rate = (
        f" ({summary.events / kernel:,.0f} events/s without reading and writing)" if kernel else ""
    )
    typer.echo(
        f"{summary.rows:,} rows of {len(summary.features)} features from {summary.events:,} events "
        f"in {summary.seconds:.1f} s{rate}. In {out}"
    )


@contextmanager
def _progress(unit: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error; yields a function that takes what is done so far, and all of it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(unit, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
