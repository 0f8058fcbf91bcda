"""Options of the commands that judge a model on a period of history."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from forewarn.cli.moment_option import MOMENT_FORMATS

DataFolder = Annotated[Path, typer.Option(help="Folder from `forewarn export` or `simulate`.")]
ModelName = Annotated[str, typer.Option(help="Alias, version, or an artifact's folder.")]
PolicyFile = Annotated[Path | None, typer.Option(help="TOML; the built-in one if left out.")]
Until = Annotated[datetime | None, typer.Option(formats=MOMENT_FORMATS, help="Judge up to here.")]
KernelThreads = Annotated[int, typer.Option(min=1, help="Threads of the feature kernel.")]
