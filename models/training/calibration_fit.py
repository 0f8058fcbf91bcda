"""Fitting the calibration on a later slice, and writing it down as numbers."""

import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from forewarn.errors import ConfigurationError
from models.serving.calibration import Calibrator
from models.training.training_dataset import Dataset

Method = Literal["isotonic", "platt", "auto"]

ISOTONIC_POSITIVES = 300
"""From how many frauds isotonic regression beats Platt's two numbers; below it learns the noise."""


LEAST_FRAUDS = 5
"""In each half; fewer cannot be divided, and the report says how few there are."""

LEAST_ROWS = 5
"""Of the larger class: scikit-learn asks for as many before it looks whether the estimator is frozen."""

TILT = 1e-6
"""How much of the uncalibrated probability an isotonic one keeps, so that its steps are no ties."""


def calibrate(
    estimator: object,
    vectors: NDArray[np.float32],
    label: NDArray[np.int8],
    weight: NDArray[np.float64],
    method: Method = "auto",
) -> Calibrator:
    """Calibrate a fitted estimator, left as it is, on rows that it has not seen.

    Raises:
        ConfigurationError: if the slice has no fraud or nothing but fraud, or hardly any rows.
    """
    positives = int(label.sum())
    if positives in (0, len(label)) or max(positives, len(label) - positives) < LEAST_ROWS:
        raise ConfigurationError(
            f"the calibration slice has {positives} frauds among {len(label)} rows",
            hint="Train on a longer period, so that labels of both classes fall into each part.",
        )
    if method == "auto":
        method = "isotonic" if positives >= ISOTONIC_POSITIVES else "platt"
    with warnings.catch_warnings():
        # The frozen estimator is not fitted again, so it has no use for the weights.
        warnings.filterwarnings("ignore", message="Since FrozenEstimator does not appear")
        fitted = CalibratedClassifierCV(
            FrozenEstimator(estimator),
            method="sigmoid" if method == "platt" else "isotonic",
            ensemble=False,
        ).fit(vectors, label, sample_weight=weight)
    inner = fitted.calibrated_classifiers_[0].calibrators[0]
    if method == "platt":
        slope, intercept = float(inner.a_), float(inner.b_)
        return Calibrator(method="platt", slope=min(slope, 0.0), intercept=intercept)
    return Calibrator(
        method="isotonic",
        raw=tuple(float(x) for x in inner.X_thresholds_),
        probability=tuple(float(y) for y in inner.y_thresholds_),
        tilt=TILT,
    )


def cross_fitted(
    estimator: Any,
    part: Dataset,
    label: NDArray[np.int8],
    weight: NDArray[np.float64],
    method: Method,
    *,
    by_group: bool,
) -> NDArray[np.float64]:
    """Probabilities of each half by a calibration fitted on the other half, [n].

    A threshold found on the rows that a calibration was fitted to would trust it too much.
    """
    if method == "auto":  # as the whole will be calibrated, not as a half would be
        method = "isotonic" if int(label.sum()) >= ISOTONIC_POSITIVES else "platt"
    one, other = halves(part, label, by_group=by_group, salt=1)
    probability = np.empty(len(part))
    for fitted, judged in ((one, other), (other, one)):
        calibrator = calibrate(
            estimator, part.vectors[fitted], label[fitted], weight[fitted], method
        )
        raw = estimator.decision_function(part.vectors[judged])
        probability[judged] = calibrator.apply(raw)
    return probability


def halves(
    part: Dataset, label: NDArray[np.int8], *, by_group: bool, salt: int = 0
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two halves of a part by person, or by row; twice the whole where frauds are too few.

    Trees stopped at the round that suits a row best would look too sure on that same row. ``salt``
    gives another division.
    """
    key = np.arange(len(part))
    if by_group:
        _, key = np.unique(part.group, return_inverse=True)
    # Some bit of a Fibonacci hash: neighbours fall apart, and each salt takes another bit.
    odd = (key.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40 + salt)) % 2 == 1
    fraud = label == 1
    if fraud[odd].sum() >= LEAST_FRAUDS and fraud[~odd].sum() >= LEAST_FRAUDS:
        return odd, ~odd
    every = np.ones(len(part), np.bool_)
    return every, every
