"""Drift is seen where there is some, and not where there is none."""

import numpy as np
import pytest

from forewarn.contracts import Outcome
from models.policy.warning_history import OpenWarning, WarningHistory, warning_id
from models.serving.drift import SCORE, DriftMonitor, Judged, judged, make_reference, psi

NAMES = ("a", "b", "mostly_zero", "gone")


def _rows(rng: np.random.Generator, n: int, shift: float = 0.0) -> np.ndarray:
    x = rng.normal(size=(n, 4)).astype(np.float32)
    x[:, 1] += shift
    x[:, 2] = rng.poisson(0.2, n)
    x[rng.random(n) < 0.3, 3] = np.nan
    return x


def _index(monitor: DriftMonitor, rows: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    for start in range(0, len(rows), 100):
        monitor.add(rows[start : start + 100], scores[start : start + 100])
    return dict(monitor.read())


def test_only_what_moved_is_reported() -> None:
    rng = np.random.default_rng(0)
    reference = make_reference(_rows(rng, 20_000), rng.beta(1, 50, 20_000), NAMES)
    monitor = DriftMonitor(reference, NAMES, rows_per_call=100)
    moved = _rows(rng, 10_000, shift=1.0)
    moved[:, 3] = np.nan
    found = _index(monitor, moved, rng.beta(1, 50, 10_000))
    assert found["b"] > 0.25
    assert found["gone"] > 0.25  # a feature that stopped arriving
    assert max(found["a"], found["mostly_zero"], found[SCORE]) < 0.05


def test_a_reading_waits_for_enough_rows_and_forgets_old_ones() -> None:
    rng = np.random.default_rng(1)
    reference = make_reference(_rows(rng, 5_000), rng.random(5_000), NAMES)
    monitor = DriftMonitor(reference, NAMES, rows_per_call=50)
    monitor.add(_rows(rng, 50), rng.random(50))
    assert monitor.read() == {}
    for _ in range(100):
        monitor.add(_rows(rng, 100, shift=3.0), rng.random(100))
    assert monitor.read()["b"] > 1.0
    for _ in range(8):
        for _ in range(100):
            monitor.add(_rows(rng, 100), rng.random(100))
        last = monitor.read()
    assert last["b"] < 0.1


def test_the_index_is_symmetric_and_zero_for_the_same() -> None:
    p, q = np.array([0.2, 0.5, 0.3, 0.0]), np.array([0.3, 0.3, 0.3, 0.1])
    assert psi(p, p) == 0.0
    assert psi(p, q) == pytest.approx(psi(q, p))
    assert np.isfinite(psi(p, q))


def _outcome(subject: int, disposition: str, **changes: object) -> Outcome:
    given = {
        "event_id": "o", "event_time_ms": 1, "subscriber": "+8613800000001", "label_time_ms": 1,
        "disposition": disposition, "warning_id": warning_id("default", 7, subject),
        "model_version": "m1",
    }  # fmt: skip
    return Outcome(**{**given, **changes})  # type: ignore[arg-type]


def test_an_outcome_is_joined_with_what_was_expected_of_its_warning() -> None:
    warnings = tuple(
        OpenWarning(subject=subject, raised_ms=0, severity="high", probability=p, state="settled")
        for subject, p in ((1, 0.3), (2, 0.6))
    )
    history = WarningHistory(warnings)
    assert judged(history, 7, _outcome(1, "false_alarm")) == Judged("m1", 0.3, fraud=False)
    assert judged(history, 7, _outcome(2, "dissuaded")) == Judged("m1", 0.6, fraud=True)
    assert judged(history, 7, _outcome(2, "loss_occurred")) == Judged("m1", 0.6, fraud=True)
    for nothing in (
        _outcome(2, "unreachable"), _outcome(2, "duplicate"), _outcome(9, "dissuaded"),
        _outcome(2, "dissuaded", warning_id=None), _outcome(2, "dissuaded", tenant="other"),
    ):  # fmt: skip
        assert judged(history, 7, nothing) is None
