"""``forewarn parity``: prove that offline features are those of the worker."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from forewarn.api.feature_history import parity

app = typer.Typer(help="Prove that offline features are those of the worker.")


@app.command()
def run(
    source: Annotated[
        Path, typer.Option("--in", help="Folder from `forewarn export`, with the topic scores.")
    ],
) -> None:
    """Compute every logged vector again and compare bit for bit; status 1 if one differs or is missing."""
    found = parity(source)
    typer.echo(
        f"{found.compared:,} vectors of {found.chunks:,} chunks compared, {found.differing:,} differ; "
        f"{found.races:,} lost races, {found.repeated:,} repeated scores; "
        f"{found.uncovered:,} not covered by the export, {found.unscored:,} events without score."
    )
    if found.first is not None:
        first = found.first
        moment = datetime.fromtimestamp(first.event_time_ms / 1000, UTC).isoformat()
        typer.echo(
            f"First difference: event {first.event_id} of {moment}, {first.feature}: "
            f"{first.online!r} online, {first.offline!r} offline."
        )
    elif not found.compared:
        typer.echo("Nothing could be compared: the export has to begin where the state does.")
    if found.unscored:
        typer.echo(
            "Events without a score were lost or rejected by a worker: look for processing_failed in "
            "`forewarn dead-letters list`."
        )
    raise typer.Exit(0 if found.proved else 1)
