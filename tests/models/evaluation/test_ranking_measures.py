"""Measures against hand counts, scikit-learn and naive loops."""

import ast
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from features.catalog import CATALOG
from models.evaluation.baselines import expert_features
from models.evaluation.bootstrap import compare_average_precision
from models.evaluation.expert_rules import EXPERT_RULES
from models.evaluation.ranking_measures import (
    calibration_error,
    caught,
    precision_at_k,
    threshold_for_budget,
    wilson,
)
from models.evaluation.segments import segments
from models.policy.rule_expression import compile_expression
from models.training.training_dataset import DAY_MS, NEVER_MS, Dataset

ONES = np.ones


def test_card_precision_counts_each_card_once_a_day_and_lets_found_cards_leave() -> None:
    day = np.array([0, 0, 0, 0, 1, 1]) * DAY_MS
    card = np.array([1, 1, 2, 3, 1, 2], np.uint64)
    score = np.array([0.9, 0.8, 0.7, 0.1, 0.2, 0.6])
    label = np.array([0, 1, 0, 1, 1, 0], np.int8)
    # Day 0: cards 1 (fraud by its second row) and 2. Day 1: card 1 has left, card 2 is honest.
    both = {"from_ms": 0, "until_ms": 2 * DAY_MS}
    assert precision_at_k(score, label, ONES(6), day, card, 2, **both) == pytest.approx(0.25)
    assert precision_at_k(score, label, ONES(6), day, card, 1, **both) == pytest.approx(0.5)


def test_a_day_of_which_the_period_has_a_part_only_is_left_out() -> None:
    day = np.array([0, 1, 2]) * DAY_MS
    arguments = (
        ONES(3),
        np.array([0, 1, 1], np.int8),
        ONES(3),
        day,
        np.arange(3, dtype=np.uint64),
        1,
    )
    assert precision_at_k(*arguments, from_ms=1, until_ms=3 * DAY_MS) == 1.0
    assert precision_at_k(*arguments, from_ms=0, until_ms=3 * DAY_MS - 1) == 0.5
    assert np.isnan(precision_at_k(*arguments, from_ms=1, until_ms=DAY_MS))


