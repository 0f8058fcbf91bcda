"""``forewarn export``: copy topics to Parquet."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from features.offline.export import ROWS_PER_FILE
from forewarn.api.topic_export import export
from forewarn.cli.moment_option import utc_ms
from forewarn.contracts.topics import SOURCES

app = typer.Typer(help="Copy topics to Parquet.")

_MOMENT = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]


@app.command()
def run(
    out: Annotated[Path, typer.Option("--out", help="Directory; an unfinished one goes on.")],
    topic: Annotated[
        list[str] | None, typer.Option("--topic", help="Repeat for several; all four by default.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=_MOMENT, help="First append time, in UTC.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_MOMENT, help="Append time to stop before, in UTC.")
    ] = None,
    rows_per_file: Annotated[int, typer.Option(min=1, help="Offsets per file.")] = ROWS_PER_FILE,
) -> None:
    """Copy exactly the offsets between two times, as they are when the export begins."""
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("offsets", total=None)
        manifest = export(
            out,
            topics=topic or [*SOURCES, "scores"],
            since_ms=_ms(since),
            until_ms=_ms(until),
            rows_per_file=rows_per_file,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    rows = ", ".join(f"{count:,} {name}" for name, count in manifest.rows.items()) or "no rows"
    typer.echo(f"{rows}; {manifest.rejected:,} records were no valid event. In {out}")


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else utc_ms(moment)
