"""No person and no ring is on two sides, and the parts do not overlap in time."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn.errors import ConfigurationError
from models.training.dataset_split import PARTS, SplitOptions, split, warmup_of
from models.training.training_dataset import DAY_MS, NEVER_MS, Dataset, make_dataset
from tests.models.conftest import START_MS, synthetic


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), embargo=st.sampled_from([0.0, 0.5, 2.0]))
def test_people_rings_and_times_are_apart(seed: int, embargo: float) -> None:
    parts = split(synthetic(seed, n=3_000, people=150), SplitOptions(embargo_days=embargo))
    for name, later in pairwise(PARTS):
        gap = parts.parts[later].time_ms.min() - parts.parts[name].time_ms.max()
        assert gap >= embargo * DAY_MS
    for column in ("group", "ring"):
        seen: set[int] = set()
        for part in parts.parts.values():
            own = set(getattr(part, column).tolist()) - {0}
            assert not own & seen
            seen |= own


def test_the_weights_of_kept_rows_sum_to_all_rows(dataset: Dataset) -> None:
    """Each row counts 1 / its chance to be there, whether its person had fraud or not."""
    parts = split(dataset)
    victims = np.unique(dataset.group[dataset.label == 1])
    for name in PARTS:
        within = (dataset.time_ms >= parts.from_ms[name]) & (dataset.time_ms < parts.until_ms[name])
        for tied in (True, False):
            all_people = within & (np.isin(dataset.group, victims) == tied) & (dataset.label == 0)
            part = parts.parts[name]
            kept = (np.isin(part.group, victims) == tied) & (part.label == 0)
            assert 0 < kept.sum() < all_people.sum()
            assert parts.weight[name][kept].sum() == pytest.approx(all_people.sum(), rel=0.25)


def test_the_weighted_prevalence_of_a_part_is_that_of_its_window() -> None:
    """Three frauds a card, scattered over the period: who is in a part must not depend on them."""
    gaps = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        n, cards = 40_000, 400
        card = rng.integers(1, cards + 1, n)
        label = np.zeros(n, int)
        for one in range(1, cards // 2 + 1):
            label[rng.choice(np.flatnonzero(card == one), 3, replace=False)] = 1
        data = make_dataset(
            np.zeros((n, 1), np.float32), ["a"], label=label, group=card,
            time_ms=START_MS + np.sort(rng.integers(0, 100 * DAY_MS, n)),
        )  # fmt: skip
        parts = split(data)
        for name in PARTS:
            weight = parts.weight[name]
            share = (parts.label[name] * weight).sum() / weight.sum()
            gaps.append(share / parts.prevalence[name] - 1)
            assert abs(gaps[-1]) < 0.3
    assert abs(np.mean(gaps)) < 0.05


def test_a_label_unknown_at_the_cut_is_neither_fraud_nor_honest(dataset: Dataset) -> None:
    parts = split(dataset)
    for name in ("train", "calibrate"):
        part, cut = parts.parts[name], parts.known_at_ms[name]
        assert parts.late[name] > 0
        assert not ((part.label == 1) & (part.label_time_ms > cut)).any()
        assert np.array_equal(parts.label[name], part.label)
    # The test part is judged by all that is known by now.
    assert np.array_equal(parts.label["test"], parts.parts["test"].label)
    late = parts.parts["test"].label_time_ms > dataset.time_ms[-1]
    assert parts.label["test"][late].sum() > 0


def test_an_honest_row_never_has_the_weight_of_a_fraud(dataset: Dataset) -> None:
    """The weight of a label that was not known yet would give the fraud away."""
    parts = split(dataset, SplitOptions(by_group=False))
    for name in PARTS:
        assert set(parts.weight[name][parts.label[name] == 0]) == {1.0}
        assert set(parts.weight[name][parts.label[name] == 1]) == {1.5}


def test_the_embargo_waits_for_nine_labels_in_ten_as_far_as_the_period_allows() -> None:
    def of(delay_days: float) -> float:
        data = synthetic(n=2_000)
        known = np.where(data.label == 1, data.time_ms + round(delay_days * DAY_MS), NEVER_MS)
        return split(replace(data, label_time_ms=known)).embargo_days

    assert of(0.7) == pytest.approx(0.7)
    assert of(9.0) == pytest.approx(30 * 0.2 / 4, rel=0.01)


def test_every_part_ends_an_embargo_before_its_cut(dataset: Dataset) -> None:
    parts = split(dataset, SplitOptions(embargo_days=0.5))
    ends = (parts.from_ms["calibrate"], parts.from_ms["test"], int(dataset.time_ms[-1]) + 1)
    for name, end in zip(PARTS, ends, strict=True):
        assert parts.parts[name].time_ms.max() < end - DAY_MS // 2


def test_a_long_period_is_warmed_up_for_a_month_a_short_one_for_its_third(dataset: Dataset) -> None:
    assert split(dataset, SplitOptions(warmup_days=None)).warmup_days == pytest.approx(10, abs=0.1)
    assert warmup_of(SplitOptions(warmup_days=None), 120.0) == 30.0


def test_a_period_too_short_for_its_embargo_is_refused(dataset: Dataset) -> None:
    with pytest.raises(ConfigurationError, match="embargo"):
        split(dataset, SplitOptions(embargo_days=10))
    with pytest.raises(ConfigurationError, match="no rows"):
        split(dataset.take(np.zeros(len(dataset), bool)))
