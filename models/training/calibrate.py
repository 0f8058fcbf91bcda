"""Fitting the calibration on a later slice, and writing it down as numbers."""

import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from forewarn.errors import ConfigurationError
from models.calibration import Calibrator

Method = Literal["isotonic", "platt", "auto"]

ISOTONIC_POSITIVES = 300
"""From how many frauds isotonic regression beats Platt's two numbers; below it learns the noise."""


def calibrate(
    estimator: Any,
    vectors: NDArray[np.float32],
    label: NDArray[np.int8],
    weight: NDArray[np.float64],
    method: Method = "auto",
) -> Calibrator:
    """Calibrate a fitted estimator, left as it is, on rows that it has not seen.

    Raises:
        ConfigurationError: if the slice has no fraud or nothing but fraud.
    """
    positives = int(label.sum())
    if positives == 0 or positives == len(label):
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
    )
