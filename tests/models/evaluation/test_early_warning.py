"""Leads, precision by people and money of tables whose answers are worked out by hand."""

import numpy as np
import pytest

from models.evaluation.early_warning import LossTable, WarningTable, early_warning, first_warnings
from models.evaluation.report.early_warning_section import early_warning_section
from models.evaluation.warning_tables import first_crossings, tables_of_part, within
from models.training.training_dataset import NEVER_MS
from tests.models.conftest import synthetic

MINUTE = 60_000
DAY = 86_400_000


def warned(*rows: tuple[int, int, int], weight: float = 1.0) -> WarningTable:
    """Warnings as (person, minute, episode)."""
    person, minute, episode = (np.array(column) for column in zip(*rows, strict=True))
    return WarningTable(
        person.astype(np.uint64), minute.astype(np.int64) * MINUTE, episode.astype(np.int64),
        np.full(len(rows), weight),
    )  # fmt: skip


def lost(*rows: tuple[int, int, int, int]) -> LossTable:
    """Losses as (episode, minute of the loss, amount, minute of the first call or -1); one person each."""
    episode, minute, amount, call = (
        np.array(column, np.int64) for column in zip(*rows, strict=True)
    )
    return LossTable(
        episode, episode.astype(np.uint64), minute * MINUTE, amount,
        np.where(call < 0, NEVER_MS, call * MINUTE), np.ones(len(rows)),
        np.full(len(rows), "task_scam"), np.full(len(rows), "18-40"),
    )  # fmt: skip


LOSSES = lost((1, 100, 1_000, 10), (2, 200, 3_000, 199), (3, 300, 6_000, 50), (4, 400, 10, -1))
"""1 and 3 had a call more than a minute before; 2 had one exactly a minute before, 4 had none."""


def test_leads_and_shares_are_those_of_the_first_warning_about_each_fraud() -> None:
    table = warned((1, 40, 1), (1, 90, 1), (2, 200, 2), (3, 301, 3), (9, 5, -1))
    assert first_warnings(table, LOSSES).tolist() == [
        40 * MINUTE, 200 * MINUTE, 301 * MINUTE, NEVER_MS,
    ]  # fmt: skip
    found = early_warning(table, LOSSES, days=2.0, draws=0)
    assert found["losses_with_a_call"] == 2
    assert found["losses_warned"] == 1  # at the loss, and after it, is too late
    assert found["share_with_a_call_warned_a_minute_before"]["value"] == 0.5
    assert found["share_of_losses_warned_a_minute_before"]["value"] == 0.25
    assert found["share_of_money_warned_a_minute_before"]["value"] == pytest.approx(1_000 / 10_010)
    assert found["median_lead_minutes"]["value"] == 60.0
    assert found["warnings_per_day"]["value"] == 2.5
    assert found["false_alarms_per_day"]["value"] == 0.5
    assert found["people_in_a_fraud"]["value"] == 0.75
    assert [row["losses"] for row in found["lead_curve"]] == [
        0.25,
        0.25,
        0.25,
        0.25,
        0.25,
        0.0,
        0.0,
    ]
    assert found["typology"]["task_scam"] == {
        "losses": 4, "warned": 0.25, "warned_a_minute_before": 0.25,
    }  # fmt: skip


def test_a_person_counts_once_and_as_in_a_fraud_if_any_warning_was_right() -> None:
    found = early_warning(
        warned((1, 1, -1), (1, 2, 1), (1, 3, -1), (2, 4, -1)), LOSSES, 1.0, draws=0
    )
    assert found["people_in_a_fraud"]["value"] == 0.5
    assert found["warnings_in_a_fraud"]["value"] == 0.25


def test_weights_stand_for_people() -> None:
    true, false = warned((1, 1, 1)), warned((2, 1, -1), weight=9.0)
    both = WarningTable(*(np.concatenate([getattr(true, name), getattr(false, name)])
                          for name in ("person", "time_ms", "episode", "weight")))  # fmt: skip
    found = early_warning(both, LOSSES, 1.0, draws=0)
    assert found["people_in_a_fraud"]["value"] == 0.1
    assert found["false_alarms_per_day"]["value"] == 9.0


def test_intervals_are_over_people_not_over_warnings() -> None:
    """Forty warnings of one person tell no more about precision than one of them."""
    one = early_warning(warned((1, 1, 1), (2, 1, -1)), LOSSES, 1.0)["people_in_a_fraud"]
    forty = [(1, minute, 1) for minute in range(40)]
    many = early_warning(warned(*forty, (2, 1, -1)), LOSSES, 1.0)["people_in_a_fraud"]
    assert (one["low"], one["high"]) == (many["low"], many["high"])
    assert one["low"] < 0.5 < one["high"]


def test_a_period_without_losses_has_no_figures_and_no_section() -> None:
    none = within(LOSSES, 500 * MINUTE, 600 * MINUTE)
    assert len(none) == 0
    found = early_warning(warned((1, 1, -1)), none, 1.0, draws=5)
    assert np.isnan(found["share_of_losses_warned"]["value"])
    assert early_warning_section(found) == []


def test_a_subject_is_warned_about_at_its_first_event_over_the_threshold() -> None:
    score = np.array([0.1, 0.9, 0.8, 0.7])
    subject = np.array([5, 5, 5, 6], np.uint64)
    rows = first_crossings(score, subject, np.array([1, 3, 2, 9]), 0.6)
    assert sorted(rows.tolist()) == [2, 3]


def test_the_test_part_of_a_training_has_the_same_figures() -> None:
    part = synthetic(n=4_000)
    perfect = part.label.astype(np.float64)
    warnings, losses = tables_of_part(part, part.label, part.weight, perfect, 0.5)
    found = early_warning(warnings, losses, 30.0, draws=20)
    assert found["people_in_a_fraud"]["value"] == 1.0
    assert found["losses"] == len(np.unique(part.episode[part.label == 1]))
    assert found["median_lead_minutes"]["value"] == 10.0  # by construction of the data
