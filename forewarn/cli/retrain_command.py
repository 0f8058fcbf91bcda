"""``forewarn retrain``: from Kafka to a promoted model in one run, for a scheduled job."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from forewarn.api.cluster_access import ClusterWork, cluster_directory, dataset_of
from forewarn.api.topic_export import export
from forewarn.cli.cluster_options import (
    Partitions,
    SchedulerFile,
    SchedulerUrl,
    WorkFolder,
    judged_on_cluster,
)
from forewarn.contracts.topics import SOURCES
from forewarn.platform.settings import ModelsSettings, load
from forewarn.simulator.default_training import catalog_options
from models.registry import open_registry
from models.registry.mlflow_tracking import mirror
from models.registry.promotion_gates import GateVerdict
from models.training.overrides import Overrides, with_overrides
from models.training.retrain import retrain
from models.training.row_sampling import HONEST_ROWS
from models.training.training_dataset import DAY_MS

app = typer.Typer(help="Export, train, judge and promote in one go.")
console = Console(stderr=True)


@app.command()
def run(
    data: Annotated[
        Path | None, typer.Option(help="An export that is already there; Kafka if not given.")
    ] = None,
    days: Annotated[float, typer.Option(min=1, help="How far back to export.")] = 60.0,
    promote: Annotated[
        bool, typer.Option("--promote/--no-promote", help="Promote if the gates agree.")
    ] = True,
    report_share: Annotated[
        float, typer.Option(help="Share of unwarned losses that are ever reported.")
    ] = 0.6,
    honest_rows: Annotated[
        int, typer.Option(min=1_000, help="About how many honest rows to keep; frauds all are.")
    ] = HONEST_ROWS,
    embargo_days: Annotated[
        float | None, typer.Option(min=0, help="Days left out between the parts.")
    ] = None,
    warmup_days: Annotated[
        float | None, typer.Option(min=0, help="Days left out at the start.")
    ] = None,
    trials: Annotated[
        int,
        typer.Option(min=0, max=500, help="Trials of the parameter search; 0 searches nothing."),
    ] = 0,
    seed: Annotated[int, typer.Option(help="Equal seeds and data give equal trees.")] = 0,
    threads: Annotated[
        int, typer.Option(min=1, help="Threads of training; give idle cores only.")
    ] = 1,
    by_trigger: Annotated[
        bool | None,
        typer.Option(
            "--by-trigger/--one-model",
            help="Fit models of single triggers beside the common one, or the common one alone (the default).",
        ),
    ] = None,
    scheduler: SchedulerUrl = "",
    scheduler_file: SchedulerFile = None,
    work: WorkFolder = "",
    partitions: Partitions = None,
) -> None:
    """Export history, train, compare with the champion, and promote the model if it is better.

    Exit code 0 also where the gates refuse: the model is then challenger, and nothing is broken. On a
    cluster the workers compute the features and keep the rows to train on; the model is fitted here.
    """
    cluster = judged_on_cluster(scheduler, scheduler_file, work, partitions)
    settings = load(ModelsSettings)
    registry = open_registry(settings)
    now_ms = time.time_ns() // 1_000_000
    with _directory(cluster) as directory:
        source = data or export_history(
            directory / "export", since_ms=now_ms - round(days * DAY_MS)
        )
        dataset = dataset_of(
            source, report_share=report_share, honest_rows=honest_rows, threads=threads,
            cluster=replace(cluster, folder=str(directory / "features")) if cluster else None,
        )  # fmt: skip
    options = with_overrides(
        catalog_options(now_ms, signing_key=settings.signing_key.get_secret_value().encode()),
        Overrides(seed=seed, embargo_days=embargo_days, warmup_days=warmup_days, trials=trials,
                threads=threads, by_trigger=by_trigger),
    )  # fmt: skip
    result = retrain(dataset, options, registry, may_promote=promote, progress=console.print)
    _print_verdicts(result.verdicts)
    if settings.mlflow_uri:
        alias = "champion" if result.promoted else "challenger"
        artifact = registry.artifact(result.version)
        mirror(settings.mlflow_uri, alias, artifact, result.metrics)
    typer.echo(f"{result.version} is {'champion' if result.promoted else 'challenger'}")


def _print_verdicts(verdicts: Sequence[GateVerdict]) -> None:
    for verdict in verdicts:
        mark = "passed" if verdict.passed else "refused"
        console.print(f"{mark} {verdict.gate}: {verdict.message}")


@contextmanager
def _directory(cluster: ClusterWork | None) -> Iterator[Path]:
    """Where the export lies meanwhile; with a cluster, where its workers see it."""
    if cluster is not None:
        with cluster_directory(cluster, "retrain") as shared:
            yield shared
        return
    with TemporaryDirectory(prefix="forewarn-export-") as directory:
        yield Path(directory)


def export_history(directory: Path, *, since_ms: int) -> Path:
    """Export calls, transfers and outcomes since an append time; returns the directory."""
    manifest = export(directory, topics=SOURCES, since_ms=since_ms)
    rows = ", ".join(f"{count:,} {name}" for name, count in manifest.rows.items())
    console.print(f"exported {rows or 'nothing'}")
    return directory
