"""The stage on which everything happens: what every part of the simulator is handed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forewarn.simulator.activity_clock import Clock, Ints
from forewarn.simulator.businesses import Businesses, create_businesses
from forewarn.simulator.party_directory import Directory
from forewarn.simulator.people import People, create_people
from forewarn.simulator.town_ledger import TownLedger
from forewarn.simulator.town_scenario import Scenario


@dataclass(slots=True)
class World:
    """A town before anything has happened in it, and the ledger of what does."""

    scenario: Scenario
    clock: Clock
    directory: Directory
    people: People
    businesses: Businesses
    ledger: TownLedger

    @classmethod
    def create(cls, scenario: Scenario) -> "World":
        """Draw the town."""
        directory = Directory(scenario.subscribers)
        people = create_people(scenario, directory)
        return cls(
            scenario=scenario,
            clock=Clock.of(scenario),
            directory=directory,
            people=people,
            businesses=create_businesses(scenario, directory),
            ledger=TownLedger(),
        )


def talk_ms(rng: np.random.Generator, count: int, median_seconds: float, sigma: float) -> Ints:
    """Durations of answered calls: log-normal, at least a second and at most three hours."""
    seconds = rng.lognormal(np.log(median_seconds), sigma, count)
    return np.asarray(np.clip(seconds, 1.0, 10_800.0) * 1000, dtype=np.int64)


def ring_ms(rng: np.random.Generator, count: int) -> Ints:
    """How long a call that is not answered rings: 3 to 45 seconds."""
    return rng.integers(3_000, 45_000, count)


def money(
    rng: np.random.Generator,
    median_minor: float | NDArray[Any],
    sigma: float | NDArray[Any],
    count: int,
) -> Ints:
    """Amounts as people choose them: log-normal, then three in five rounded to a neat figure.

    Neat means the two leading digits. Amounts are at least one major unit (100 minor units).
    """
    median = np.log(np.asarray(median_minor, dtype=np.float64))
    return neatly(rng, rng.lognormal(median, sigma, count))


def neatly(rng: np.random.Generator, amount_minor: NDArray[Any]) -> Ints:
    """Three in five of these amounts as neat figures, the others to the last minor unit."""
    drawn = np.asarray(amount_minor, dtype=np.float64)
    step = 10.0 ** np.floor(np.log10(np.maximum(drawn, 100)) - 1)
    neat = np.round(drawn / step) * step
    chosen = np.where(rng.random(drawn.size) < 0.6, neat, drawn)
    return np.maximum(100, chosen).astype(np.int64)


def notes(amount_minor: Ints) -> Ints:
    """An amount as a cash machine pays it out: in whole notes of a hundred."""
    return np.maximum(10_000, amount_minor // 10_000 * 10_000)


def settle_ms(rng: np.random.Generator, amount_minor: Ints) -> Ints:
    """Time from the attempt to its completion: seconds, for one large payment in eight hours.

    Banks let payers choose a delayed credit, and more of them do for large amounts.
    """
    quick = rng.gamma(2.0, 900.0, amount_minor.size)
    slow = rng.uniform(600_000, 2 * 3_600_000, amount_minor.size)
    delayed = (amount_minor > 1_000_000) & (rng.random(amount_minor.size) < 0.12)
    return np.asarray(np.where(delayed, slow, quick + 200), dtype=np.int64)
