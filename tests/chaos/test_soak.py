"""The judgement of a soak: growth is found, noise and a plateau are not growth."""

import numpy as np
import pytest

from tests.chaos.soak import Samples, report, slope_of

SECONDS = [float(second) for second in range(3600)]


def with_noise(values: np.ndarray) -> list[float]:
    return list(values + np.random.default_rng(1).normal(0.0, 5.0, len(values)))


def test_a_leak_is_found_with_its_size() -> None:
    slope = slope_of(SECONDS, with_noise(300 + np.arange(3600) / 36))
    assert slope.per_hour == pytest.approx(100, abs=3)
    assert slope.surely_above(50)


def test_a_process_that_fills_its_caches_first_does_not_leak() -> None:
    filled = 300 + 200 * np.minimum(np.arange(3600) / 600, 1)
    slope = slope_of(SECONDS, with_noise(filled))
    assert abs(slope.per_hour) <= slope.margin
    assert not slope.surely_above(50)


@pytest.mark.parametrize(("files_per_hour", "held"), [(0, True), (40, False)])
def test_open_files_that_pile_up_fail_the_run(files_per_hour: int, held: bool) -> None:
    files = list(100 + files_per_hour * np.arange(3600) / 3600)
    assert report({"worker": Samples(SECONDS, with_noise(np.full(3600, 300.0)), files)}) is held
