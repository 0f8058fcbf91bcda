"""``forewarn down``: stop the local stack."""

import signal
from pathlib import Path
from typing import Annotated

import psutil
import typer

from forewarn.errors import DependencyUnavailableError
from forewarn.local.directory_lock import lock_holder, where_it_runs
from forewarn.local.wait import wait_until
from forewarn.platform.settings import LocalSettings, load

app = typer.Typer()

STOP_SECONDS = 60.0


@app.command()
def down(
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="Directory of the stack; FOREWARN_LOCAL_DIRECTORY by default."),
    ] = None,
) -> None:
    """Stop the stack of a directory, or the demonstration there, in order; its data stay."""
    given = {} if directory is None else {"directory": directory}
    root = where_it_runs(load(LocalSettings, **given).directory.absolute())
    holder = lock_holder(root)
    if holder is None:
        typer.echo(f"Nothing runs in {root}.")
        return
    _signal(holder, root, signal.SIGTERM)
    try:
        wait_until(lambda: lock_holder(root) != holder, STOP_SECONDS, what="the stack to stop")
    except DependencyUnavailableError:
        _signal(holder, root, signal.SIGKILL)  # its children go with it
        wait_until(lambda: lock_holder(root) != holder, 10.0, what="the stack to be killed")
        typer.echo("The stack did not stop in time and was killed.")
        return
    typer.echo("Stopped.")


def _signal(pid: int, root: Path, number: signal.Signals) -> None:
    """Signal the supervisor, if it still is who the lock says: numbers are given out again."""
    try:
        process = psutil.Process(pid)
        if any(Path(file.path) == root / "lock" for file in process.open_files()):
            process.send_signal(number)
    except psutil.NoSuchProcess:
        return  # it ended by itself meanwhile
    except psutil.AccessDenied as error:
        raise DependencyUnavailableError(
            f"process {pid} belongs to another user.", hint="Stop it as its user."
        ) from error
