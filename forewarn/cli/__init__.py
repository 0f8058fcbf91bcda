"""The command line: ``forewarn COMMAND``.

A command lives in a module of this package that has a ``typer.Typer`` named ``app``: with one
command it becomes the command itself, with several a group of subcommands. The module is imported
only when its command runs, so that ``forewarn --help`` is quick and a missing extra is named.
"""

from forewarn.cli.root import app, main

__all__ = ["app", "main"]
