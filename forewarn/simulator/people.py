"""The people of a prefecture: ages, households, work, means and whom they know.

A person is an index. Relations are a fixed-width matrix of contacts in order of closeness, so that
drawing "whom do they call" is drawing a rank: close family first, then friends and colleagues.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from forewarn.simulator.activity_clock import Floats, Ints
from forewarn.simulator.party_directory import Directory
from forewarn.simulator.town_scenario import Scenario

CONTACTS = 24
FAMILY = 4
AGE_GROUPS = ("under 18", "18-40", "41-65", "over 65")
WORK = ("student", "employee", "self_employed", "courier", "sales", "owner", "retired", "home")


@dataclass(slots=True)
class People:
    """Columns over the subscribers.

    ``contacts[i]`` are indices of telephone numbers (also of other subscribers, whose number has
    their own index); the first ``FAMILY`` are kin. ``accounts_of`` maps a number's index to the
    account of its owner. Money is in minor units, ``activity`` multiplies how often one calls.
    """

    age: Ints
    household: Ints
    district: Ints
    work: Ints
    income_minor: Ints
    savings_minor: Ints
    activity: Floats
    spending: Floats
    contacts: Ints
    accounts_of: Ints
    second_account: Ints
    device: Ints
    employer: Ints

    @property
    def count(self) -> int:
        """How many subscribers there are."""
        return self.age.size

    @property
    def age_group(self) -> Ints:
        """Position in ``AGE_GROUPS``."""
        return np.searchsorted([18, 41, 66], self.age, side="right")

    def is_work(self, *names: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Who does one of these kinds of work."""
        return np.isin(self.work, [WORK.index(name) for name in names])

    def frame(self, scenario: Scenario, numbers: list[str]) -> pl.DataFrame:
        """The table that is published beside the events, for fairness reports."""
        return pl.DataFrame(
            {
                "subscriber": numbers[: self.count],
                "age": self.age,
                "age_group": [AGE_GROUPS[i] for i in self.age_group.tolist()],
                "district": [scenario.districts[i] for i in self.district.tolist()],
                "work": [WORK[i] for i in self.work.tolist()],
                "household": self.household,
            }
        )


def create_people(scenario: Scenario, directory: Directory) -> People:
    """Draw the people of a town and whom they know."""
    rng = scenario.rng("people")
    count = scenario.subscribers
    household = _households(rng, count)
    age = _ages(rng, count)
    homes = int(household.max()) + 1
    weights = rng.dirichlet(np.full(len(scenario.districts), 6.0))
    district = rng.choice(len(scenario.districts), homes, p=weights)[household]
    work = _work(rng, age)
    income = rng.lognormal(np.log(550_000), 0.5, count) * np.where(
        np.isin(work, (0, 7)), 0.25, np.where(work == WORK.index("retired"), 0.6, 1.0)
    )
    savings = income * rng.lognormal(np.log(8.0), 1.0, count) * np.clip(age / 40, 0.3, 1.6)
    contacts, accounts_of = _contacts(rng, household, district, directory)
    device = np.arange(count)
    shares = rng.random(count) < 0.04  # a family that pays from one phone
    device[shares] = np.searchsorted(household, household[shares])
    return People(
        age=age,
        household=household,
        district=district,
        work=work,
        income_minor=income.astype(np.int64),
        savings_minor=savings.astype(np.int64),
        activity=rng.gamma(2.5, 0.4, count) * np.where(age > 65, 0.7, 1.0),
        spending=rng.gamma(3.0, 0.333, count) * np.where(age > 65, 0.5, 1.0),
        contacts=contacts,
        accounts_of=accounts_of,
        second_account=directory.new_accounts(count),
        device=device,
        employer=rng.integers(0, max(3, count // 40), count),
    )


def _households(rng: np.random.Generator, count: int) -> Ints:
    """Number the households: neighbours in index live together, 1 to 5 of them."""
    sizes = rng.choice([1, 2, 3, 4, 5], count, p=[0.25, 0.3, 0.22, 0.15, 0.08])
    return np.repeat(np.arange(count), sizes)[:count].astype(np.int64)


def _ages(rng: np.random.Generator, count: int) -> Ints:
    """Ages 12 to 92 of people with a telephone of their own."""
    group = rng.choice(4, count, p=[0.05, 0.39, 0.39, 0.17])
    low = np.array([12, 18, 41, 66])[group]
    high = np.array([18, 41, 66, 93])[group]
    return np.asarray(low + (rng.random(count) * (high - low)).astype(np.int64))


def _work(rng: np.random.Generator, age: Ints) -> Ints:
    """Give every person of working age an occupation."""
    chosen = rng.choice(
        [WORK.index(w) for w in ("employee", "self_employed", "courier", "sales", "owner", "home")],
        age.size,
        p=[0.58, 0.14, 0.05, 0.05, 0.04, 0.14],
    )
    chosen = np.where((age < 22) & (rng.random(age.size) < 0.8), WORK.index("student"), chosen)
    return np.where(age >= 62, WORK.index("retired"), chosen)


def _contacts(
    rng: np.random.Generator, household: Ints, district: Ints, directory: Directory
) -> tuple[Ints, Ints]:
    """Draw the contact matrix, and the account that belongs to each number in it."""
    count = household.size
    members = np.bincount(household)
    first = np.concatenate([[0], np.cumsum(members)[:-1]])
    # Kin: others of the household, then of one related household (parents, grown-up children).
    related = rng.integers(0, members.size, members.size)
    matrix = np.empty((count, CONTACTS), dtype=np.int64)
    for rank in range(FAMILY):
        home = household if rank < 2 else related[household]
        matrix[:, rank] = first[home] + rng.integers(0, members[home])
    # Friends: mostly of the same district; colleagues and others: any person.
    by_district = np.argsort(district, kind="stable")
    sizes = np.bincount(district, minlength=int(district.max()) + 1)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    near = starts[district][:, None] + (rng.random((count, 10)) * sizes[district][:, None]).astype(
        np.int64
    )
    matrix[:, FAMILY : FAMILY + 10] = by_district[near]
    matrix[:, FAMILY + 10 :] = rng.integers(0, count, (count, CONTACTS - FAMILY - 10))
    # A prefecture is not closed: a third of all contacts subscribe elsewhere.
    outside = rng.random(matrix.shape) < np.where(np.arange(CONTACTS) < FAMILY, 0.12, 0.35)
    outside |= matrix == np.arange(count)[:, None]
    strangers = int(outside.sum())
    numbers = directory.new_numbers(strangers, "mobile")
    matrix[outside] = numbers
    accounts_of = np.full(int(numbers[-1]) + 1 if strangers else count, -1, dtype=np.int64)
    accounts_of[:count] = np.arange(count)
    accounts_of[numbers] = directory.new_accounts(strangers)
    return matrix, accounts_of
