"""A sampled dataset stands for the whole: frauds all there, honest people by their weights."""

from pathlib import Path

import numpy as np
import pytest

from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.simulator import Scenario, Town, simulate, write_town
from forewarn.simulator.default_training import history_of_town
from models.training.group_assignment import assign_groups
from models.training.history_dataset import dataset_of_directory, dataset_of_history
from models.training.row_sampling import in_sample, share_for
from models.training.training_dataset import Dataset

KEY = Pseudonymiser(b"only for these tests")


@pytest.fixture(scope="module")
def town() -> Town:
    return simulate(Scenario(seed=3, subscribers=300, days=12, prevalence=0.03, report_share=1.0))


@pytest.fixture(scope="module")
def whole(town: Town) -> Dataset:
    return dataset_of_history(history_of_town(town), KEY, report_share=1.0)


@pytest.fixture(scope="module")
def sampled(town: Town) -> Dataset:
    return dataset_of_history(history_of_town(town), KEY, report_share=1.0, honest_share=0.25)


def test_every_fraud_is_kept_with_its_vector(whole: Dataset, sampled: Dataset) -> None:
    assert whole.label.sum() > 50
    assert np.array_equal(
        whole.vectors[whole.label == 1], sampled.vectors[sampled.label == 1], equal_nan=True
    )
    for name in ("episode", "first_loss_ms", "exposure_minor", "label_time_ms"):
        one, other = getattr(whole, name), getattr(sampled, name)
        assert np.array_equal(one[whole.label == 1], other[sampled.label == 1])


def test_honest_people_are_in_with_all_their_rows_or_with_none(
    whole: Dataset, sampled: Dataset
) -> None:
    people, counts = np.unique(sampled.group[sampled.label == 0], return_counts=True)
    assert 0.15 < len(people) / len(np.unique(whole.group)) < 0.35
    for person, count in zip(people.tolist()[:40], counts.tolist(), strict=False):
        assert count == ((whole.group == person) & (whole.label == 0)).sum()


def test_weighted_figures_are_those_of_the_whole(town: Town) -> None:
    """Over many samples of one population, sums have the right mean: the estimate is unbiased."""
    rng = np.random.default_rng(0)
    people = rng.integers(0, 2**63, 4_000).astype(np.uint64)
    value = rng.gamma(1.0, 10.0, len(people))
    estimates = []
    for salt in range(60):
        kept = in_sample(people + np.uint64(salt * 1_000_003), 0.2)
        estimates.append(value[kept].sum() / 0.2)
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - value.sum()) < 4 * error


def test_the_weights_represent_the_whole_population(whole: Dataset, sampled: Dataset) -> None:
    honest = sampled.weight[sampled.label == 0].sum()
    assert honest == pytest.approx(whole.weight[whole.label == 0].sum(), rel=0.2)
    assert sampled.weight[sampled.label == 1].sum() == whole.weight[whole.label == 1].sum()


def test_the_sample_fills_every_part_of_a_split(whole: Dataset) -> None:
    """Sampling and dealing use different hashes: with one, a sample would land in one part."""
    dealt = assign_groups(
        whole, (int(whole.time_ms[-1]) - 2, int(whole.time_ms[-1]) - 1), (0.5, 0.2, 0.3)
    )
    chosen = in_sample(whole.group, 0.3)
    for part in range(3):
        share = chosen[dealt.part == part].mean()
        assert 0.15 < share < 0.45


def test_a_directory_read_in_a_stream_gives_the_same_dataset(
    town: Town, sampled: Dataset, tmp_path: Path
) -> None:
    write_town(town, tmp_path)
    rows = round(0.25 * 0.65 * town.event_count)
    streamed = dataset_of_directory(
        tmp_path, KEY, report_share=1.0, honest_rows=rows, window_events=7_000
    )
    assert streamed.honest_share == pytest.approx(0.25, rel=0.02)
    assert streamed.label.sum() == sampled.label.sum()
    frauds = streamed.label == 1
    assert np.array_equal(
        streamed.vectors[frauds], sampled.vectors[sampled.label == 1], equal_nan=True
    )
    spilled = dataset_of_directory(
        tmp_path, KEY, report_share=1.0, honest_rows=rows, window_events=7_000, memory_records=100
    )
    assert np.array_equal(spilled.vectors, streamed.vectors, equal_nan=True)
    assert np.array_equal(spilled.weight, streamed.weight)


def test_a_small_history_is_kept_whole() -> None:
    assert share_for(1_000) == 1.0
    assert share_for(100_000_000, honest_rows=650_000) == pytest.approx(0.01)
