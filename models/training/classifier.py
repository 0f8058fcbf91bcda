"""LightGBM's scikit-learn classifier, with the choices that fraud data ask for."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

EARLY_STOPPING_ROUNDS = 40


class LogOddsClassifier(lightgbm.LGBMClassifier):
    """LightGBM's classifier with ``decision_function``, on which a calibration is fitted."""

    def decision_function(self, X: object) -> NDArray[np.float64]:  # noqa: N803  # scikit-learn's name
        """Log-odds of the positive class, [n]."""
        with warnings.catch_warnings():
            # Rows are arrays in the order of the features; LightGBM would like a frame.
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            return np.asarray(self.predict(X, raw_score=True), np.float64)


def make_classifier(
    features: Sequence[str] = (),
    *,
    monotone: Mapping[str, int] | None = None,
    exclude: Sequence[str] = (),
    **parameters: object,
) -> LogOddsClassifier:
    """Gradient-boosted trees for two classes; missing values are a value of their own.

    Depth is bounded because a worker walks every tree to its full depth, and the number of trees
    because twenty thousand events a second share one core with everything else. One thread is the
    default: OpenMP threads wait for each other, and a thread that lost its core to another process
    made the same training seven times slower. Results do not depend on the number of threads.

    Args:
        features: names of the columns; needed for ``monotone`` and ``exclude``.
        monotone: sign by feature name: 1 rising, -1 falling, 0 free.
        exclude: features that are never split on.
        parameters: replace the defaults; names as in ``lightgbm.LGBMClassifier``.
    """
    chosen: dict[str, object] = {
        "n_estimators": 300,  # early stopping usually takes fewer
        "learning_rate": 0.06,
        "num_leaves": 24,
        "max_depth": 6,
        "min_child_weight": 1.0,
        "min_child_samples": 5,
        "colsample_bytree": 0.6,
        "subsample": 0.8,
        "subsample_freq": 1,
        "reg_lambda": 5.0,
        "max_bin": 127,
        "random_state": 0,
        "n_jobs": 1,
        "deterministic": True,
        "force_col_wise": True,
        "verbosity": -1,
    }
    if features:
        signs = monotone or {}
        chosen["monotone_constraints"] = [signs.get(name, 0) for name in features]
        chosen["feature_contri"] = [0.0 if name in exclude else 1.0 for name in features]
    return LogOddsClassifier(**chosen | parameters)


def fit_classifier(
    classifier: LogOddsClassifier,
    vectors: NDArray[np.float32],
    label: NDArray[np.integer[Any]],
    weight: NDArray[np.float64] | None = None,
    *,
    validation: tuple[NDArray[np.float32], NDArray[np.integer[Any]], NDArray[np.float64] | None],
    features: Sequence[str] | None = None,
    early_stopping_rounds: int = EARLY_STOPPING_ROUNDS,
) -> LogOddsClassifier:
    """Fit on vectors [n, F] and labels [n] of two classes; returns the same classifier.

    Args:
        classifier: from ``make_classifier``.
        vectors: NaN is allowed.
        label: 0 or 1.
        weight: [n]; None for equal weights.
        validation: vectors, labels and weights of later rows. Training stops when their log loss
            stands still (average precision jumps about with few frauds).
        features: written into the model; the columns' numbers otherwise.
        early_stopping_rounds: how long the log loss may stand still.

    Raises:
        ValueError: if there are other than two classes, or no row has a weight.
    """
    classes = np.unique(label)
    if len(classes) != 2:
        found = (
            f"one class only: {classes[0]!r}" if len(classes) == 1 else f"{len(classes)} classes"
        )
        raise ValueError(f"two classes are needed, the labels have {found}")
    if weight is not None and not np.any(weight):
        raise ValueError("every weight is zero")
    later, later_label, later_weight = validation
    classifier.fit(
        vectors,
        label,
        sample_weight=weight,
        eval_X=(later,),
        eval_y=(later_label,),
        eval_sample_weight=[later_weight],
        feature_name=list(features) if features else "auto",
        callbacks=[lightgbm.early_stopping(early_stopping_rounds, verbose=False)],
    )
    return classifier


def n_trees(classifier: LogOddsClassifier) -> int:
    """Trees up to the best round of early stopping."""
    return int(classifier.best_iteration_ or classifier.n_estimators_)


def model_text(classifier: LogOddsClassifier) -> str:
    """LightGBM's text form of the trees up to the best round."""
    return str(classifier.booster_.model_to_string(num_iteration=n_trees(classifier)))
