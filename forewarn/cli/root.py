"""The root of the command line."""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from forewarn.cli.command_table import COMMANDS, load
from forewarn.platform.exit_status import run


class LazyGroup(TyperGroup):
    """Shows stand-ins in the help and imports a command only to run it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that the first argument names, and import it."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, stand_in if name is None else load(name), rest


app = typer.Typer(
    name="forewarn",
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Streaming early warning against telephone and transfer fraud.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from forewarn.cli.version_option import identity  # noqa: PLC0415  a second to import

        for what, value in identity():
            typer.echo(f"{what:<9} {value}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Show the version, commit and schemas.",
        ),
    ] = False,
) -> None:
    del version  # handled by its callback


def _stand_in() -> None:
    raise AssertionError("a stand-in only lends its line to the help")


for _name, _entry in COMMANDS.items():
    app.command(_name, help=_entry.help, rich_help_panel=_entry.panel)(_stand_in)


def main() -> None:
    """Run the command line; bad input ends with one line and status 2, never a traceback."""
    sys.exit(run(app))
