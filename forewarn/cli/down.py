"""``forewarn down``: stop the local stack."""

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from forewarn.errors import DependencyUnavailableError
from forewarn.local.lock import lock_holder
from forewarn.local.waiting import wait_until
from forewarn.settings import LocalSettings, load

app = typer.Typer()

STOP_SECONDS = 60.0


@app.command()
def down(
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Of the stack; default FOREWARN_LOCAL_DIRECTORY.")
    ] = None,
) -> None:
    """Stop the stack of a directory in order; its data stay."""
    given = {} if directory is None else {"directory": directory}
    root = load(LocalSettings, **given).directory.absolute()
    holder = lock_holder(root)
    if holder is None:
        typer.echo(f"Nothing runs in {root}.")
        return
    os.kill(holder, signal.SIGTERM)
    try:
        wait_until(lambda: lock_holder(root) != holder, STOP_SECONDS, what="the stack to stop")
    except DependencyUnavailableError:
        os.kill(holder, signal.SIGKILL)  # its children go with it
        wait_until(lambda: lock_holder(root) != holder, 10.0, what="the stack to be killed")
        typer.echo("The stack did not stop in time and was killed.")
        return
    typer.echo("Stopped.")
