"""The steps of a training run: split, fit, calibrate, find thresholds, and write the artifact.

The whole run begins in ``train_artifact.train``, which calls ``fit``, evaluates its result and calls ``save``.
"""

import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from forewarn.errors import ConfigurationError
from models.serving.artifact import (
    BOOSTER,
    FORMAT,
    ONE_MODEL_FORMAT,
    TYPOLOGY,
    ArtifactManifest,
    booster_of,
    calibration_of,
    write_artifact,
)
from models.serving.calibration import Calibrator
from models.serving.drift import REFERENCE, make_reference
from models.training.calibration_fit import halves
from models.training.classifier import LogOddsClassifier, model_text, n_trees
from models.training.dataset_checks import Finding, check_dataset, check_split
from models.training.dataset_split import Split, split
from models.training.threshold_advice import recommend
from models.training.train_options import TrainOptions
from models.training.training_dataset import Dataset
from models.training.trigger_fit import FittingRows, TriggerModels, fit_all
from models.training.typology_model import train_typologies


@dataclass(slots=True)
class TrainingResult:
    """What a run found: the fitted parts and everything that a report is written from."""

    options: TrainOptions
    dataset: Dataset
    split: Split
    models: TriggerModels
    thresholds: dict[str, float]
    findings: list[Finding]
    typologies: tuple[str, ...]
    typology_text: str
    probability: dict[str, NDArray[np.float64]]

    @property
    def estimator(self) -> LogOddsClassifier:
        """Trees of the common model."""
        return self.models.common.estimator

    @property
    def calibrator(self) -> Calibrator:
        """Of the common model."""
        return self.models.common.calibrator

    def label(self, part: str) -> NDArray[np.int8]:
        """Labels of a part as known when it was used."""
        return self.split.label[part]

    def weight(self, part: str) -> NDArray[np.float64]:
        """Weights of a part's rows."""
        return self.split.weight[part]


def fit(
    dataset: Dataset, options: TrainOptions, progress: Callable[[str], None] = lambda _: None
) -> TrainingResult:
    """Everything of a run but its report and artifact.

    Raises:
        ConfigurationError: for data that cannot be trained on.
    """
    findings = [*options.findings, *check_dataset(dataset, options.seed)]
    parts = split(dataset, options.split)
    findings += check_split(dataset, parts)
    for name, part in parts.parts.items():
        positives = int(parts.label[name].sum())
        if positives == 0:
            raise ConfigurationError(
                f"the {name} part has no fraud among {len(part)} rows",
                hint="Train on a longer period or more people, or change the split.",
            )
    train, later = parts.parts["train"], parts.parts["calibrate"]
    early, fitting = halves(later, parts.label["calibrate"], by_group=options.split.by_group)
    parameters = dict(options.parameters)
    if options.search_trials:
        from models.training.parameter_search import search  # noqa: PLC0415  # optuna takes a second to load

        progress("searching parameters")
        parameters |= search(parts, early, options, parameters)
    rows = FittingRows.of(parts, options, early, fitting)
    models = fit_all(rows, options, parameters, progress)
    probability = {
        name: models.probability(part) for name, part in parts.parts.items() if len(part)
    }
    thresholds = _thresholds(parts, models, fitting, options)
    label = parts.label
    text, names = train_typologies(train, label["train"], options.seed, options.num_threads)
    return TrainingResult(
        options, dataset, parts, models, thresholds, findings, names, text, probability
    )


def save(run: TrainingResult, directory: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write the artifact of a run below ``directory``; ``files`` are the report and the like."""
    train = run.split.parts["train"]
    manifest = ArtifactManifest(
        format=FORMAT if run.models.own else ONE_MODEL_FORMAT,
        created_ms=run.options.created_ms,
        fingerprint=run.dataset.fingerprint,
        features=run.dataset.features,
        rows=len(run.dataset),
        positives=int(run.dataset.label.sum()),
        data_from_ms=int(run.dataset.time_ms[0]),
        data_until_ms=int(run.dataset.time_ms[-1]),
        test_from_ms=run.split.from_ms["test"],
        seed=run.options.seed,
        thresholds={name: float(value) for name, value in run.thresholds.items()},
        typologies=run.typologies,
        triggers=dict(run.models.triggers),
        parameters=_jsonable(
            run.estimator.get_params()
            | {"trees": n_trees(run.estimator), "monotone": dict(run.options.monotone)}
            | {"split": _split_facts(run), "costs": asdict(run.options.costs)}
        ),
        libraries={name: version(name) for name in ("lightgbm", "numpy", "scikit-learn")}
        | {"python": platform.python_version()},
        parent=run.options.parent,
    )
    reference = make_reference(
        train.vectors, run.probability["train"], run.dataset.features, run.weight("train")
    )
    content: dict[str, str | bytes] = {
        BOOSTER: model_text(run.estimator),
        REFERENCE: msgspec.json.encode(reference),
        **run.options.files,
        **files,
    }
    for name, model in run.models.own.items():
        content[booster_of(name)] = model_text(model.estimator)
        content[calibration_of(name)] = msgspec.json.format(msgspec.json.encode(model.calibrator))
    if run.typology_text:
        content[TYPOLOGY] = run.typology_text
    return write_artifact(
        directory, manifest, run.calibrator, content, signing_key=run.options.signing_key
    )


def _thresholds(
    parts: Split, models: TriggerModels, fitting: NDArray[np.bool_], options: TrainOptions
) -> dict[str, float]:
    """Thresholds from rows that neither the trees nor their calibration saw (cross-fitting)."""
    rows = np.flatnonzero(fitting)
    part = parts.parts["calibrate"].take(rows)
    label, weight = parts.label["calibrate"][rows], parts.weight["calibrate"][rows]
    probability = models.cross_fitted(
        part, label, weight, options.calibration, by_group=options.split.by_group
    )
    # Half of the people stand for all of them: a capacity is one of the whole population.
    scale = parts.weight["calibrate"].sum() / weight.sum()
    return recommend(part, probability, label, weight * scale, options.costs)


def _split_facts(run: TrainingResult) -> dict[str, object]:
    """How rows were divided, with what was derived from the data in place of None."""
    derived = {"embargo_days": run.split.embargo_days, "warmup_days": run.split.warmup_days}
    return asdict(run.options.split) | derived


def _jsonable(values: Mapping[str, object]) -> dict[str, object]:
    return {k: v for k, v in values.items() if isinstance(v, (int, float, str, dict, type(None)))}
