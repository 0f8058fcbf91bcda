"""``forewarn up``: a local stack that stays."""

import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from forewarn.errors import DependencyUnavailableError
from forewarn.local.child_process import detach
from forewarn.local.directory_lock import lock_holder
from forewarn.local.stack_addresses import address_rows
from forewarn.local.stack_layout import Layout, private_files
from forewarn.local.stack_state import StackState, read_state
from forewarn.local.stop_signals import StopSignals
from forewarn.local.supervisor import running_stack, supervise
from forewarn.platform.child_command import python_module
from forewarn.platform.settings import LocalSettings, load

app = typer.Typer()

STOP_SECONDS = 60.0

Directory = Annotated[
    Path | None, typer.Option("--dir", help="Data and logs; FOREWARN_LOCAL_DIRECTORY by default.")
]


@app.command()
def up(
    directory: Directory = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Stream workers.")] = None,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay in this terminal until Ctrl-C.")
    ] = False,
    detached: Annotated[bool, typer.Option("--detached", hidden=True)] = False,
) -> None:
    """Start Kafka, Redis, workers and the alerting service, and keep them running.

    Data stay in the directory. A first start compiles the kernel and trains a model, which takes minutes.
    `forewarn down` stops it all; Ctrl-C before everything is up stops it as well.
    """
    given = {"directory": directory, "workers": workers}
    settings = load(LocalSettings, **{k: v for k, v in given.items() if v is not None})
    if foreground:
        with running_stack(settings, tell=_say) as stack:
            if not detached:  # the command that waits for this one shows them
                show_addresses(stack.urls, stack.layout)
            supervise(stack, tell=_say)
    state = _start_detached(settings)
    show_addresses(state.urls, Layout(settings.directory.absolute()))


def _start_detached(settings: LocalSettings) -> StackState:
    """Start a supervisor that outlives this terminal, and wait until it is ready."""
    root = settings.directory.absolute()
    if lock_holder(root) is not None:
        with running_stack(settings, tell=_say):  # raises: says who runs there
            raise AssertionError("two stacks in one directory")
    log = Layout(root).logs / "supervisor.log"
    command = python_module(
        *("forewarn", "up", "--foreground", "--detached"),
        *("--dir", str(root), "--workers", str(settings.workers)),
    )
    with StopSignals() as signals, private_files():
        process = detach(command, log)
        try:
            with signals.interruptible():
                return _wait_until_ready(root, process, log)
        except KeyboardInterrupt:
            _say("stopping what was started")
            process.terminate()
            process.wait(STOP_SECONDS)
            raise


def _wait_until_ready(root: Path, process: subprocess.Popen[bytes], log: Path) -> StackState:
    shown = 0
    while True:
        ended = process.poll() is not None  # asked first, so that its last lines are shown too
        lines = log.read_text(errors="replace").splitlines()
        for line in lines[shown:]:
            _say(line)
        shown = len(lines)
        state = read_state(root)
        if state is not None and state.pid == process.pid and state.phase == "ready":
            return state
        if ended:
            raise DependencyUnavailableError(
                "the stack did not start.", hint=f"The lines above are from {log}."
            )
        time.sleep(0.2)


def _say(line: str) -> None:
    typer.echo(line)


def show_addresses(urls: dict[str, str], layout: Layout) -> None:
    """Print where to look; the password only to a terminal, never into a log."""
    for what, where in address_rows(urls, layout):
        typer.echo(f"{what:<22} {where}")
    if sys.stdout.isatty():
        typer.echo(f"{'password':<22} {layout.password_file.read_text()}")
    typer.echo(
        f"{'settings for commands':<22} set -a; . {shlex.quote(str(layout.environment_file))}"
    )
