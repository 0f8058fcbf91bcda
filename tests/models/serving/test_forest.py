"""The compiled forest gives LightGBM's bits."""

import lightgbm
import numpy as np
import pytest

from forewarn.errors import ArtifactError
from models.serving.forest import compile_forest


def _booster(seed: int, *, nan: float, depth: int, leaves: int) -> lightgbm.Booster:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3_000, 12))
    x[:, 3] = rng.integers(0, 5, 3_000)
    x[:, 4] *= 1e9
    if nan:
        x[rng.random(x.shape) < nan] = np.nan
    y = (np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 1]) * np.nan_to_num(x[:, 2]) > 0.5).astype(int)
    trained = lightgbm.train(
        {"objective": "binary", "max_depth": depth, "num_leaves": leaves, "verbosity": -1,
         "num_threads": 1, "min_data_in_leaf": 3, "seed": seed},
        lightgbm.Dataset(x.astype(np.float32), y), 25,
    )  # fmt: skip
    # As a worker has it: read from text.
    return lightgbm.Booster(model_str=trained.model_to_string())


@pytest.mark.parametrize("nan", [0.0, 0.15])
@pytest.mark.parametrize(("depth", "leaves"), [(6, 31), (-1, 63), (1, 2)])
def test_scores_are_the_same_bits_as_lightgbms(nan: float, depth: int, leaves: int) -> None:
    booster = _booster(1, nan=nan, depth=depth, leaves=leaves)
    compiled = compile_forest(booster.dump_model())
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(1_003, 12)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.2] = np.nan  # also where training saw no missing value
    rows[:5] = [[value] * 12 for value in (np.inf, -np.inf, 0.0, -0.0, 3.4e38)]
    assert np.array_equal(compiled.raw(rows), booster.predict(rows, raw_score=True))


def test_values_at_a_threshold_go_where_lightgbm_sends_them() -> None:
    booster = _booster(3, nan=0.1, depth=4, leaves=15)
    compiled = compile_forest(booster.dump_model())
    edges = compiled.threshold[np.isfinite(compiled.threshold)][:200]
    around = np.r_[edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)]
    rows = np.repeat(around.astype(np.float32)[:, None], 12, axis=1)
    assert np.array_equal(compiled.raw(rows), booster.predict(rows, raw_score=True))


def test_a_row_scores_alike_alone_and_among_others() -> None:
    compiled = compile_forest(_booster(4, nan=0.1, depth=6, leaves=31).dump_model())
    rows = np.random.default_rng(5).normal(size=(37, 12)).astype(np.float32)
    together = compiled.raw(rows)
    alone = np.concatenate([compiled.raw(rows[i : i + 1]) for i in range(len(rows))])
    assert np.array_equal(together, alone)
    assert len(compiled.raw(rows[:0])) == 0


def test_categorical_splits_are_refused_not_misread() -> None:
    rng = np.random.default_rng(6)
    x = rng.integers(0, 8, (2_000, 2)).astype(float)
    y = np.isin(x[:, 0], (1, 5, 6)).astype(int)
    booster = lightgbm.train(
        {"objective": "binary", "verbosity": -1, "num_threads": 1},
        lightgbm.Dataset(x, y, categorical_feature=[0]), 3,
    )  # fmt: skip
    with pytest.raises(ArtifactError, match="splits"):
        compile_forest(booster.dump_model())


def test_classes_score_as_lightgbms() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(600, 6)).astype(np.float32)
    label = rng.integers(0, 5, len(x))
    trained = lightgbm.train(
        {"objective": "multiclass", "num_class": 5, "num_leaves": 8, "verbosity": -1,
         "num_threads": 1},
        lightgbm.Dataset(x, label), 10,
    )  # fmt: skip
    compiled = compile_forest(trained.dump_model())
    assert np.array_equal(compiled.raw_classes(x), trained.predict(x, raw_score=True))
