"""``forewarn replay FILE...``: files of calls or transfers into Kafka."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from kafka import KafkaProducer
from kafka.errors import KafkaError

from forewarn.contracts.topics import TopicName, qualified
from forewarn.errors import ConfigurationError, ForewarnError
from forewarn.platform.kafka import TopicAdministration, client_arguments, explained
from forewarn.platform.settings import KafkaSettings, load
from forewarn.replay import (
    BadRow,
    Mapping,
    Progress,
    Ready,
    Tally,
    in_order,
    load_mapping,
    paced,
    send,
)

app = typer.Typer()

SHOWN_BAD_ROWS = 20
"""Further ones are counted; all of them are in the dead letters."""


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="CSV, JSON Lines or Parquet.")],
    mapping: Annotated[
        list[Path] | None,
        typer.Option(
            help="Column mapping (TOML), one for all files or one a file in their order; by "
            "default the file of the same name that ends in .toml.",
        ),
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0, help="Times event time; 0 is as fast as Kafka takes it.")
    ] = 0.0,
    skip: Annotated[
        list[int] | None,
        typer.Option(
            min=0,
            help="Events and bad rows of each file, in its order, that a run which was cut short "
            "reports as acknowledged; one a file.",
        ),
    ] = None,
    check_only: Annotated[
        bool, typer.Option("--check-only", help="Read and convert, but send nothing.")
    ] = False,
) -> None:
    """Stream files into Kafka; bad rows are reported and go to the dead letters.

    Status 1 if there were bad rows. Rows that are replayed again count again: a run that was cut
    short says with which --skip to go on, and mended rows belong into a file of their own.
    """
    if skip and len(skip) != len(files):
        raise ConfigurationError(f"{len(skip)} times --skip for {len(files)} files.")
    mappings = _mappings(files, mapping or [])
    items = in_order(list(zip(files, mappings, strict=True)), skip=skip or [])
    tally = Tally(Progress(skip or [0] * len(files)))
    began = time.monotonic()
    if check_only:
        for item in items:
            tally.count(item)
            _report(item, tally)
    else:
        timed = paced(items, speed, now_seconds=time.monotonic, sleep=time.sleep)
        _send(timed, tally, set().union(*(m.topics for m in mappings)), files)
    seconds = time.monotonic() - began
    counts = ", ".join(f"{count:,} to {topic}" for topic, count in sorted(tally.sent.items()))
    verb = "would be sent" if check_only else "sent"
    typer.echo(
        f"{tally.total:,} events {verb} ({counts or 'none'}), {tally.bad_rows:,} bad rows, "
        f"{seconds:.1f} s, {tally.total / max(seconds, 1e-9):,.0f} events/s"
    )
    raise typer.Exit(1 if tally.bad_rows else 0)


def _mappings(files: list[Path], mappings: list[Path]) -> list[Mapping]:
    if mappings and len(mappings) not in (1, len(files)):
        raise ConfigurationError(
            f"{len(mappings)} mappings for {len(files)} files.",
            hint="Give one for all files, or one for each.",
        )
    paths = mappings * len(files) if len(mappings) == 1 else mappings
    return [load_mapping(path) for path in paths or [file.with_suffix(".toml") for file in files]]


def _send(
    items: Iterator[Ready | BadRow], tally: Tally, topics: set[TopicName], files: list[Path]
) -> None:
    settings = load(KafkaSettings)
    with TopicAdministration(settings) as administration:
        # A producer would wait for its whole timeout for a topic that nobody has made.
        administration.require(qualified(name, settings) for name in {*topics, "dead-letters"})
    with explained(settings):
        producer = KafkaProducer(
            **client_arguments(settings),
            acks="all",
            linger_ms=20,
            batch_size=128 * 1024,
            max_block_ms=int(settings.request_timeout_seconds * 1000),
        )
    try:
        send(items, producer, settings, tally, now_ms=_now_ms, on_item=_report)
    except (ForewarnError, KeyboardInterrupt):
        with suppress(KafkaError):  # what is under way may still arrive, and counts then
            producer.flush(timeout=settings.request_timeout_seconds)
        if tally.total + tally.bad_rows:
            print(where_to_go_on(files, tally.progress), file=sys.stderr)  # noqa: T201
        raise
    finally:
        producer.close(timeout=settings.request_timeout_seconds)


def where_to_go_on(files: Sequence[Path], progress: Progress) -> str:
    """How far a run came that was cut short, and the options that go on from there."""
    done = progress.done
    each = ", ".join(f"{count:,} of {file.name}" for file, count in zip(files, done, strict=True))
    options = " ".join(f"--skip {count}" for count in done)
    line = f"acknowledged: {each}. Go on with the same files and {options}"
    if progress.beyond:
        line += f"; {progress.beyond:,} later ones were acknowledged too and will count twice"
    return line


def _report(item: Ready | BadRow, tally: Tally) -> None:
    if not isinstance(item, BadRow):
        return
    if tally.bad_rows <= SHOWN_BAD_ROWS:
        print(f"bad row {item}", file=sys.stderr)  # noqa: T201  this is the command line
    if tally.bad_rows == SHOWN_BAD_ROWS:
        print("further bad rows are only counted here", file=sys.stderr)  # noqa: T201


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
