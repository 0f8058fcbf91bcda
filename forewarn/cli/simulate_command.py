"""``forewarn simulate``: write a simulated town to Parquet."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from forewarn.simulator import DeliveryFaults, Scenario, simulate, write_town
from forewarn.simulator.town_files import require_empty

app = typer.Typer(help="Write a simulated town to Parquet.")


@app.command()
def run(
    out: Annotated[Path, typer.Option("--out", help="Directory to create.")],
    subscribers: Annotated[int, typer.Option(help="Protected people.")] = 2_000,
    days: Annotated[int, typer.Option(help="Length of the period.")] = 30,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal bytes.")] = 1,
    start: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="First local day.")
    ] = datetime(2026, 1, 5),  # noqa: DTZ001  a calendar day has no zone
    prevalence: Annotated[
        float, typer.Option(help="Share of events that belong to a fraud, 0 to 0.2.")
    ] = 0.002,
    intervention_share: Annotated[
        float, typer.Option(help="Share of frauds with an intervention.")
    ] = 0.15,
    report_share: Annotated[float, typer.Option(help="Share of losses ever reported.")] = 0.6,
    duplicates: Annotated[float, typer.Option(help="Share of records sent twice.")] = 0.0,
    late: Annotated[float, typer.Option(help="Share of records that arrive late.")] = 0.0,
    late_seconds: Annotated[float, typer.Option(help="Mean delay of late records.")] = 600.0,
    jitter_seconds: Annotated[float, typer.Option(help="Spread of every record's delay.")] = 0.0,
    lost_call_ends: Annotated[float, typer.Option(help="Share of call ends never sent.")] = 0.0,
    partitions: Annotated[
        int, typer.Option(min=1, max=10_000, help="Partitions of the topics.")
    ] = 8,
) -> None:
    """Write calls, transfers, labels, reports, truth and people of a simulated town.

    One process makes a town: its draws are one sequence, of which no part can be made alone. For a history of
    many machines make several towns, each with its own --seed and --out.
    """
    scenario = Scenario(
        seed=seed,
        subscribers=subscribers,
        days=days,
        start=start.date(),
        prevalence=prevalence,
        intervention_share=intervention_share,
        report_share=report_share,
        delivery_faults=DeliveryFaults(
            duplicates=duplicates,
            late=late,
            late_seconds=late_seconds,
            jitter_seconds=jitter_seconds,
            lost_call_ends=lost_call_ends,
        ),
    )
    require_empty(out)  # before the work, not after it
    town = simulate(scenario)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("events", total=town.event_count)
        write_town(town, out, partitions=partitions, progress=lambda n: bar.advance(task, n))
    fraud = int(town.labels["is_fraud"].sum())
    typer.echo(
        f"{town.event_count:,} events ({len(town.call_rows):,} of calls, "
        f"{len(town.transfer_rows):,} of transfers), {fraud:,} of them in "
        f"{int(town.episodes.engaged.sum()):,} frauds; {town.reports.height:,} reports. In {out}"
    )
