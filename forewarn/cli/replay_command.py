"""``forewarn replay FILE...``: files of calls or transfers into Kafka."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from kafka.errors import KafkaError

from forewarn.cli.replay_report import RejectedRows, Reporter, print_summary
from forewarn.contracts.topics import TopicName, qualified
from forewarn.errors import ConfigurationError, ForewarnError
from forewarn.platform.kafka import TopicAdministration, explained
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
from forewarn.replay.batch_producer import BatchProducer
from forewarn.replay.event_listing import EventListing
from forewarn.replay.event_order import checked
from forewarn.replay.file_tally import FileTally
from forewarn.replay.format_choice import mapping_for

app = typer.Typer()

Item = Ready | BadRow


@app.command()
def replay(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="CSV, JSON Lines, JSON, XML, MT940 or Parquet; also gz, zip, zst, bz2, xz."
        ),
    ],
    mapping: Annotated[
        list[Path] | None,
        typer.Option(
            help="Column mapping (TOML), one for all files or one a file in their order; by "
            "default the file of the same name that ends in .toml.",
        ),
    ] = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format", help="A format known by name (forewarn formats) instead of a mapping."
        ),
    ] = "",
    given: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=VALUE that the format asks for, such as subscriber=+8613800000001."
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
    sort: Annotated[
        bool,
        typer.Option(
            "--sort", help="Sort each file by time, on disk: for files that are not in order."
        ),
    ] = False,
    check_only: Annotated[
        bool, typer.Option("--check-only", help="Read and convert, but send nothing.")
    ] = False,
    events: Annotated[
        Path | None,
        typer.Option(
            help="With --check-only: write every event with its file and line (JSON Lines)."
        ),
    ] = None,
    summary: Annotated[
        Path | None, typer.Option(help="Write the counts of every file (JSON).")
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the bad rows of each file as they stand, to correct and replay."
        ),
    ] = None,
) -> None:
    """Stream files into Kafka; bad rows are reported and go to the dead letters.

    The whole of a file is checked before anything of it is sent. Status 1 if there were bad rows. Rows that
    are replayed again count again: a run that was cut short says with which --skip to go on, and corrected
    rows belong into a file of their own (--rejects).
    """
    if skip and len(skip) != len(files):
        raise ConfigurationError(f"{len(skip)} times --skip for {len(files)} files.")
    if events is not None and not check_only:
        raise ConfigurationError("--events goes with --check-only.")
    chosen = _mappings(files, mapping or [], format_, given or [])
    pairs = list(zip(files, chosen, strict=True))
    tallies = [FileTally(path.name) for path in files]
    tally = Tally(Progress(skip or [0] * len(files)))
    began = time.monotonic()
    with (
        Reporter(files) as reporter,
        RejectedRows(rejects, pairs, tallies) as rejected,
        EventListing(events, files) as listing,
    ):

        def on_item(item: Item, _tally: Tally) -> None:
            reporter.count(item)
            if isinstance(item, BadRow):
                rejected.add(item)

        if check_only and events is None:
            checked(
                pairs, tallies, sort=sort, watch=reporter.checking,
                on_run=reporter.tick, on_bad=lambda row: on_item(row, tally),
            )  # fmt: skip
        elif check_only:
            for item in in_order(pairs, tallies=tallies, sort=sort, watch=reporter.checking):
                on_item(item, tally)
                if isinstance(item, Ready):
                    listing.add(item)
        else:
            checked(
                pairs, [FileTally(path.name) for path in files], sort=sort,
                watch=reporter.checking, on_run=reporter.tick,
            )  # fmt: skip
            reporter.begin()
            items = in_order(
                pairs, skip=skip or [], tallies=tallies, sort=sort, watch=reporter.sending
            )
            timed = paced(items, speed, now_seconds=time.monotonic, sleep=time.sleep)
            topics = set().union(*(each.topics for each in chosen))
            _send(timed, tally, topics, files, on_item, sort=sort)
    zones = [ZoneInfo(each.file.zone or "UTC") for each in chosen]
    if summary is not None:
        _write_summary(summary, tallies, zones, check_only=check_only)
    print_summary(tallies, zones, rejected)
    seconds = time.monotonic() - began
    sent = _by_topic(tallies) if check_only else tally.sent
    counts = ", ".join(f"{count:,} to {topic}" for topic, count in sorted(sent.items()))
    verb = "would be sent" if check_only else "sent"
    rows, bad = sum(each.rows for each in tallies), sum(each.bad_rows for each in tallies)
    typer.echo(
        f"{sum(sent.values()):,} events {verb} ({counts or 'none'}), {bad:,} bad rows, "
        f"{seconds:.1f} s, {rows / max(seconds, 1e-9):,.0f} rows/s"
    )
    raise typer.Exit(1 if bad else 0)


def _by_topic(tallies: list[FileTally]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in tallies:
        for kind, count in each.events.items():
            topic = "transfers" if kind == "transfer" else "calls"
            found[topic] = found.get(topic, 0) + count
    return found


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


def _write_summary(
    path: Path, tallies: list[FileTally], zones: list[ZoneInfo], *, check_only: bool
) -> None:
    found = {
        "check_only": check_only,
        "files": [each.as_json(zone) for each, zone in zip(tallies, zones, strict=True)],
        "events": sum(each.events.total() for each in tallies),
        "bad_rows": sum(each.bad_rows for each in tallies),
        "skipped_rows": sum(each.passed_rows for each in tallies),
    }
    path.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _send(
    items: Iterator[Item],
    tally: Tally,
    topics: set[TopicName],
    files: list[Path],
    on_item: Callable[[Item, Tally], None],
    *,
    sort: bool,
) -> None:
    settings = load(KafkaSettings)
    with TopicAdministration(settings) as administration:
        # A producer would wait for its whole timeout for a topic that does not exist.
        administration.require(qualified(name, settings) for name in {*topics, "dead-letters"})
    with explained(settings):
        producer = BatchProducer(settings)
    try:
        send(items, producer, settings, tally, now_ms=_now_ms, on_item=on_item)
    except (ForewarnError, KeyboardInterrupt):
        with suppress(KafkaError):  # what is under way may still arrive, and counts then
            producer.flush(timeout=settings.request_timeout_seconds)
        if tally.total + tally.bad_rows:
            print(where_to_go_on(files, tally.progress, sort=sort), file=sys.stderr)  # noqa: T201
        raise
    finally:
        producer.close(timeout=settings.request_timeout_seconds)


def where_to_go_on(files: Sequence[Path], progress: Progress, *, sort: bool = False) -> str:
    """How far a run came that was cut short, and the options that go on from there."""
    done = progress.done
    each = ", ".join(f"{count:,} of {file.name}" for file, count in zip(files, done, strict=True))
    options = " ".join(f"--skip {count}" for count in done) + (" --sort" if sort else "")
    line = f"acknowledged: {each}. Go on with the same files and {options}"
    if progress.beyond:
        line += f"; {progress.beyond:,} later ones were acknowledged too and will count twice"
    return line


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
