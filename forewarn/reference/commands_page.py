"""``docs/cli.md``: every command with its options, from the command line itself."""

import inspect
from collections.abc import Iterator
from typing import Any

from forewarn.cli.command_table import COMMANDS, load

_INTRODUCTION = """# Commands

Every command ends with status 0, with 1 where its page says so, and with 2 and one line on standard error
that says what to do when something is wrong; `FOREWARN_TRACEBACK=1` shows where it was raised. Addresses
and secrets come from [settings](settings.md), never from options. Written by `forewarn reference` from the
commands.
"""


_OF_TYPER = "| `--help`"


def commands_page() -> str:
    """The page as Markdown."""
    parts = [_INTRODUCTION]
    panel = ""
    for name, entry in COMMANDS.items():
        if entry.panel != panel:
            panel = entry.panel
            parts += [f"## {panel}", ""]
        needs = f" Needs the extra `{entry.extra}`." if entry.extra else ""
        for path, command in leaves(name, load(name)):
            parts += [f"### forewarn {path}", "", _text(command) + needs, "", *_table(command)]
    return "\n".join(parts)


def leaves(path: str, command: object) -> Iterator[tuple[str, object]]:
    """The command itself, or those of a group, with their full names; a group that does something alone first."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    if getattr(command, "invoke_without_command", False):
        yield path, command
    for name, child in command.commands.items():
        yield from leaves(f"{path} {name}", child)


def _text(command: Any) -> str:
    return inspect.cleandoc(command.help or "").replace("\n\n", "\n").replace("\n", " ")


def _table(command: Any) -> list[str]:
    rows = [_row(parameter) for parameter in command.params if not getattr(parameter, "hidden", 0)]
    rows = [row for row in rows if not row.startswith(_OF_TYPER)]
    return [*(["| argument | default | meaning |", "|---|---|---|", *rows, ""] if rows else [])]


def _row(parameter: Any) -> str:
    options = [*parameter.opts, *parameter.secondary_opts]
    names = ", ".join(f"`{option}`" for option in options)
    if not options[0].startswith("-"):
        names = f"`{(parameter.metavar or parameter.name).upper()}`"
    default = parameter.default
    unset = default is None or default is False or default in ("", ()) or callable(default)
    shown = "" if unset else f"`{default}`"
    if parameter.required:
        shown = "**required**"
    meaning = " ".join((getattr(parameter, "help", None) or "").split()).replace("|", "\\|")
    return f"| {names} | {shown} | {meaning} |"
