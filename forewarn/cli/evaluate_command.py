"""``forewarn evaluate``: how early and how right the warnings of a period are."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from forewarn.api.cluster_access import vectors_on_cluster
from forewarn.api.model_access import last_champion, load_model, load_policy
from forewarn.api.period_evaluation import evaluate_period
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
from models.evaluation.report.early_warning_section import (
    COMPARISON_HEAD,
    comparison_rows,
    evaluation_page,
    figure_rows,
)
from models.evaluation.report.page_parts import day, number, share
from models.serving.scorer import Scorer

app = typer.Typer(help="Judge how early and how right warnings are.")
console = Console()


@app.command()
def run(
    data: DataFolder,
    model: ModelName = "champion",
    policy: PolicyFile = None,
    champion: Annotated[
        str,
        typer.Option(
            help="Compare with this model: alias, version or folder; none. By default with the champion, or "
            "with the one before if the model is the champion.",
        ),
    ] = "",
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=MOMENT_FORMATS,
            help="Judge from here on (UTC). By default, from where the model's own test begins, or "
            "after a third of a period that it was not trained on.",
        ),
    ] = None,
    until: Until = None,
    json: Annotated[Path | None, typer.Option(help="Write every figure as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report with plots.")] = None,
    threads: KernelThreads = 1,
    scheduler: SchedulerUrl = "",
    scheduler_file: SchedulerFile = None,
    work: WorkFolder = "",
    partitions: Partitions = None,
) -> None:
    """Replay a period through the decisions of a worker and print leads, precision and money.

    Intervals are 90 % over people. A simulated town is judged by its whole truth, an export by its
    outcomes, which lack unreported frauds. On a cluster the workers compute the features; the decisions
    depend on those before them and are taken here.
    """
    cluster = judged_on_cluster(scheduler, scheduler_file, work, partitions, threads=threads)
    scorer = load_model(model)
    document = evaluate_period(
        data,
        scorer,
        load_policy(scorer, policy),
        champion=_compared(champion, scorer),
        since_ms=utc_ms(since) if since else None,
        until_ms=utc_ms(until) if until else None,
        threads=threads,
        vectors=vectors_on_cluster(data, cluster) if cluster else None,
    )
    _print(document)
    if json:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(document)))
    if html:
        html.write_text(evaluation_page(document), encoding="utf-8")


def _compared(champion: str, model: Scorer) -> Scorer | None:
    if champion == "none":
        return None
    return load_model(champion) if champion else last_champion(model)


def _print(document: dict[str, Any]) -> None:
    for finding in document["findings"]:
        console.print(f"[bold red]{finding['level']}[/] {finding['about']}: {finding['message']}")
    figures = document["policy"]
    console.print(
        f"{day(document['from_ms'])} to {day(document['until_ms'])}, {document['people']:,} people, "
        f"judged by {document['truth']}: {figures['losses']} losses, "
        f"{figures['losses_with_a_call']} with a call more than a minute before"
    )
    table = Table("", f"{document['model']}\n{document['policy_version']}")
    for row in figure_rows(figures):
        table.add_row(*row)
    for name, value in document["money"].items():
        table.add_row(f"{name.removesuffix('_minor')} (minor units)", number(value))
    for name, value in payment_lines(document["payments"]):
        table.add_row(name, value)
    console.print(table)
    _print_segments(document)
    compared = Table(*COMPARISON_HEAD, title="at equal warnings a day")
    for cells in comparison_rows(document):
        compared.add_row(*cells)
    console.print(compared)


def _print_segments(document: dict[str, Any]) -> None:
    budgets = document["budgets"]
    heads = [f"{number(one['per_day'])} a day" for one in budgets]
    table = Table("warned a minute before", "losses", "policy", *heads)
    for segment in ("typology", "age_group"):
        for key, row in document["policy"][segment].items():
            at = [share(one[segment][key]["warned_a_minute_before"]) for one in budgets]
            table.add_row(key, str(row["losses"]), share(row["warned_a_minute_before"]), *at)
    console.print(table)
