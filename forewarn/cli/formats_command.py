"""``forewarn formats``: which formats are known by name, and what is known of each."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from forewarn.replay.format_catalog import FileFormat, format_named, known_formats

app = typer.Typer(help="List the formats that replay knows by name, and explain one.")


@app.callback(invoke_without_command=True)
def formats(context: typer.Context) -> None:
    """List the formats."""
    if context.invoked_subcommand is not None:
        return
    table = Table("name", "what it is", "gives", "asks for")
    for each in known_formats().values():
        asked = [name for name, parameter in each.parameters.items() if parameter.default is None]
        table.add_row(each.name, each.title, each.gives, ", ".join(asked))
    Console(soft_wrap=True, highlight=False).print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of a format, as `forewarn formats` lists it.")],
) -> None:
    """Explain a format: columns, zone, direction, what it asks for, and traps with their sources."""
    each = format_named(name)
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{each.name}: {each.title}", style="bold", markup=False)
    console.print(f"gives {each.gives}; files end in {', '.join(each.endings)}", markup=False)
    for heading, text in (("zone", each.zone), ("direction", each.direction)):
        console.print(f"{heading}: {text}", markup=False)
    columns = Table("column", "meaning")
    for column, meaning in each.columns.items():
        columns.add_row(column, meaning)
    console.print(columns)
    for parameter_name, parameter in each.parameters.items():
        default = (
            "has to be given" if parameter.default is None else f"default {parameter.default!r}"
        )
        line = f"--given '{parameter_name}={parameter.example}': {parameter.about} ({default})"
        console.print(line, markup=False)
    for trap in each.traps:
        console.print(f"* {trap.text} [{trap.source}]", markup=False)
    console.print(f"try it: {command_of(each)}", markup=False)


def command_of(each: FileFormat) -> str:
    """The command that reads the sample of a format."""
    given = "".join(f" --given '{name}={value}'" for name, value in each.given.items())
    return f"forewarn replay --check-only --format {each.name}{given} docs/samples/formats/{each.sample}"
