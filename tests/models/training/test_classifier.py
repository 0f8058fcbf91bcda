"""The classifier keeps scikit-learn's conventions and our own promises."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from models.training.classifier import (
    fit_classifier,
    make_classifier,
    model_text,
    n_trees,
)

NAMES = ["f0", "f1", "f2", "f3"]


def _known(_: Any) -> dict[str, str]:
    drawn = (
        "rows of every tree are drawn: a weight of 2 and a row given twice are drawn differently"
    )
    return {
        "check_sample_weight_equivalence_on_dense_data": drawn,
        "check_sample_weight_equivalence_on_sparse_data": drawn,
        "check_no_attributes_set_in_init": "LightGBM's own __init__ sets private attributes",
        "check_all_zero_sample_weights_error": "fit_classifier refuses them, LightGBM does not",
    }


@parametrize_with_checks([make_classifier(n_estimators=20)], expected_failed_checks=_known)
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def _data(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2_000, 4))
    y = (x[:, 0] + 0.5 * x[:, 1] + rng.normal(size=2_000) > 1).astype(int)
    return x, y


def test_it_works_in_pipelines_and_cross_validation() -> None:
    x, y = _data()
    model = make_pipeline(StandardScaler(), make_classifier(n_estimators=30))
    assert cross_val_score(model, x, y, cv=3, scoring="roc_auc").min() > 0.75


def test_a_known_sign_is_kept_everywhere() -> None:
    x, y = _data()
    noisy = y ^ (x[:, 2] > 0.3)  # invites a model to bend feature 0
    model = make_classifier(NAMES, n_estimators=60, monotone={"f0": 1}).fit(x, noisy)
    grid = np.repeat(x[:40], 50, axis=0)
    grid[:, 0] = np.tile(np.linspace(-4, 4, 50), 40)
    steps = np.diff(model.decision_function(grid).reshape(40, 50), axis=1)
    assert (steps >= -1e-12).all()
    free = make_classifier(NAMES, n_estimators=60).fit(x, noisy)
    assert (np.diff(free.decision_function(grid).reshape(40, 50), axis=1) < 0).any()


def test_excluded_features_are_never_split_on() -> None:
    x, y = _data()
    model = make_classifier(NAMES, n_estimators=40, exclude=("f0",)).fit(x, y)
    assert model.booster_.feature_importance()[0] == 0
    assert model.booster_.feature_importance()[1] > 0


def test_early_stopping_looks_at_later_rows() -> None:
    x, y = _data()
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 2, 500)
    kept = fit_classifier(
        make_classifier(n_estimators=200), x, y, validation=(x[:500], noise, None),
        early_stopping_rounds=5,
    )  # fmt: skip
    assert n_trees(kept) < 20


def test_equal_seeds_give_equal_trees_and_copies_score_alike() -> None:
    x, y = _data()
    first = make_classifier(n_estimators=20, random_state=3).fit(x, y)
    again = make_classifier(n_estimators=20, random_state=3).fit(x, y)
    assert model_text(first) == model_text(again)
    assert model_text(first) != model_text(
        make_classifier(n_estimators=20, random_state=4).fit(x, y)
    )
    copy = pickle.loads(pickle.dumps(first))  # our own bytes
    assert np.array_equal(copy.predict_proba(x), first.predict_proba(x))


def test_one_class_is_refused_by_name() -> None:
    x, _ = _data()
    with pytest.raises(ValueError, match="one class"):
        fit_classifier(make_classifier(), x, np.zeros(len(x), int), validation=(x, None, None))


def test_weights_that_are_all_zero_are_refused() -> None:
    x, y = _data()
    with pytest.raises(ValueError, match="zero"):
        fit_classifier(make_classifier(), x, y, np.zeros(len(x)), validation=(x, y, None))


def test_three_classes_are_refused() -> None:
    x, y = _data()
    with pytest.raises(ValueError, match="3 classes"):
        fit_classifier(make_classifier(), x, y + (x[:, 0] > 1), validation=(x, y, None))
