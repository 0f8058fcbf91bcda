"""Calibrations without scikit-learn are scikit-learn's."""

import msgspec
import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from forewarn.errors import ArtifactError, ConfigurationError
from models.serving.calibration import LARGEST, SMALLEST, Calibrator
from models.training.calibration_fit import TILT, calibrate, cross_fitted
from models.training.train_artifact import Trained


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
    assert np.allclose(ours.apply(model.decision_function(rows)), expected, atol=2 * TILT)


def test_an_isotonic_calibration_keeps_the_order_of_the_trees(trained: Trained) -> None:
    """Steps would be ties: a budget of fifty warnings could not tell the first from the last."""
    model, part = trained.run.estimator, trained.run.split.parts["calibrate"]
    label, weight = trained.run.label("calibrate"), trained.run.weight("calibrate")
    fitted = calibrate(model, part.vectors, label, weight, "isotonic")
    raw = np.unique(model.decision_function(trained.run.split.parts["test"].vectors))
    assert len(np.unique(np.interp(raw, fitted.raw, fitted.probability))) < len(raw) / 2
    kept = msgspec.json.decode(msgspec.json.encode(fitted), type=Calibrator)
    apart = np.diff(raw) > 1e-6  # log-odds nearer than this are equal for all purposes
    assert (np.diff(kept.apply(raw))[apart] > 0).all()
    assert np.array_equal(kept.apply(raw), fitted.apply(raw))


def test_artifacts_from_before_keep_their_probabilities() -> None:
    old = Calibrator(method="isotonic", raw=(-1.0, 1.0), probability=(0.0, 0.5))
    assert old.apply(np.array([0.0, 3.0])).tolist() == [0.25, 0.5]


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
        Calibrator(method="isotonic", raw=(0.0,), probability=(0.1,), tilt=-1.0),
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


@pytest.mark.parametrize(("rows", "frauds"), [(4, 1), (5, 1), (8, 4)])
def test_a_slice_of_a_few_rows_is_refused(trained: Trained, rows: int, frauds: int) -> None:
    vectors = trained.run.split.parts["calibrate"].vectors[:rows]
    label = np.array([1] * frauds + [0] * (rows - frauds), np.int8)
    with pytest.raises(ConfigurationError, match=f"{frauds} frauds among {rows} rows"):
        calibrate(trained.run.estimator, vectors, label, np.ones(rows))


def test_probabilities_for_a_threshold_come_from_other_peoples_calibration(
    trained: Trained,
) -> None:
    part, model = trained.run.split.parts["calibrate"], trained.run.estimator
    label, weight = trained.run.label("calibrate"), trained.run.weight("calibrate")
    whole = calibrate(model, part.vectors, label, weight, "platt")
    seen = whole.apply(model.decision_function(part.vectors))
    crossed = cross_fitted(model, part, label, weight, "platt", by_group=True)
    assert not np.allclose(crossed, seen, atol=1e-6)
    assert np.corrcoef(crossed, seen)[0, 1] > 0.95
    flipped = label.copy()
    person = part.group[label == 1][0]
    mine = part.group == person
    flipped[mine] = 1 - label[mine]
    again = cross_fitted(model, part, flipped, weight, "platt", by_group=True)
    assert np.array_equal(again[mine], crossed[mine])  # their own labels had no say
