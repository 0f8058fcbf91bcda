"""``forewarn replay FILE...``: files of calls or transfers into Kafka."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from kafka import KafkaProducer
from kafka.errors import KafkaError

from forewarn.errors import ConfigurationError, DependencyUnavailableError
from forewarn.kafka import client_arguments
from forewarn.replay import BadRow, Mapping, Ready, Tally, in_order, load_mapping, paced, send
from forewarn.settings import KafkaSettings, load

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
    check_only: Annotated[
        bool, typer.Option("--check-only", help="Read and convert, but send nothing.")
    ] = False,
) -> None:
    """Stream files into Kafka; bad rows are reported and go to the dead letters.

    Status 1 if there were bad rows.
    """
    items = in_order(list(zip(files, _mappings(files, mapping or []), strict=True)))
    began = time.monotonic()
    if check_only:
        tally = Tally()
        for item in items:
            if isinstance(item, BadRow):
                tally.bad_rows += 1
            else:
                tally.sent[item.topic] = tally.sent.get(item.topic, 0) + 1
            _report(item, tally)
    else:
        settings = load(KafkaSettings)
        timed = paced(items, speed, now_seconds=time.monotonic, sleep=time.sleep)
        producer = _producer(settings)
        try:
            tally = send(timed, producer, settings, now_ms=_now_ms, on_item=_report)
        finally:
            producer.close()
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


def _producer(settings: KafkaSettings) -> KafkaProducer:
    try:
        return KafkaProducer(
            **client_arguments(settings),
            acks="all",
            linger_ms=20,
            batch_size=128 * 1024,
            max_block_ms=int(settings.request_timeout_seconds * 1000),
        )
    except KafkaError as error:
        raise DependencyUnavailableError(
            f"Kafka at {settings.bootstrap_servers} does not answer: {error}.",
            hint="Check FOREWARN_KAFKA_BOOTSTRAP_SERVERS and that the brokers are up.",
        ) from error


def _report(item: Ready | BadRow, tally: Tally) -> None:
    if not isinstance(item, BadRow):
        return
    if tally.bad_rows <= SHOWN_BAD_ROWS:
        print(f"bad row {item}", file=sys.stderr)  # noqa: T201  this is the command line
    if tally.bad_rows == SHOWN_BAD_ROWS:
        print("further bad rows are only counted here", file=sys.stderr)  # noqa: T201


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
