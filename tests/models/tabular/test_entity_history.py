"""Histories are those of a naive scan: strictly earlier events of the same party, labels once known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.tabular.entity_history import WINDOW_DAYS, Events, entity_features
from models.training.training_dataset import DAY_MS, HOUR_MS


def _check(events: Events, entity: np.ndarray, delay_ms: int) -> None:
    """Every value against a scan over all rows."""
    found = dict(entity_features(events, entity, "e", label_delay_ms=delay_ms))
    time_ms = events.time_ms
    for i in range(len(time_ms)):
        if entity[i] < 0:
            assert all(np.isnan(column[i]) for column in found.values())
            continue
        mine = (entity == entity[i]) & (time_ms < time_ms[i])
        gap = (time_ms[i] - time_ms[mine].max()) / 1000 if mine.any() else np.nan
        assert found["e_seconds_since_previous"][i] == pytest.approx(gap, rel=1e-6, nan_ok=True)
        for days in WINDOW_DAYS:
            window = mine & (time_ms >= time_ms[i] - days * DAY_MS)
            assert found[f"e_count_{days}d"][i] == window.sum()
            mean = events.amount[window].mean() if window.any() else np.nan
            assert found[f"e_amount_mean_{days}d"][i] == pytest.approx(
                mean, rel=1e-4, abs=1e-4, nan_ok=True
            )
            known = (
                mine
                & (time_ms < time_ms[i] - delay_ms)
                & (time_ms >= time_ms[i] - delay_ms - days * DAY_MS)
                & (events.label >= 0)
            )
            assert found[f"e_known_{days}d"][i] == known.sum()
            share = events.label[known].mean() if known.any() else np.nan
            assert found[f"e_fraud_share_{days}d"][i] == pytest.approx(share, rel=1e-5, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(1, 60),
    days=st.integers(1, 3_000),
    delay_days=st.sampled_from([0.0, 0.5, 7.0, 30.0, 91.0, 200.0, 2_000.0, 10_000.0]),
)
def test_histories_are_those_of_a_naive_scan(
    seed: int, rows: int, days: int, delay_days: float
) -> None:
    """With any delay, also one that is longer than the period and than every window."""
    rng = np.random.default_rng(seed)
    time_ms = np.sort(rng.integers(0, days * DAY_MS, rows)) // HOUR_MS * HOUR_MS  # with ties
    events = Events(time_ms, rng.random(rows) * 100, rng.integers(-1, 2, rows).astype(np.int8))
    _check(events, rng.integers(-1, 5, rows), round(delay_days * DAY_MS))


def test_a_long_delay_does_not_look_into_the_future_of_another_party() -> None:
    """A delay of 200 days used to reach into the rows of the party with the number before."""
    days = 2_500
    time_ms = np.arange(days, dtype=np.int64) * DAY_MS
    entity = np.arange(days) % 2
    label = (entity == 0).astype(np.int8)  # every fraud is of party 0
    found = dict(
        entity_features(
            Events(time_ms, np.ones(days), label), entity, "e", label_delay_ms=200 * DAY_MS
        )
    )
    share = found["e_fraud_share_30d"][entity == 1]
    assert np.nan_to_num(share).max() == 0.0
    assert np.isnan(found["e_fraud_share_30d"][:200]).all()
