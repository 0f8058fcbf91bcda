"""Data that cannot be trained on is refused; data that misleads is named."""

from dataclasses import replace

import numpy as np
import pytest

from forewarn.errors import ConfigurationError
from models.training.dataset_checks import check_dataset
from models.training.training_dataset import Dataset
from models.training.training_run import fit
from tests.models.conftest import options


def test_a_sound_dataset_has_no_warnings(dataset: Dataset) -> None:
    assert [one for one in check_dataset(dataset) if one.level == "warning"] == []


def test_a_leaking_column_is_warned_about(dataset: Dataset) -> None:
    vectors = dataset.vectors.copy()
    rng = np.random.default_rng(0)
    vectors[:, 5] = dataset.label * 10 + rng.normal(size=len(dataset))
    vectors[:, 6] = np.where(dataset.label == 1, 1.0, np.nan)  # leaks by being there at all
    found = check_dataset(replace(dataset, vectors=vectors))
    assert {one.about for one in found if one.level == "warning"} == {"f5", "f6"}


@pytest.mark.parametrize(("label", "message"), [(0, "no row"), (1, "every row")])
def test_a_single_class_is_refused(dataset: Dataset, label: int, message: str) -> None:
    one = replace(dataset, label=np.full(len(dataset), label, np.int8))
    with pytest.raises(ConfigurationError, match=message):
        fit(one, options())


def test_infinite_values_are_refused_by_name(dataset: Dataset) -> None:
    vectors = dataset.vectors.copy()
    vectors[3, 4] = np.inf
    with pytest.raises(ConfigurationError, match="f4"):
        check_dataset(replace(dataset, vectors=vectors))


def test_a_part_without_fraud_is_refused_with_advice(dataset: Dataset) -> None:
    early = dataset.take((dataset.label == 0) | (dataset.time_ms < dataset.time_ms[0] + 10**9))
    with pytest.raises(ConfigurationError, match="longer period"):
        fit(early, options())
