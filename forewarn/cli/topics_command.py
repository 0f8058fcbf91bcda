"""``forewarn topics apply|check``: the topics as the settings want them."""

import json
from typing import Annotated

import typer

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
        mended, remaining = topics.apply(grow=grow)
        partitions = topics.require_copartitioned()
    _show("mended", mended, as_json=as_json)
    _show("cannot be mended here", remaining, as_json=as_json)
    if not as_json:
        typer.echo(f"The source topics have {partitions} partitions each.")
    raise typer.Exit(1 if remaining else 0)


def _show(what: str, found: list[Drift], *, as_json: bool) -> None:
    for drift in found:
        if as_json:
            typer.echo(json.dumps({"result": what, **as_mapping(drift)}))
        else:
            typer.echo(f"{what}: {drift}")
