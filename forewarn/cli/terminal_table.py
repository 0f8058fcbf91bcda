"""Results as a table at a terminal and as plain lines in pipes and files."""

from collections.abc import Iterable

import typer
from rich.console import Console
from rich.table import Table


def print_table(table: Table, lines: Iterable[str], console: Console | None = None) -> None:
    """Print the table if standard output is a terminal, else the lines.

    Args:
        table: for people.
        lines: the same rows, in a form that scripts may rely on.
        console: where to; standard output by default.
    """
    console = console or Console()
    if console.is_terminal:
        console.print(table)
        return
    for line in lines:
        typer.echo(line, file=console.file)
