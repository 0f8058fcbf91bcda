"""``forewarn train``: train a model on history, or on any table, and report on it."""

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from forewarn.api.cluster_access import ClusterWork, dataset_of
from forewarn.cli.cluster_options import (
    Partitions,
    SchedulerFile,
    SchedulerUrl,
    WorkFolder,
    judged_on_cluster,
)
from forewarn.errors import ConfigurationError
from forewarn.platform.settings import ModelsSettings, load
from forewarn.simulator.default_training import catalog_options
from models.registry import Registry, champion_scorer, open_registry
from models.registry.mlflow_tracking import follow, track
from models.tabular.table_dataset import TableOptions, dataset_of_table, table_options
from models.tabular.table_times import UNITS, TimeUnit
from models.training.overrides import Overrides, with_overrides
from models.training.row_sampling import HONEST_ROWS
from models.training.train_artifact import METRICS, REPORT, Trained, train
from models.training.train_options import TrainOptions
from models.training.training_dataset import Dataset

app = typer.Typer(help="Train a model.")
console = Console(stderr=True)


def _known_alias(alias: str) -> str:
    if alias not in ("", "challenger"):
        raise ConfigurationError(
            "--alias is challenger or nothing.",
            hint="A champion is made by `forewarn models promote`, which has gates.",
        )
    return alias


Data = Annotated[
    Path | None, typer.Option(help="Folder from `forewarn export` or `forewarn simulate`.")
]
Frame = Annotated[
    Path | None, typer.Option(help="Any table instead: Parquet or CSV, one row an event.")
]
Label = Annotated[str, typer.Option(help="With --frame: column of 0/1 labels.")]
TimeColumn = Annotated[
    str,
    typer.Option(
        "--time", help="With --frame: column of event times, or of numbers of days or seconds."
    ),
]
Unit = Annotated[
    str, typer.Option(help=f"With --frame: unit of times that are numbers: {', '.join(UNITS)}.")
]
Form = Annotated[
    str, typer.Option(help="With --frame: form of times that are texts, such as %m/%d/%Y %H:%M:%S.")
]
Group = Annotated[
    str, typer.Option(help="With --frame: column of the card or person; its rows stay in one part.")
]
Amount = Annotated[str, typer.Option(help="With --frame: column of the amount.")]
Entities = Annotated[
    list[str] | None,
    typer.Option(help="With --frame: further column that names a party; repeat for several."),
]
Dropped = Annotated[
    list[str] | None,
    typer.Option(help="With --frame: column that the model must not see; repeat for several."),
]
LabelDelay = Annotated[
    float, typer.Option(min=0, help="With --frame: days that labels take to arrive.")
]
SplitBy = Annotated[
    str, typer.Option(help="With --frame: divide by `groups` and time, or by `time` alone.")
]
TrainFrom = Annotated[
    str,
    typer.Option(
        help="With --frame: train on rows from this time on; earlier rows are history only."
    ),
]
TestFrom = Annotated[
    str,
    typer.Option(
        help="With --frame: test on rows from this time on, and train on rows that are at least the label delay older."
    ),
]
TestUntil = Annotated[str, typer.Option(help="With --frame: test on rows before this time.")]
Shares = Annotated[
    str,
    typer.Option(
        help="With --frame: shares of the parts train, calibrate and test, such as 0.6,0.2,0.2."
    ),
]
LeaveKnown = Annotated[
    bool,
    typer.Option(
        "--leave-known",
        help="With --frame: do not test on rows of a group whose fraud was known before the day of the row began.",
    ),
]
Top = Annotated[
    int, typer.Option(min=1, help="The k of precision at k: groups that are examined a day.")
]
Out = Annotated[
    Path | None, typer.Option(help="Folder for the artifact; the registry if not given.")
]
AliasName = Annotated[
    str,
    typer.Option(
        help="Alias to give the new model: challenger; none by default.", callback=_known_alias
    ),
]
ReportShare = Annotated[
    float, typer.Option(help="Share of frauds without a warning that are ever reported.")
]
HonestRows = Annotated[
    int, typer.Option(min=1_000, help="With --data: about how many honest rows to keep.")
]
Seed = Annotated[int, typer.Option(help="Equal seeds and data give equal trees.")]
Calibration = Annotated[str, typer.Option(help="Method of calibration: auto, isotonic or platt.")]
Embargo = Annotated[float | None, typer.Option(min=0, help="Days between the parts.")]
Warmup = Annotated[float | None, typer.Option(min=0, help="Days left out at the start.")]
Capacity = Annotated[float, typer.Option(min=0, help="Warnings a day that people can answer.")]
Trials = Annotated[int, typer.Option(min=0, max=500, help="Trials of the parameter search.")]
SearchSeconds = Annotated[float, typer.Option(min=1, help="Time limit of the parameter search.")]
Trees = Annotated[int | None, typer.Option(min=1, max=5000, help="Largest number of trees.")]
ByTrigger = Annotated[
    bool | None,
    typer.Option(
        "--by-trigger/--one-model",
        help="Fit models of single triggers beside the common one, or the common one alone (the default).",
    ),
]
Threads = Annotated[int, typer.Option(min=1, help="Threads of training; give idle cores only.")]


