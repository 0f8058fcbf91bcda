"""What is kept of a history: in blocks, in order, and every row that an outcome may label."""

import numpy as np
import polars as pl
import pytest

from features.event_columns import EventColumns
from features.kinds import EventKind
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.simulator import Scenario, Town, simulate
from forewarn.simulator.default_training import history_of_town
from models.policy.event_status import WARNABLE
from models.training.event_labels import label_events
from models.training.history_dataset import EventHistory, event_columns
from models.training.kept_rows import VectorBlocks
from models.training.row_sampling import RowSampler

KEY = Pseudonymiser(b"only for these tests")


@pytest.fixture(scope="module")
def town() -> Town:
    return simulate(Scenario(seed=4, subscribers=200, days=15, prevalence=0.03, report_share=1.0))


@pytest.fixture(scope="module")
def history(town: Town) -> EventHistory:
    return history_of_town(town)


@pytest.fixture(scope="module")
def events(history: EventHistory) -> EventColumns:
    return event_columns(history, KEY)


@pytest.mark.parametrize("block_rows", [1, 4, 5, 100])
def test_blocks_give_back_the_rows_that_stay_in_their_order(block_rows: int) -> None:
    rng = np.random.default_rng(1)
    blocks, expected = VectorBlocks(block_rows), []
    for _ in range(12):
        vectors = rng.random((9, 3)).astype(np.float32)
        rows = np.flatnonzero(rng.random(9) < 0.5)
        blocks.append(vectors, rows)
        expected.append(vectors[rows])
    whole = np.concatenate(expected)
    stay = rng.random(len(whole)) < 0.7
    assert np.array_equal(blocks.joined(stay), whole[stay])


def test_no_label_is_lost_by_keeping_only_what_outcomes_may_label(
    history: EventHistory, events: EventColumns
) -> None:
    """Labels of the kept events are those that they have among all that can be warned about or were paid."""
    read = np.isin(events.kind, (*WARNABLE, EventKind.OUT_COMPLETED))
    events = events.take(np.flatnonzero(read))
    sampler = RowSampler.of_outcomes(history.outcomes, KEY, 0.0)
    rows = sampler.rows(events)
    all_labels = label_events(events, history.outcomes, KEY)
    kept_labels = label_events(events.take(rows), history.outcomes, KEY)
    frauds = np.flatnonzero(all_labels.label == 1)
    assert len(frauds) > 50
    assert np.isin(frauds, rows).all()
    for name in ("label", "label_time_ms", "ring", "episode", "exposure_minor", "first_loss_ms"):
        assert np.array_equal(getattr(all_labels, name)[rows], getattr(kept_labels, name)), name


def test_few_rows_of_people_with_a_fraud_are_kept_besides_the_fraud(
    history: EventHistory, events: EventColumns
) -> None:
    sampler = RowSampler.of_outcomes(history.outcomes, KEY, 0.0)
    labels = label_events(events, history.outcomes, KEY)
    assert len(sampler.rows(events)) < 2 * labels.label.sum()


def test_without_outcomes_only_the_sample_is_kept(events: EventColumns) -> None:
    none = pl.DataFrame(
        schema={"subscriber": pl.String, "disposition": pl.String, "label_time_ms": pl.Int64}
    )
    assert len(RowSampler.of_outcomes(none, KEY, 0.0).rows(events)) == 0
    rows = RowSampler.of_outcomes(none, KEY, 1.0).rows(events)
    assert len(rows) == np.isin(events.kind, WARNABLE).sum()
