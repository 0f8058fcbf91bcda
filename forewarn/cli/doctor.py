"""``forewarn doctor``: what is missing on this machine, and what to do about it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from forewarn.local.diagnosis import diagnose
from forewarn.settings import LocalSettings, load

app = typer.Typer()

_STYLES = {"ok": "green", "note": "yellow", "missing": "bold red"}


@app.command()
def doctor(
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Of the stack; default FOREWARN_LOCAL_DIRECTORY.")
    ] = None,
) -> None:
    """Look at Python, packages, Java, Redis, ports, room and model; status 1 if one is missing."""
    given = {} if directory is None else {"directory": directory}
    table = Table("", "what", "found", "what to do", box=None)
    worst = 0
    for finding in diagnose(load(LocalSettings, **given)):
        texts = (finding.grade, finding.what, finding.found, finding.remedy)
        cells = [escape(text) for text in texts]  # `[local]` is no markup
        table.add_row(*cells, style=_STYLES[finding.grade])
        worst |= finding.grade == "missing"
    Console().print(table)
    raise typer.Exit(worst)
