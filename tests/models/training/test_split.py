"""Nobody and no ring is on two sides, and the parts do not overlap in time."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn.errors import ConfigurationError
from models.training.dataset import DAY_MS, Dataset, make_dataset
from models.training.split import PARTS, SplitOptions, split
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


def test_dropped_people_are_made_up_for_by_weight(dataset: Dataset) -> None:
    """People without fraud are dealt out by a hash; those who are kept stand for all of them."""
    parts = split(dataset)
    victims = np.unique(dataset.group[dataset.label == 1])
    honest = ~np.isin(dataset.group, victims)
    for name in PARTS:
        within = (dataset.time_ms >= parts.from_ms[name]) & (dataset.time_ms < parts.until_ms[name])
        kept = ~np.isin(parts.parts[name].group, victims)
        assert 0 < kept.sum() < (within & honest).sum()
        assert parts.weight[name][kept].sum() == pytest.approx((within & honest).sum(), rel=0.2)


def test_labels_are_those_known_when_the_part_was_used() -> None:
    n = 400
    time_ms = START_MS + np.arange(n) * DAY_MS // 10
    known = time_ms + np.where(np.arange(n) % 2 == 0, DAY_MS // 4, 15 * DAY_MS)
    data = make_dataset(
        np.zeros((n, 1), np.float32), ["a"], time_ms=time_ms, label=np.ones(n),
        label_time_ms=known, group=np.arange(1, n + 1),
    )  # fmt: skip
    parts = split(data, SplitOptions(embargo_days=1.0))
    train = parts.parts["train"]
    late = train.label_time_ms > parts.known_at_ms["train"]
    assert late.any()
    assert np.array_equal(parts.label["train"] == 0, late)
    assert parts.label["test"].all()  # the test is judged by all that is known by now


def test_a_period_too_short_for_its_embargo_is_refused(dataset: Dataset) -> None:
    with pytest.raises(ConfigurationError, match="embargo"):
        split(dataset, SplitOptions(embargo_days=10))
    with pytest.raises(ConfigurationError, match="no rows"):
        split(dataset.take(np.zeros(len(dataset), bool)))
