"""``forewarn replay FILE...``: files of calls or transfers into Kafka."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from forewarn.cli.replay_report import RejectedRows, Reporter, print_summary
from forewarn.cli.replay_run import ReplayRun
from forewarn.errors import ConfigurationError
from forewarn.replay import Mapping, load_mapping
from forewarn.replay.event_listing import EventListing
from forewarn.replay.format_choice import mapping_for

app = typer.Typer()

Files = Annotated[
    list[Path],
    typer.Argument(
        help="CSV, JSON Lines, JSON, XML, MT940 or Parquet; also gz, zip, zst, bz2, xz."
    ),
]
Mappings = Annotated[
    list[Path] | None,
    typer.Option(
        help="Column mapping (TOML), one for all files or one a file in their order; by default the "
        "file of the same name that ends in .toml.",
    ),
]
FormatName = Annotated[
    str,
    typer.Option(
        "--format", help="A format known by name (forewarn formats) instead of a mapping."
    ),
]
Given = Annotated[
    list[str] | None,
    typer.Option(help="NAME=VALUE that the format asks for, such as subscriber=+8613800000001."),
]
Speed = Annotated[
    float,
    typer.Option(
        min=0,
        help="How many times faster than the events happened; 0 is as fast as Kafka takes them.",
    ),
]
Skip = Annotated[
    list[int] | None,
    typer.Option(
        min=0,
        help="Events and bad rows of each file, in its order, that a run which was cut short reports "
        "as acknowledged; one a file.",
    ),
]
Sort = Annotated[
    bool,
    typer.Option(
        "--sort", help="Sort each file by time, on disk: for files that are not in order."
    ),
]
CheckOnly = Annotated[
    bool, typer.Option("--check-only", help="Read and convert, but send nothing.")
]
Events = Annotated[
    Path | None,
    typer.Option(help="With --check-only: write every event with its file and line (JSON Lines)."),
]
Summary = Annotated[Path | None, typer.Option(help="Write the counts of every file (JSON).")]
Rejects = Annotated[
    Path | None,
    typer.Option(help="Folder for the bad rows of each file as they stand, to correct and replay."),
]


@app.command()
def replay(
    files: Files,
    mapping: Mappings = None,
    format_: FormatName = "",
    given: Given = None,
    speed: Speed = 0.0,
    skip: Skip = None,
    sort: Sort = False,
    check_only: CheckOnly = False,
    events: Events = None,
    summary: Summary = None,
    rejects: Rejects = None,
) -> None:
    """Stream files into Kafka; bad rows are reported and go to the dead letters.

    The whole of a file is checked before anything of it is sent. Status 1 if there were bad rows, or if no row of a file fits the
    mapping. Rows that
    are replayed again count again: a run that was cut short says with which --skip to go on, and corrected
    rows belong in a file of their own (--rejects).
    """
    if skip and len(skip) != len(files):
        raise ConfigurationError(f"{len(skip)} times --skip for {len(files)} files.")
    if events is not None and not check_only:
        raise ConfigurationError("--events goes with --check-only.")
    chosen = _mappings(files, mapping or [], format_, given or [])
    run = ReplayRun(list(zip(files, chosen, strict=True)), skip=skip or [], sort=sort)
    began = time.monotonic()
    try:
        with (
            Reporter(files) as reporter,
            RejectedRows(rejects, run.files, run.tallies) as rejected,
            EventListing(events, files) as listing,
        ):
            if not check_only:
                run.send(speed, reporter, rejected)
            elif events is None:
                run.check(reporter, rejected)
            else:
                run.list_events(listing, reporter, rejected)
    except KeyboardInterrupt:
        print(run.stopped(), file=sys.stderr)  # noqa: T201  this is the command line
        raise
    if summary is not None:
        run.write_summary(summary, check_only=check_only)
    print_summary(run.tallies, run.zones, rejected, run.ids)
    typer.echo(run.closing_line(time.monotonic() - began, check_only=check_only))
    for note in run.notes:
        typer.echo(f"look: {note}", err=True)
    raise typer.Exit(1 if run.failed else 0)


def _mappings(
    files: list[Path], mappings: list[Path], format_: str, given: list[str]
) -> list[Mapping]:
    if mappings and format_:
        raise ConfigurationError("give --mapping or --format, not both.")
    if mappings and len(mappings) not in (1, len(files)):
        raise ConfigurationError(
            f"{len(mappings)} mappings for {len(files)} files.",
            hint="Give one for all files, or one for each.",
        )
    if mappings:
        paths = mappings * len(files) if len(mappings) == 1 else mappings
        return [load_mapping(path) for path in paths]
    return [mapping_for(file, format_, given, ask=_ask) for file in files]


def _ask(question: str) -> bool:
    """Ask at a terminal; without one, nothing is assumed."""
    return sys.stdin.isatty() and typer.confirm(question)
