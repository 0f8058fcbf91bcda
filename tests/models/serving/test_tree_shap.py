"""Compiled contributions are LightGBM's own, whatever the forest looks like."""

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn.errors import ArtifactError
from models.serving.tree_shap import compile_tree_shap

FEATURES = 7


def train(
    draw: np.random.Generator, *, leaves: int, depth: int, missing: float
) -> lightgbm.Booster:
    """A forest over skewed, discrete and repeated features, of which some decide together."""
    x = draw.normal(size=(400, FEATURES))
    x[:, 1] = draw.integers(0, 4, len(x))
    x[:, 2] *= 1e9
    x[:, 3] = draw.exponential(3.0, len(x)) * (draw.random(len(x)) < 0.5)
    x[draw.random(x.shape) < missing] = np.nan
    known = np.nan_to_num(x)
    label = (known[:, 0] * known[:, 1] + known[:, 3] > draw.normal(1.0, 1.0, len(x))).astype(int)
    parameters = {
        "objective": "binary", "num_leaves": leaves, "max_depth": depth, "min_data_in_leaf": 2,
        "verbosity": -1, "num_threads": 1, "seed": 1,
    }  # fmt: skip
    data = lightgbm.Dataset(x.astype(np.float32), label)
    trained = lightgbm.train(parameters, data, 8)
    return lightgbm.Booster(model_str=trained.model_to_string())


def rows_of(draw: np.random.Generator) -> np.ndarray:
    rows = draw.normal(size=(40, FEATURES)).astype(np.float32)
    rows[:, 3] = draw.exponential(3.0, len(rows))
    rows[draw.random(rows.shape) < 0.3] = np.nan  # also where training saw no missing value
    rows[:5] = [[value] * FEATURES for value in (np.inf, -np.inf, 0.0, np.nan, 3.4e38)]
    return rows


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    leaves=st.integers(2, 48),
    depth=st.sampled_from([-1, 1, 3, 6]),
    missing=st.sampled_from([0.0, 0.2]),
)
def test_contributions_are_lightgbms(seed: int, leaves: int, depth: int, missing: float) -> None:
    draw = np.random.default_rng(seed)
    booster = train(draw, leaves=leaves, depth=depth, missing=missing)
    rows = rows_of(draw)
    expected = booster.predict(rows, pred_contrib=True, num_threads=1)[:, :FEATURES]
    found = compile_tree_shap(booster.dump_model()).contributions(rows)
    assert np.abs(found - expected).max() < 1e-6


def test_paths_longer_than_one_pass_are_exact() -> None:
    """A tree that asks about every feature in turn has the longest paths of different features."""
    draw = np.random.default_rng(3)
    x = draw.random((2_000, 24)).astype(np.float32)
    # Each feature cuts off a small part: the tree becomes a chain.
    label = np.argmax(np.c_[x < 0.08, np.ones(len(x), bool)], axis=1) % 2
    parameters = {"objective": "binary", "num_leaves": 40, "min_data_in_leaf": 5, "verbosity": -1}
    trained = lightgbm.train({**parameters, "num_threads": 1}, lightgbm.Dataset(x, label), 5)
    compiled = compile_tree_shap(trained.dump_model())
    assert compiled.passes.max() > 1
    expected = trained.predict(x[:50], pred_contrib=True, num_threads=1)[:, :24]
    assert np.abs(compiled.contributions(x[:50]) - expected).max() < 1e-6


def test_a_tree_of_one_leaf_contributes_nothing() -> None:
    x = np.zeros((100, FEATURES), np.float32)
    trained = lightgbm.train(
        {"objective": "binary", "verbosity": -1, "num_threads": 1},
        lightgbm.Dataset(x, np.arange(100) % 2), 2,
    )  # fmt: skip
    assert not compile_tree_shap(trained.dump_model()).contributions(x[:3]).any()


def test_categorical_splits_are_refused_not_misread() -> None:
    draw = np.random.default_rng(6)
    x = draw.integers(0, 8, (2_000, 2)).astype(float)
    trained = lightgbm.train(
        {"objective": "binary", "verbosity": -1, "num_threads": 1},
        lightgbm.Dataset(x, np.isin(x[:, 0], (1, 5, 6)).astype(int), categorical_feature=[0]), 3,
    )  # fmt: skip
    with pytest.raises(ArtifactError, match="splits"):
        compile_tree_shap(trained.dump_model())
