"""From a dataset to an artifact with its report: what the commands and the demo call."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from models.evaluation.evaluation_document import evaluate, swarm
from models.evaluation.report import model_card, report_page
from models.registry.candidate_comparison import HOLDOUT, make_holdout
from models.serving.scorer import Scorer
from models.training.train_options import TrainOptions
from models.training.training_dataset import Dataset
from models.training.training_run import TrainingResult, fit, save

METRICS, REPORT, CARD = "metrics.json", "report.html", "model_card.md"


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished run: the artifact's folder, the document of measures and the run itself."""

    path: Path
    metrics: dict[str, Any]
    run: TrainingResult


def train(
    dataset: Dataset,
    options: TrainOptions,
    directory: Path,
    *,
    title: str = "Forewarn model",
    champion: Scorer | None = None,
    k: int = 100,
    progress: Callable[[str], None] = lambda _: None,
) -> Trained:
    """Train, evaluate and write an artifact below ``directory``.

    Args:
        dataset: the rows.
        options: of the run; the same data and options give the same trees.
        directory: where the artifact's folder is made.
        title: of the report.
        champion: compared on the same test rows if it reads the same features.
        k: for precision at k a day and group.
        progress: receives a line of text at each step.

    Raises:
        ConfigurationError: for data that cannot be trained on.
    """
    run = fit(dataset, options, progress)
    test = run.split.parts["test"]
    if champion is not None and not comparable(champion, dataset):
        champion = None
    progress(f"evaluating on the {len(test):,} rows of the test part")
    metrics = evaluate(run, k=k, champion=champion)
    path = save(run, directory, report_files(run, metrics, title))
    return Trained(path, metrics, run)


def comparable(champion: Scorer, dataset: Dataset) -> bool:
    """Whether a model reads what this dataset holds: the same features with the same meaning."""
    return (champion.fingerprint, champion.features) == (dataset.fingerprint, dataset.features)


def report_files(
    run: TrainingResult, metrics: dict[str, Any], title: str
) -> dict[str, str | bytes]:
    """The files of an artifact that people read."""
    test = run.split.parts["test"]
    holdout = make_holdout(
        test.vectors, run.label("test"), run.weight("test"), test.group, test.kind,
        run.options.seed,
    )  # fmt: skip
    return {
        HOLDOUT: holdout.encode(),
        METRICS: msgspec.json.format(msgspec.json.encode(metrics)),
        REPORT: report_page(metrics, title=title, swarm=swarm(run, metrics)),
        CARD: model_card(
            metrics,
            title=title,
            features=len(run.dataset.features),
            seed=run.options.seed,
            generic=not run.dataset.fingerprint,
        ),
    }