@pytest.mark.parametrize("seed", range(5))
def test_card_precision_is_that_of_the_handbooks_rule(seed: int) -> None:
    """A loop over days that keeps a list of the cards that were found."""
    rng = np.random.default_rng(seed)
    n, k = 600, 10
    time_ms = np.sort(rng.integers(0, 6 * DAY_MS, n))
    card, score = rng.integers(0, 60, n).astype(np.uint64), rng.random(n)
    label = (rng.random(n) < 0.2 * score).astype(np.int8)
    found: set[int] = set()
    shares = []
    for day in range(6):
        cards: dict[int, tuple[float, int]] = {}
        for i in np.flatnonzero((time_ms // DAY_MS == day) & ~np.isin(card, list(found))):
            best, fraud = cards.get(int(card[i]), (0.0, 0))
            cards[int(card[i])] = max(best, float(score[i])), max(fraud, int(label[i]))
        top = sorted(cards, key=lambda one: -cards[one][0])[:k]
        hits = {one for one in top if cards[one][1]}
        found |= hits
        shares.append(len(hits) / k)
    value = precision_at_k(score, label, ONES(n), time_ms, card, k, from_ms=0, until_ms=6 * DAY_MS)
    assert value == pytest.approx(np.mean(shares))


def test_a_weighted_card_uses_as_many_places_as_its_weight() -> None:
    day, card = np.zeros(3, np.int64), np.array([1, 2, 3], np.uint64)
    score, label = np.array([0.9, 0.8, 0.7]), np.array([0, 1, 1], np.int8)
    weight = np.array([3.0, 1.0, 1.0])
    value = precision_at_k(score, label, weight, day, card, 4, from_ms=0, until_ms=DAY_MS)
    assert value == 0.25


def test_a_budget_is_kept_and_used_up() -> None:
    rng = np.random.default_rng(0)
    n = 2_000
    time_ms = np.sort(rng.integers(0, 10 * DAY_MS, n))
    score, subject = rng.random(n), rng.integers(0, 900, n).astype(np.uint64)
    threshold = threshold_for_budget(score, ONES(n), time_ms, subject, 20.0)
    warned = len(np.unique(subject[score >= threshold]))
    days = (time_ms.max() - time_ms.min()) / DAY_MS
    assert 19.0 * days <= warned <= 20.0 * days


def test_a_tie_never_overruns_a_budget() -> None:
    score = np.array([0.9, 0.5, 0.5, 0.5])
    arguments = (ONES(4), np.array([0, 1, 2, 3]), np.arange(4, dtype=np.uint64))
    assert threshold_for_budget(score, *arguments, 2.0) == 0.9
    assert threshold_for_budget(score, *arguments, 4.0) == 0.5
    assert threshold_for_budget(score, *arguments, 0.5) == np.inf


def test_what_is_caught_is_counted_by_event_episode_and_money() -> None:
    minute = 60_000
    found = caught(
        np.array([0.9, 0.2, 0.8, 0.1, 0.95]), np.array([1, 1, 1, 1, 0], np.int8), ONES(5),
        threshold=0.5, time_ms=np.array([10, 20, 50, 60, 70]) * minute,
        subject=np.arange(5, dtype=np.uint64), episode=np.array([1, 1, 2, 3, -1]),
        exposure_minor=np.array([100, 100, 300, 600, 0]),
        first_loss_ms=np.array([40 * minute, 40 * minute, 45 * minute, NEVER_MS, NEVER_MS]),
    )  # fmt: skip
    assert found.recall == 0.5
    assert found.episode_recall == pytest.approx(2 / 3)
    assert found.value_recall == pytest.approx(0.4)
    assert found.precision == pytest.approx(2 / 3)
    assert found.minutes_before_first_loss == pytest.approx((30 - 5) / 2)
    assert found.before_first_loss == 0.5  # the second was warned five minutes too late


def test_an_episode_stands_for_as_many_as_its_rows() -> None:
    never, minute = np.full(3, NEVER_MS), 60_000
    found = caught(
        np.array([0.9, 0.1, 0.1]), np.ones(3, np.int8), np.array([1.0, 3.0, 3.0]), threshold=0.5,
        time_ms=np.arange(3) * minute, subject=np.arange(3, dtype=np.uint64),
        episode=np.array([1, 2, 2]), exposure_minor=np.array([100, 100, 100]), first_loss_ms=never,
    )  # fmt: skip
    assert found.episode_recall == found.value_recall == 0.25


def test_segments_count_frauds_and_people_not_their_events(dataset: Dataset) -> None:
    """Forty warned calls of one victim are one success, with one success's uncertainty."""
    part = dataset.take(np.arange(120))
    group = np.r_[np.full(40, 1), np.full(40, 2), np.full(40, 3)].astype(np.uint64)
    label = np.repeat([1, 1, 0], 40).astype(np.int8)
    part = replace(part, group=group, episode=np.where(label == 1, group.astype(int), -1))
    warned = np.zeros(120, bool)
    warned[:20] = True  # half of the first victim's events
    warned[80] = True  # and one of an honest person's
    found = segments(part, np.full(120, "D01"), warned, label, ONES(120))["D01"]
    assert (found["episodes"], found["recall"], found["honest_people"]) == (2, 0.5, 1)
    assert (found["low"], found["high"]) == wilson(1, 2)
    assert found["false_per_1000"] == 1000.0


def test_perfect_probabilities_have_no_calibration_error_and_doubled_ones_one_half() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(0.3, 6, 400_000)
    label = (rng.random(len(p)) < p).astype(np.int8)
    assert calibration_error(p, label, ONES(len(p)))[0] < 0.05
    assert calibration_error(np.minimum(2 * p, 1), label, ONES(len(p)))[0] == pytest.approx(
        0.5, abs=0.05
    )


def test_the_bootstrap_ranks_by_scikit_learns_average_precision_with_ties_and_weights() -> None:
    rng = np.random.default_rng(1)
    score, other = rng.integers(0, 20, 3_000) / 20, rng.random(3_000)
    label = (rng.random(3_000) < score * 0.3).astype(np.int8)
    weight = rng.random(3_000) * 3
    group = rng.integers(0, 300, 3_000).astype(np.uint64)
    gap = compare_average_precision(score, other, label, weight, group, draws=60)
    assert gap.new == pytest.approx(average_precision_score(label, score, sample_weight=weight))
    assert gap.low > 0
    assert gap.wins == 1.0
    same = compare_average_precision(score, score, label, weight, group, draws=20)
    assert (same.low, same.high, same.wins) == (0.0, 0.0, 0.0)


def test_an_interval_contains_the_share_and_narrows_with_more_rows() -> None:
    low, high = wilson(3, 10)
    assert low < 0.3 < high
    assert wilson(300, 1000)[1] - wilson(300, 1000)[0] < high - low
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_written_rules_name_features_of_the_catalog() -> None:
    assert expert_features() <= set(CATALOG.names)
    for _, text in EXPERT_RULES:
        compile_expression(text, CATALOG.names)
        assert ast.parse(text, mode="eval")
