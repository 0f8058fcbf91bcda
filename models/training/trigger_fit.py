"""Models of single triggers beside the common one: which triggers get one, and how it is fitted.

A call that begins, a call that ended and an attempted transfer are judged by different facts. Models of their
own are right more often where warnings are few (docs/decisions/027), and are fitted on request. A model
needs frauds of its own to learn from, to stop the training by and to calibrate on; where one of these is
missing, the common model scores the trigger, and the manifest and the report say so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.policy.event_status import KIND_OF_TRIGGER
from models.serving.artifact import TriggerModel
from models.serving.calibration import Calibrator
from models.training.calibration_fit import Method, calibrate, cross_fitted
from models.training.classifier import (
    LogOddsClassifier,
    fit_classifier,
    make_classifier,
    n_trees,
)
from models.training.dataset_split import Split
from models.training.train_options import TrainOptions
from models.training.training_dataset import Dataset

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

LEAST_TO_LEARN = 240
"""Labelled events of frauds of a trigger in the train part: ten for each of the 24 leaves of a tree."""

LEAST_TO_JUDGE = 20
"""The same in each half of the later part: one stops the training, the other calibrates."""


@dataclass(frozen=True, slots=True)
class CalibratedModel:
    """A fitted classifier and its calibration."""

    estimator: LogOddsClassifier
    calibrator: Calibrator

    def raw(self, vectors: NDArray[np.float32]) -> Floats:
        """Log-odds, [n]."""
        return self.estimator.decision_function(vectors)

    def probability(self, vectors: NDArray[np.float32]) -> Floats:
        """Calibrated, [n]."""
        return self.calibrator.apply(self.raw(vectors))


@dataclass(frozen=True, slots=True)
class TriggerModels:
    """The common model, those of triggers by name, and what is said of every trigger."""

    common: CalibratedModel
    own: Mapping[str, CalibratedModel]
    triggers: Mapping[str, TriggerModel]

    def rows_by_model(
        self, kind: NDArray[np.uint8]
    ) -> list[tuple[CalibratedModel, NDArray[np.intp]]]:
        """Each model with the rows that it scores; all rows of events once."""
        common = np.ones(len(kind), np.bool_)
        found = []
        for name, model in self.own.items():
            rows = kind == KIND_OF_TRIGGER[name]
            common &= ~rows
            found.append((model, np.flatnonzero(rows)))
        return [(self.common, np.flatnonzero(common)), *found]

    def probability(self, part: Dataset) -> Floats:
        """Calibrated probabilities of a part's rows, [n], each by the model of its event."""
        found = np.empty(len(part))
        for model, rows in self.rows_by_model(part.kind):
            if len(rows):
                found[rows] = model.probability(part.vectors[rows])
        return found

    def cross_fitted(
        self, part: Dataset, label: NDArray[np.int8], weight: Floats, method: Method, *,
        by_group: bool,
    ) -> Floats:  # fmt: skip
        """The same of rows that the calibrations were fitted to, each half by the other half's calibration."""
        found = np.empty(len(part))
        common = cross_fitted(self.common.estimator, part, label, weight, method, by_group=by_group)
        for model, rows in self.rows_by_model(part.kind):
            if model is self.common:
                found[rows] = common[rows]
                continue
            found[rows] = cross_fitted(
                model.estimator, part.take(rows), label[rows], weight[rows], method,
                by_group=by_group,
            )  # fmt: skip
        return found


@dataclass(frozen=True, slots=True)
class FittingRows:
    """Rows of a run: the train part's with its ages capped, and the halves of the later part."""

    parts: Split
    vectors: NDArray[np.float32]
    early: Flags
    fitting: Flags

    @classmethod
    def of(cls, parts: Split, options: TrainOptions, early: Flags, fitting: Flags) -> "FittingRows":
        """The rows with ages capped as the options say."""
        return cls(parts, parts.training_vectors(options.ages), early, fitting)


def fit_all(
    rows: FittingRows,
    options: TrainOptions,
    parameters: Mapping[str, object],
    progress: Callable[[str], None],
) -> TriggerModels:
    """Fit the common model, and if the options ask for it one for each trigger with enough frauds."""
    train, later = rows.parts.parts["train"], rows.parts.parts["calibrate"]
    progress(f"fitting on {len(train):,} rows")
    every = (np.ones(len(train), np.bool_), np.ones(len(later), np.bool_))
    common = _fit(rows, options, parameters, every)
    progress(f"calibrated {n_trees(common.estimator)} trees on {len(later):,} later rows")
    own: dict[str, CalibratedModel] = {}
    triggers: dict[str, TriggerModel] = {}
    if not options.by_trigger or not train.kind.any():
        return TriggerModels(common, own, triggers)
    for name, kind in KIND_OF_TRIGGER.items():
        chosen = (train.kind == kind, later.kind == kind)
        frauds = int(rows.parts.label["train"][chosen[0]].sum())
        lacking = _lacking(rows, chosen)
        if lacking:
            progress(f"{name}: scored by the common model, {lacking}")
            triggers[name] = TriggerModel(model="common", why=lacking, frauds=frauds)
            continue
        own[name] = _fit(rows, options, parameters, chosen)
        trees = n_trees(own[name].estimator)
        progress(f"{name}: {trees} trees of its own from {frauds:,} events of frauds")
        triggers[name] = TriggerModel(
            model="own", why="enough frauds of its own", frauds=frauds, trees=trees
        )
    return TriggerModels(common, own, triggers)


def _fit(
    rows: FittingRows,
    options: TrainOptions,
    parameters: Mapping[str, object],
    chosen: tuple[Flags, Flags],
) -> CalibratedModel:
    """A model of the chosen rows of the train part and of the later part."""
    train, later = rows.parts.parts["train"], rows.parts.parts["calibrate"]
    of_train, of_later = chosen
    early, fitting = rows.early & of_later, rows.fitting & of_later
    label, weight = rows.parts.label, rows.parts.weight
    estimator = fit_classifier(
        make_classifier(
            train.features,
            monotone=options.monotone,
            exclude=options.exclude,
            random_state=options.seed,
            n_jobs=options.num_threads,
            **parameters,
        ),
        rows.vectors if of_train.all() else rows.vectors[of_train],
        label["train"][of_train],
        weight["train"][of_train],
        validation=(
            later.vectors[early], label["calibrate"][early], weight["calibrate"][early],
        ),
        features=train.features,
    )  # fmt: skip
    calibrator = calibrate(
        estimator,
        later.vectors[fitting],
        label["calibrate"][fitting],
        weight["calibrate"][fitting],
        options.calibration,
    )
    return CalibratedModel(estimator, calibrator)


def _lacking(rows: FittingRows, chosen: tuple[Flags, Flags]) -> str:
    """What a trigger lacks for a model of its own; empty if nothing."""
    of_train, of_later = chosen
    label = rows.parts.label
    for what, found, least in (
        ("to learn from", label["train"][of_train], LEAST_TO_LEARN),
        ("to stop the training by", label["calibrate"][rows.early & of_later], LEAST_TO_JUDGE),
        ("to calibrate on", label["calibrate"][rows.fitting & of_later], LEAST_TO_JUDGE),
    ):
        frauds = int(found.sum())
        if frauds < least or frauds == len(found):
            return f"{frauds} of its own {len(found):,} events {what} are of frauds, {least} are needed"
    return ""
