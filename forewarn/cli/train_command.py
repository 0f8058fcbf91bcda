"""``forewarn train``: train a model on history, or on any table, and report on it."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import ModelsSettings, load
from forewarn.simulator.default_training import catalog_options
from models.registry import Registry, champion_scorer, open_registry
from models.registry.mlflow_tracking import follow, track
from models.tabular.table_dataset import TableOptions, dataset_of_table, table_options
from models.tabular.table_times import UNITS, TimeUnit
from models.training.history_dataset import dataset_of_history, read_history
from models.training.overrides import Overrides, with_overrides
from models.training.train_artifact import METRICS, REPORT, Trained, train
from models.training.train_options import TrainOptions
from models.training.training_dataset import Dataset

app = typer.Typer(help="Train a model.")
console = Console(stderr=True)

_KEY = b"pseudonyms of one training run"
"""Ties the events of one run together; no model contains any pseudonym."""


def _known_alias(alias: str) -> str:
    if alias not in ("", "challenger"):
        raise ConfigurationError(
            "--alias is challenger or nothing.",
            hint="A champion is made by `forewarn models promote`, which has gates.",
        )
    return alias


@app.command()
def run(
    data: Annotated[
        Path | None, typer.Option(help="Folder from `forewarn export` or `forewarn simulate`.")
    ] = None,
    frame: Annotated[
        Path | None, typer.Option(help="Any table instead: Parquet or CSV, one row an event.")
    ] = None,
    label: Annotated[str, typer.Option(help="Of --frame: column of 0/1 labels.")] = "",
    time_column: Annotated[
        str, typer.Option("--time", help="Of --frame: column of event times, or of days/seconds.")
    ] = "",
    time_unit: Annotated[
        str, typer.Option(help=f"Of --frame, for times that are numbers: {', '.join(UNITS)}.")
    ] = "auto",
    group: Annotated[
        str, typer.Option(help="Of --frame: column of the card or person; never split.")
    ] = "",
    amount: Annotated[str, typer.Option(help="Of --frame: column of the amount.")] = "",
    entity: Annotated[
        list[str] | None, typer.Option(help="Of --frame: further columns that name a party.")
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="Of --frame: columns that the model must not see.")
    ] = None,
    label_delay_days: Annotated[
        float, typer.Option(min=0, help="Of --frame: how long labels take to arrive.")
    ] = 7.0,
    split_by: Annotated[
        str, typer.Option(help="Of --frame: groups (and time) or time alone.")
    ] = "groups",
    k: Annotated[int, typer.Option(min=1, help="For precision at k a day and group.")] = 100,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the artifact; the registry if not given.")
    ] = None,
    alias: Annotated[
        str,
        typer.Option(
            help="Let this alias point to it: challenger, or nothing.", callback=_known_alias
        ),
    ] = "",
    seed: Annotated[int, typer.Option(help="Equal seeds and data give equal trees.")] = 0,
    calibration: Annotated[str, typer.Option(help="auto, isotonic or platt.")] = "auto",
    report_share: Annotated[
        float, typer.Option(help="Share of unwarned losses that are ever reported.")
    ] = 0.6,
    embargo_days: Annotated[float | None, typer.Option(min=0, help="Between the parts.")] = None,
    warmup_days: Annotated[float | None, typer.Option(min=0, help="Left out at the start.")] = None,
    capacity: Annotated[
        float, typer.Option(min=0, help="Warnings a day people can answer.")
    ] = 200.0,
    trials: Annotated[int, typer.Option(min=0, max=500, help="Of the parameter search.")] = 0,
    search_seconds: Annotated[float, typer.Option(min=1, help="Bound on the search.")] = 600.0,
    trees: Annotated[int | None, typer.Option(min=1, max=5000, help="Most trees.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Of training; only idle cores.")] = 1,
) -> None:
    """Train, calibrate, judge and write an artifact with its report.

    With --data, features are those of the catalog, computed by the worker's own kernel. With
    --frame, any table of transactions will do; see docs/training.md.
    """
    choices = Overrides(
        seed=seed, calibration=calibration, embargo_days=embargo_days, warmup_days=warmup_days,
        capacity=capacity, trials=trials, search_seconds=search_seconds, trees=trees,
        threads=threads,
    )  # fmt: skip
    if (data is None) == (frame is None):
        raise ConfigurationError(
            "give either --data or --frame.", hint="See `forewarn train --help`."
        )
    settings = load(ModelsSettings)
    key = settings.signing_key.get_secret_value().encode()
    now_ms = time.time_ns() // 1_000_000
    if data is not None:
        console.print(f"computing features of {data}")
        dataset = dataset_of_history(
            read_history(data), Pseudonymiser(_KEY), report_share=report_share, threads=threads
        )
        options, title = catalog_options(now_ms, signing_key=key), "Forewarn model"
    elif frame is not None:
        units: dict[str, TimeUnit] = {name: name for name in UNITS}
        if time_unit not in units:
            raise ConfigurationError(f"--time-unit is one of {', '.join(UNITS)}")
        of_frame = TableOptions(
            label=label, time=time_column, time_unit=units[time_unit], group=group, amount=amount,
            entities=tuple(entity or ()), drop=tuple(drop or ()),
            label_delay_days=label_delay_days, split_by=split_by,
        )  # fmt: skip
        framed = dataset_of_table(frame, of_frame)
        dataset = framed.dataset
        console.print(f"{len(dataset):,} rows; {time_column} is {framed.meaning}")
        options, title = table_options(now_ms, framed, of_frame, key), f"Model of {frame.name}"
    options = with_overrides(options, choices)
    _train(dataset, options, open_registry(settings), out, title=title, k=k, alias=alias,
           mlflow_uri=settings.mlflow_uri)  # fmt: skip


def _train(
    dataset: Dataset,
    options: TrainOptions,
    registry: Registry,
    out: Path | None,
    *,
    title: str,
    k: int,
    alias: str,
    mlflow_uri: str,
) -> None:
    """Train into a folder, or into the registry beside the champion."""
    into_registry = out is None and bool(dataset.fingerprint)
    champion = champion_scorer(registry, dataset.fingerprint) if into_registry else None
    with TemporaryDirectory(prefix="forewarn-train-") as work:
        target = Path(work) if into_registry else (out or Path("forewarn-frames"))
        trained = train(
            dataset, options, target, title=title, champion=champion, k=k,
            progress=console.print,
        )  # fmt: skip
        path = trained.path
        if into_registry:
            version = registry.add(path)
            path = registry.fetch(version)
            if mlflow_uri:
                track(mlflow_uri, registry.artifact(version), trained.metrics)
            if alias:
                registry.point(
                    "challenger", version, by="forewarn train", reason="trained",
                    now_ms=options.created_ms,
                )  # fmt: skip
                if mlflow_uri:
                    follow(mlflow_uri, alias, version)
    _tell(trained, path)


def _tell(trained: Trained, path: Path) -> None:
    metrics = trained.metrics
    for finding in metrics["findings"]:
        if finding["level"] == "warning":
            console.print(f"[yellow]warning[/] {finding['about']}: {finding['message']}")
    k = metrics["precision_at_k"]
    console.print(
        f"test: roc_auc {_figure(metrics['roc_auc'])}, "
        f"average_precision {_figure(metrics['average_precision'])}, "
        f"precision_at_{k['k']} {_figure(k['value'])}; "
        + "; ".join(
            f"{name} {_figure(one['average_precision'])}"
            for name, one in metrics["baselines"].items()
        )
        + " (average precision of baselines)"
    )
    console.print(f"report {path / REPORT}\nmetrics {path / METRICS}")
    typer.echo(str(path))  # the one line on stdout, for scripts


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"
