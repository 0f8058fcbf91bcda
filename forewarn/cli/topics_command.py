"""``forewarn topics apply|check|probe``: the topics as the settings want them, and where keys lie in them."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from forewarn.contracts.topics import SOURCES, qualified
from forewarn.platform.kafka.key_partitioners import ADVICE, decide
from forewarn.platform.kafka.key_sample import sample_keys
from forewarn.platform.kafka.topic_administration import TopicAdministration, as_mapping
from forewarn.platform.kafka.topic_differences import Drift
from forewarn.platform.settings import KafkaSettings, load

app = typer.Typer(no_args_is_help=True, help="Create and check the topics in Kafka.")

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]


@app.command()
def check(as_json: AsJson = False) -> None:
    """Compare the topics with the settings; status 1 if anything differs."""
    with TopicAdministration(load(KafkaSettings)) as topics:
        found = topics.check()
    _show("differs", found, as_json=as_json)
    if not found and not as_json:
        typer.echo("All topics are as the settings want them.")
    raise typer.Exit(1 if found else 0)


@app.command()
def apply(
    as_json: AsJson = False,
    grow: Annotated[
        bool, typer.Option("--grow", help="Add partitions too; state must be rebuilt then.")
    ] = False,
) -> None:
    """Create missing topics and set configs; status 1 if something remains."""
    with TopicAdministration(load(KafkaSettings)) as topics:
        repaired, remaining = topics.apply(grow=grow)
        partitions = topics.require_copartitioned()
    _show("repaired", repaired, as_json=as_json)
    _show("cannot be repaired here", remaining, as_json=as_json)
    if not as_json:
        typer.echo(f"The source topics have {partitions} partitions each.")
    raise typer.Exit(1 if remaining else 0)


@app.command()
def probe(
    records: Annotated[
        int, typer.Option(min=1, max=10_000, help="Newest records to read of each partition.")
    ] = 200,
    as_json: AsJson = False,
) -> None:
    """Name the partitioner that placed the keys of the source topics; status 1 unless it is Kafka's default.

    Nothing is written: the newest records of each partition are read, and compared with the partitioners of the
    common clients.
    """
    settings = load(KafkaSettings)
    wrong = False
    for source in SOURCES:
        topic = qualified(source, settings)
        report = decide(*sample_keys(settings, topic, records=records))
        wrong = wrong or report.is_wrong
        if as_json:
            typer.echo(json.dumps({"topic": topic, "is_wrong": report.is_wrong, **asdict(report)}))
        else:
            typer.echo(
                f"{topic}: {report.keys:,} keys in {report.partitions} partitions: {report.placement}\n"
                f"  {ADVICE[report.placement]}"
            )
    raise typer.Exit(1 if wrong else 0)


def _show(what: str, found: list[Drift], *, as_json: bool) -> None:
    for drift in found:
        if as_json:
            typer.echo(json.dumps({"result": what, **as_mapping(drift)}))
        else:
            typer.echo(f"{what}: {drift}")
