"""``forewarn status``: what of the local stack runs, and whether it is ready."""

import json
import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from forewarn.local import console_user
from forewarn.local.directory_lock import where_it_runs
from forewarn.local.readiness_probe import ask
from forewarn.local.stack_addresses import address_rows
from forewarn.local.stack_layout import Layout
from forewarn.local.stack_state import ProcessState, StackState, read_state
from forewarn.platform.settings import LocalSettings, load

app = typer.Typer()


@app.command()
def status(
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="Directory of the stack; FOREWARN_LOCAL_DIRECTORY by default."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON for programs.")] = False,
) -> None:
    """Show each process, its readiness and the addresses; status 1 unless all is ready.

    Where no stack runs, a running demonstration is shown.
    """
    given = {} if directory is None else {"directory": directory}
    root = where_it_runs(load(LocalSettings, **given).directory.absolute())
    state = read_state(root)
    if state is None:
        typer.echo(json.dumps({"phase": "down"}) if as_json else f"Nothing runs in {root}.")
        raise typer.Exit(1)
    verdicts = {process.name: _verdict(process) for process in state.processes}
    if as_json:
        layout = Layout(root)
        body = msgspec.to_builtins(state) | {
            "verdicts": verdicts,
            "console_user": console_user.NAME,
            "console_password_file": str(layout.password_file),
            "bank_key_file": str(layout.bank_key_file),
        }
        typer.echo(json.dumps(body))
    else:
        _print(state, verdicts, Layout(root))
    ready = state.phase == "ready" and all(verdict == "ready" for verdict in verdicts.values())
    raise typer.Exit(0 if ready else 1)


def _verdict(process: ProcessState) -> str:
    if not _is_alive(process.pid):
        return "ended"
    if not process.probe:
        return "ready"
    answer = ask(process.probe)
    return "ready" if answer.passes else answer.reason


def _memory(pid: int) -> str:
    try:
        import psutil  # noqa: PLC0415  of the extra `local`
    except ModuleNotFoundError:
        return ""
    try:
        return f"{psutil.Process(pid).memory_info().rss >> 20} MB"
    except psutil.Error:
        return ""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's stack
    return True


def _print(state: StackState, verdicts: dict[str, str], layout: Layout) -> None:
    """Paths and addresses are lines of their own: a column of a narrow terminal would cut them."""
    console = Console()

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    say(f"{state.phase} (process {state.pid})")
    for remark in (state.step, state.error):
        if remark:
            say(remark)
    if not state.processes:
        say("Its processes and addresses are shown once everything is up.")
        return
    table = Table("part", "process", "memory", "state", box=None)
    for process in state.processes:
        table.add_row(process.name, str(process.pid), _memory(process.pid), verdicts[process.name])
    console.print(table)
    for process in state.processes:
        say(f"{'log of ' + process.name:<22} {process.log}")
    for what, where in address_rows(state.urls, layout):
        say(f"{what:<22} {where}")