@app.command()
def run(
    data: Data = None,
    frame: Frame = None,
    label: Label = "",
    time_column: TimeColumn = "",
    time_unit: Unit = "auto",
    time_form: Form = "",
    group: Group = "",
    amount: Amount = "",
    entity: Entities = None,
    drop: Dropped = None,
    label_delay_days: LabelDelay = 7.0,
    split_by: SplitBy = "groups",
    train_from: TrainFrom = "",
    test_from: TestFrom = "",
    test_until: TestUntil = "",
    shares: Shares = "",
    leave_known: LeaveKnown = False,
    k: Top = 100,
    out: Out = None,
    alias: AliasName = "",
    seed: Seed = 0,
    calibration: Calibration = "auto",
    report_share: ReportShare = 0.6,
    honest_rows: HonestRows = HONEST_ROWS,
    embargo_days: Embargo = None,
    warmup_days: Warmup = None,
    capacity: Capacity = 200.0,
    trials: Trials = 0,
    search_seconds: SearchSeconds = 600.0,
    trees: Trees = None,
    threads: Threads = 1,
    by_trigger: ByTrigger = None,
    scheduler: SchedulerUrl = "",
    scheduler_file: SchedulerFile = None,
    work: WorkFolder = "",
    partitions: Partitions = None,
) -> None:
    """Train, calibrate, judge and write an artifact with its report.

    With --data, features are those of the catalog, computed by the worker's own kernel. With
    --frame, any table of transactions will do; see docs/tables.md. On a cluster the workers compute the
    features and keep the rows to train on; the model is fitted here.
    """
    choices = Overrides(
        seed=seed, calibration=calibration, embargo_days=embargo_days, warmup_days=warmup_days,
        capacity=capacity, trials=trials, search_seconds=search_seconds, trees=trees, threads=threads,
        by_trigger=by_trigger,
    )  # fmt: skip
    settings = load(ModelsSettings)
    key = settings.signing_key.get_secret_value().encode()
    cluster = judged_on_cluster(scheduler, scheduler_file, work, partitions)
    _require_one(data, frame, cluster)
    if data is not None:
        source = _of_history(data, key, report_share, honest_rows, threads=threads, cluster=cluster)
    else:
        source = _of_table(
            frame or Path(),
            TableOptions(
                label=label, time=time_column, time_unit=_known_unit(time_unit), time_form=time_form,
                group=group, amount=amount, entities=tuple(entity or ()), drop=tuple(drop or ()),
                label_delay_days=label_delay_days, split_by=split_by, train_from=train_from,
                test_from=test_from, test_until=test_until, shares=_shares(shares),
                leave_known=leave_known,
            ),
            key,
        )  # fmt: skip
    _train(source.dataset, with_overrides(source.options, choices), open_registry(settings), out,
           title=source.title, k=k, alias=alias, mlflow_uri=settings.mlflow_uri)  # fmt: skip


def _require_one(data: Path | None, frame: Path | None, cluster: ClusterWork | None) -> None:
    """Raise ConfigurationError unless there is one thing to train on, and one that a cluster can compute."""
    if (data is None) == (frame is None):
        raise ConfigurationError(
            "give either --data or --frame.", hint="See `forewarn train --help`."
        )
    if frame is not None and cluster is not None:
        raise ConfigurationError("A cluster computes features of --data, not of --frame.")


@dataclass(frozen=True, slots=True)
class _Source:
    """What is trained on, with the options that suit it and the title of its report."""

    dataset: Dataset
    options: TrainOptions
    title: str


def _of_history(
    data: Path,
    key: bytes,
    report_share: float,
    honest_rows: int,
    *,
    threads: int,
    cluster: ClusterWork | None,
) -> _Source:
    console.print(f"computing features of {data}")
    dataset = dataset_of(
        data, report_share=report_share, honest_rows=honest_rows, threads=threads, cluster=cluster
    )
    return _Source(dataset, catalog_options(_now_ms(), signing_key=key), "Forewarn model")


def _of_table(frame: Path, options: TableOptions, key: bytes) -> _Source:
    table = dataset_of_table(frame, options)
    console.print(f"{len(table.dataset):,} rows; {options.time or 'the table'} has {table.meaning}")
    chosen = table_options(_now_ms(), table, options, key)
    return _Source(table.dataset, chosen, f"Model of {frame.name}")


def _shares(text: str) -> tuple[float, float, float] | None:
    if not text:
        return None
    try:
        train_share, calibrate_share, test_share = (float(one) for one in text.split(","))
    except ValueError as error:
        raise ConfigurationError(
            f"--shares is {text!r}.", hint="Give three numbers with a sum of 1: 0.6,0.2,0.2."
        ) from error
    return train_share, calibrate_share, test_share


def _known_unit(name: str) -> TimeUnit:
    units: dict[str, TimeUnit] = {unit: unit for unit in UNITS}
    if name not in units:
        raise ConfigurationError(f"--time-unit is one of {', '.join(UNITS)}")
    return units[name]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


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
    champion = champion_scorer(registry, dataset.fingerprint) if dataset.fingerprint else None
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
    _print_result(trained, path)


def _print_result(trained: Trained, path: Path) -> None:
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
