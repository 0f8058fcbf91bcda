"""When things happen: habits by hour of the day, weekday and day of the month.

Profiles are relative weights of the 24 local hours. Their shapes are assumptions in the manner of
published call and payment curves (two humps for work, one for the evening); see docs/simulator.md.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from forewarn.simulator.town_scenario import DAY_MS, HOUR_MS, Scenario

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_SOCIAL = (2, 1, 1, 1, 1, 2, 6, 15, 30, 42, 46, 48, 50, 40, 38, 42, 46, 55, 66, 70, 62, 42, 20, 7)
_OFFICE = (1, 0, 0, 0, 0, 1, 3, 10, 40, 80, 90, 75, 45, 50, 75, 80, 75, 60, 38, 32, 24, 12, 5, 2)
_SHOPPING = (
    3,
    2,
    1,
    1,
    1,
    2,
    10,
    35,
    40,
    35,
    38,
    60,
    70,
    45,
    36,
    36,
    40,
    60,
    72,
    66,
    55,
    40,
    22,
    8,
)
_COURIER = (0, 0, 0, 0, 0, 0, 2, 12, 40, 70, 80, 75, 50, 50, 65, 75, 75, 70, 55, 30, 12, 4, 1, 0)
_LATE = (12, 8, 6, 4, 3, 3, 4, 6, 10, 14, 16, 16, 18, 16, 16, 16, 18, 20, 26, 34, 42, 44, 36, 22)


def _profile(weights: tuple[int, ...]) -> Floats:
    cumulative = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.asarray(cumulative / cumulative[-1])


SOCIAL = _profile(_SOCIAL)
OFFICE = _profile(_OFFICE)
SHOPPING = _profile(_SHOPPING)
COURIER = _profile(_COURIER)
LATE = _profile(_LATE)


@dataclass(frozen=True, slots=True)
class Clock:
    """The local calendar of a scenario as arrays over its days."""

    start_ms: int
    days: int
    weekday: Ints
    day_of_month: Ints

    @classmethod
    def of(cls, scenario: Scenario) -> "Clock":
        """Lay out the calendar of a scenario."""
        dates = [scenario.start + timedelta(days=i) for i in range(scenario.days)]
        return cls(
            start_ms=scenario.start_ms,
            days=scenario.days,
            weekday=np.array([d.weekday() for d in dates]),
            day_of_month=np.array([d.day for d in dates]),
        )

    @property
    def end_ms(self) -> int:
        """UTC milliseconds of the end of the last day."""
        return self.start_ms + self.days * DAY_MS

    def times(self, rng: np.random.Generator, day: Ints, profile: Floats) -> Ints:
        """Draw a UTC millisecond within each given day by an hourly profile."""
        hour = np.searchsorted(profile, rng.random(day.size), side="right")
        within = rng.integers(0, HOUR_MS, day.size)
        return np.asarray(self.start_ms + day * DAY_MS + hour * HOUR_MS + within, dtype=np.int64)

    def weekday_factor(self, *, weekend: float) -> Floats:
        """One factor a day: 1 on workdays, ``weekend`` on Saturday and Sunday."""
        return np.where(self.weekday >= 5, weekend, 1.0)

    def local_hour(self, time_ms: Ints) -> Ints:
        """The local hour of the day, 0 to 23."""
        return (time_ms - self.start_ms) % DAY_MS // HOUR_MS


def occurrences(
    rng: np.random.Generator, rate_per_day: Floats, day_factor: Floats, *, burstiness: float = 0.5
) -> tuple[Ints, Ints]:
    """Draw how often each person does something on each day.

    Counts are negative binomial (a Poisson whose rate varies from day to day by a gamma factor
    with variance ``burstiness``), because real days are busier or quieter than a Poisson allows.
    ``day_factor`` has one value a day, or one row a person.

    Returns:
        ``person`` and ``day`` of every occurrence.
    """
    days = day_factor.shape[-1]
    shape = (rate_per_day.size, days)
    mood = rng.gamma(1 / burstiness, burstiness, shape) if burstiness > 0 else 1.0
    counts = rng.poisson(rate_per_day[:, None] * np.atleast_2d(day_factor) * mood).ravel()
    cell = np.repeat(np.arange(counts.size), counts)
    return cell // days, cell % days
