"""Calibrations without scikit-learn are scikit-learn's."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from forewarn.errors import ArtifactError, ConfigurationError
from models.calibration import LARGEST, SMALLEST, Calibrator
from models.training.calibrate import calibrate
from models.training.train import Trained


@pytest.mark.parametrize("method", ["platt", "isotonic"])
@pytest.mark.filterwarnings("ignore:Since FrozenEstimator")
def test_numbers_in_json_give_the_probabilities_of_the_fitted_object(
    trained: Trained, method: str
) -> None:
    model, part = trained.run.estimator, trained.run.split.parts["calibrate"]
    label, weight = trained.run.label("calibrate"), trained.run.weight("calibrate")
    ours = calibrate(model, part.vectors, label, weight, method)  # type: ignore[arg-type]
    theirs = CalibratedClassifierCV(
        FrozenEstimator(model),
        method="sigmoid" if method == "platt" else "isotonic",
        ensemble=False,
    ).fit(part.vectors, label, sample_weight=weight)
    rows = trained.run.split.parts["test"].vectors
    expected = theirs.predict_proba(rows)[:, 1].clip(SMALLEST, LARGEST)
    assert np.allclose(ours.apply(model.decision_function(rows)), expected, atol=1e-9)


def test_calibration_never_turns_the_ranking_round() -> None:
    raw = np.linspace(-800, 800, 501)
    for calibrator in (
        Calibrator(method="isotonic", raw=(-2.0, 0.0, 1.0), probability=(0.0, 0.3, 0.9)),
        Calibrator(method="platt", slope=-1.3, intercept=2.0),
        Calibrator(),
    ):
        result = calibrator.apply(raw)
        assert np.all(np.diff(result) >= 0)
        assert result.min() >= SMALLEST
        assert result.max() <= LARGEST


@pytest.mark.parametrize(
    "broken",
    [
        Calibrator(method="isotonic", raw=(1.0, 0.0), probability=(0.1, 0.2)),
        Calibrator(method="isotonic", raw=(0.0, 1.0), probability=(0.5, 0.2)),
        Calibrator(method="isotonic", raw=(0.0,), probability=(0.1, 0.2)),
        Calibrator(method="isotonic", raw=(0.0, 1.0), probability=(0.1, 1.2)),
        Calibrator(method="platt", slope=1.0),
        Calibrator(method="platt", intercept=float("nan")),
    ],
)
def test_what_is_no_calibration_is_refused(broken: Calibrator) -> None:
    with pytest.raises(ArtifactError, match="calibration"):
        broken.check()


def test_a_slice_of_one_class_is_refused(trained: Trained) -> None:
    part = trained.run.split.parts["calibrate"]
    none = np.zeros(len(part), np.int8)
    with pytest.raises(ConfigurationError, match="0 frauds"):
        calibrate(trained.run.estimator, part.vectors, none, np.ones(len(part)))
