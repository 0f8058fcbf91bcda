"""``forewarn backfill``: compute features over Parquet."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from features.offline.history_runner import SLICE_EVENTS
from forewarn.api.feature_history import backfill
from forewarn.cli.cluster_options import (
    Partitions,
    SchedulerFile,
    SchedulerUrl,
    print_dashboard,
)

app = typer.Typer(help="Compute features over Parquet.")


@app.command()
def run(
    source: Annotated[Path, typer.Option("--in", help="From `forewarn export` or `simulate`.")],
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
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        on_cluster = scheduler or scheduler_file
        task = bar.add_task("tasks" if on_cluster else "events", total=None)
        summary = backfill(
            source,
            out,
            window_events=window_events,
            spill=spill,
            threads=threads,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            scheduler=scheduler,
            scheduler_file=scheduler_file,
            partitions=partitions,
            on_dashboard=print_dashboard,
        )
    kernel = summary.kernel_seconds
    rate = (
        f" ({summary.events / kernel:,.0f} events/s without reading and writing)" if kernel else ""
    )
    typer.echo(
        f"{summary.rows:,} rows of {len(summary.features)} features from {summary.events:,} events "
        f"in {summary.seconds:.1f} s{rate}. In {out}"
    )
