"""Training as one call, with the options that suit the feature catalog."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from forewarn.platform.settings import ModelsSettings, load
from forewarn.simulator.default_training import catalog_options
from models.serving.scorer import Scorer
from models.training.dataset_split import SplitOptions
from models.training.train_artifact import Trained
from models.training.train_artifact import train as train_artifact
from models.training.train_options import TrainOptions
from models.training.training_dataset import Dataset


def train(
    dataset: Dataset,
    directory: str | Path,
    *,
    seed: int = 0,
    split: SplitOptions | None = None,
    options: TrainOptions | None = None,
    title: str = "Forewarn model",
    champion: Scorer | None = None,
    k: int = 100,
    threads: int = 1,
    progress: Callable[[str], None] = lambda _line: None,
) -> Trained:
    """Train and calibrate a model, evaluate it on later people, and write an artifact with its report.

    Equal data, options and seeds give equal trees. An artifact is signed if
    ``FOREWARN_MODELS_SIGNING_KEY`` is set.

    >>> sorted(path.name for path in trained.path.glob("*.html"))
    ['report.html']
    >>> 0.5 < trained.metrics["roc_auc"] <= 1.0
    True

    Args:
        dataset: from `build_dataset` or `dataset_of_table`.
        directory: the artifact becomes a folder in it, named by its version.
        seed: of trees, samples and halves.
        split: how rows are divided into the parts train, calibrate and test; by default a warm-up of a
            month (at most a third of the period) and an embargo that follows from the labels.
        options: every other choice of a run, for example from `table_options`; ``seed``, ``split`` and
            ``threads`` are then those of the options.
        title: of the report.
        champion: a model that is evaluated on the same rows, if it reads the same features.
        k: for precision at k a day and group.
        threads: threads of training.
        progress: receives a line of text at each step.

    Returns:
        The folder of the artifact (``path``), the measures (``metrics``) and the run itself (``run``).

    Raises:
        ConfigurationError: if a part has no fraud, or the period is too short for the embargo.
    """
    if options is None:
        key = load(ModelsSettings).signing_key.get_secret_value().encode()
        options = replace(
            catalog_options(time.time_ns() // 1_000_000, seed=seed, signing_key=key),
            num_threads=threads,
        )
        if split is not None:
            options = replace(options, split=split)
    return train_artifact(
        dataset, options, Path(directory), title=title, champion=champion, k=k, progress=progress
    )
