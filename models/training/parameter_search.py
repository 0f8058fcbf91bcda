"""A bounded search for parameters; off by default, since good features beat it by far."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray

from models.evaluation.ranking_measures import average_precision
from models.training.classifier import fit_classifier, make_classifier
from models.training.dataset_split import Split
from models.training.train_options import TrainOptions


def search(
    split: Split, early: NDArray[np.bool_], options: TrainOptions, given: Mapping[str, object]
) -> dict[str, object]:
    """Search on train against the rows for early stopping; returns the best parameters.

    The other half of the later slice stays unseen: the calibration is fitted on it. ``given`` holds for
    whatever is not searched. Bounded by ``search_trials`` and ``search_seconds``, whichever ends first. The size of trees is
    not searched beyond what a worker can score fast enough.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    train, later = split.parts["train"], split.parts["calibrate"].take(early)
    label, weight = split.label["calibrate"][early], split.weight["calibrate"][early]
    vectors = split.training_vectors(options.ages)

    def value(trial: optuna.Trial) -> float:
        tried: dict[str, Any] = {
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
            "num_leaves": trial.suggest_int("num_leaves", 8, 31),
            "min_child_weight": trial.suggest_float("min_child_weight", 0.1, 20.0, log=True),
            "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
            "reg_lambda": trial.suggest_float("reg_lambda", 0.1, 50.0, log=True),
        }
        model = fit_classifier(
            make_classifier(
                train.features,
                monotone=options.monotone,
                exclude=options.exclude,
                random_state=options.seed,
                n_jobs=options.num_threads,
                **{**given, **tried},
            ),
            vectors,
            split.label["train"],
            split.weight["train"],
            validation=(later.vectors, label, weight),
            features=train.features,
        )
        score = model.decision_function(later.vectors)
        return average_precision(score, label, weight)

    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=options.seed)
    )
    study.optimize(value, n_trials=options.search_trials, timeout=options.search_seconds)
    return {**given, **study.best_params}
