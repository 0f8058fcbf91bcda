"""``forewarn backfill``: compute features over Parquet."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from features.offline.history_runner import SLICE_EVENTS
from forewarn.api.feature_history import backfill

app = typer.Typer(help="Compute features over Parquet.")


@app.command()
def run(
    source: Annotated[Path, typer.Option("--in", help="From `forewarn export` or `simulate`.")],
    out: Annotated[Path, typer.Option("--out", help="Directory to create.")],
    window_events: Annotated[
        int, typer.Option(min=1000, help="Events in memory at once.")
    ] = SLICE_EVENTS,
    spill: Annotated[
        Path | None, typer.Option(help="Directory that holds the records instead of memory.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="All cores by default.")] = None,
) -> None:
    """Write the features of every call and transfer, each computed from the events before it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("events", total=None)
        summary = backfill(
            source,
            out,
            window_events=window_events,
            spill=spill,
            threads=threads,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    rate = summary.events / summary.kernel_seconds if summary.kernel_seconds else 0.0
    typer.echo(
        f"{summary.rows:,} rows of {len(summary.features)} features from {summary.events:,} events "
        f"in {summary.seconds:.1f} s ({rate:,.0f} events/s without reading and writing). In {out}"
    )
