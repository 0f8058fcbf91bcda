"""``forewarn doctor``: what is missing on this machine, and what to do about it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from forewarn.cli.command_table import OWN_PACKAGES
from forewarn.errors import ConfigurationError
from forewarn.local.diagnosis import MachineFinding, diagnose
from forewarn.platform.settings import LocalSettings, load

app = typer.Typer()

_STYLES = {"ok": "green", "note": "yellow", "missing": "bold red"}


@app.command()
def doctor(
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="Directory of the stack; FOREWARN_LOCAL_DIRECTORY by default."),
    ] = None,
    remote: Annotated[
        bool,
        typer.Option(
            "--remote", help="Look at the installation that the settings name, not at this machine."
        ),
    ] = False,
) -> None:
    """Look at Python, packages, Java, Redis, disk, memory, ports and model; status 1 if one is missing.

    With --remote: topics, rights, partitioners, latencies, clocks, versions, model, policy, routes and gateways.
    Nothing is written or sent.
    """
    given = {} if directory is None else {"directory": directory}
    console = Console()
    worst = 0
    for finding in _installation() if remote else diagnose(load(LocalSettings, **given)):
        line = line_of(finding)
        # Markup off: `[local]` is the name of an extra. A command that is broken into lines cannot be copied.
        style = _STYLES[finding.grade]
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
        worst |= finding.grade == "missing"
    raise typer.Exit(worst)


def line_of(finding: MachineFinding) -> str:
    """Grade, part, what was found and what to do, as one line of whole sentences."""
    says = [text.rstrip(". ") + "." for text in (finding.found, finding.remedy) if text]
    return f"{finding.grade:<8} {finding.what:<24} {' '.join(says) if finding.remedy else finding.found}"


def _installation() -> Iterable[MachineFinding]:
    try:
        from forewarn.cli.remote_diagnosis import (  # noqa: PLC0415  needs more extras than this machine may have
            diagnose_installation,
        )
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in OWN_PACKAGES:
            raise  # a fault of this code, not of the installation
        raise ConfigurationError(
            f"`forewarn doctor --remote` needs the package {package}, which is not installed.",
            hint="Run it in the toolbox, or install it with: pip install 'forewarn[console]'",
        ) from error
    return diagnose_installation()
