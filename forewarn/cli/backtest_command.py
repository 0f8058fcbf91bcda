"""``forewarn backtest``: what a model and a policy would have done with a period of history."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from forewarn.api.cluster_access import vectors_on_cluster
from forewarn.api.decision_backtest import Backtest, backtest
from forewarn.api.model_access import load_model, load_policy
from forewarn.cli.cluster_options import (
    Partitions,
    SchedulerFile,
    SchedulerUrl,
    WorkFolder,
    judged_on_cluster,
)
from forewarn.cli.judgement_options import (
    DataFolder,
    KernelThreads,
    ModelName,
    PolicyFile,
    Until,
)
from forewarn.cli.moment_option import MOMENT_FORMATS, utc_ms
from models.evaluation.backtest.payment_figures import payment_lines
from models.evaluation.report.page_parts import number, share
from models.training.history_dataset import read_history

app = typer.Typer(help="Judge a model and a policy on history.")
console = Console()


@app.command()
def run(
    data: DataFolder,
    model: ModelName = "champion",
    policy: PolicyFile = None,
    against_model: Annotated[str, typer.Option(help="Compare with this model.")] = "",
    against_policy: Annotated[Path | None, typer.Option(help="Compare with this policy.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=MOMENT_FORMATS,
            help="Judge from here on (UTC); earlier events only fill the state. By default, from "
            "where the models' own test begins.",
        ),
    ] = None,
    until: Until = None,
    lists: Annotated[
        Path | None,
        typer.Option(help="CSV of lists in force: list,kind,peer,subscriber,expires_at_ms."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    threads: KernelThreads = 1,
    scheduler: SchedulerUrl = "",
    scheduler_file: SchedulerFile = None,
    work: WorkFolder = "",
    partitions: Partitions = None,
) -> None:
    """Replay a period through scorer, policy, budgets and deduplication, and count the results.

    On a cluster the workers compute the features; the decisions depend on those before them and are taken here.
    """
    cluster = judged_on_cluster(scheduler, scheduler_file, work, partitions, threads=threads)
    scorer = load_model(model)
    own = load_policy(scorer, policy)
    against = None
    if against_model or against_policy:
        other = load_model(against_model or model)
        against = other, load_policy(other, against_policy or policy)
    result = backtest(
        read_history(data),
        scorer,
        own,
        against=against,
        since_ms=utc_ms(since) if since else None,
        until_ms=utc_ms(until) if until else None,
        lists=lists,
        threads=threads,
        vectors=vectors_on_cluster(data, cluster) if cluster else None,
    )
    _print_period(result)
    document = _document(result)
    _print_table(document)
    if out:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(document)))


def _document(result: Backtest) -> dict[str, Any]:
    runs = [result.summary, *([result.against] if result.against else [])]
    document = {"runs": runs, "since_ms": result.since_ms, "in_sample": result.in_sample}
    return document | ({"difference": result.difference} if result.difference else {})


def _print_period(result: Backtest) -> None:
    """Print from when on events count, and a warning if a model was trained on some of them."""
    begin = _utc(result.since_ms)
    if not result.in_sample:
        console.print(f"judged from {begin} on, which no model was trained on")
        return
    reason = (
        f"a model was trained on what happened before {_utc(result.unseen_ms)}"
        if result.unseen_ms
        else "an older model does not say what it was trained on"
    )
    console.print(
        f"[bold red]judged in sample[/] from {begin} on: {reason}. The figures flatter it, "
        "unless these are other people's data."
    )


def _print_table(document: dict[str, Any]) -> None:
    table = Table("", *(f"{one['model']}\n{one['policy']}" for one in document["runs"]))
    lines: dict[str, Callable[[dict[str, Any]], str]] = {
        "warnings a day": lambda one: number(one["warnings_per_day"]),
        "precision": lambda one: share(one["precision"]),
        "severities": lambda one: _counts(one["severities"]),
        "messages": lambda one: _counts(one["messages"]),
        "decisions": lambda one: _counts(one["reasons"]),
        "episodes reached": lambda one: f"{one['episodes_reached']} of {one['episodes']}",
        "minutes before the first loss": lambda one: number(one["minutes_before_loss"]),
        "paid to swindlers (minor units)": lambda one: f"{one['paid_minor']:,}",
        "paid after the first warning (minor units)": lambda one: f"{one['movable_minor']:,}",
        "expected to be saved (minor units)": lambda one: f"{one['saved_minor']:,}",
    }
    for name, cell in lines.items():
        table.add_row(name, *(cell(one) for one in document["runs"]))
    answered = [payment_lines(one["payments"]) for one in document["runs"]]
    for cells in zip(*answered, strict=True):
        table.add_row(cells[0][0], *(value for _, value in cells))
    console.print(table)
    if "difference" in document:
        gap = document["difference"]
        console.print(
            f"both warn {gap['both']} times ({gap['other_severity']} with another severity); "
            f"only the first {gap['only_first']['warnings']} "
            f"({gap['only_first']['frauds']} frauds), only the second "
            f"{gap['only_second']['warnings']} ({gap['only_second']['frauds']} frauds)"
        )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _utc(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M}"
