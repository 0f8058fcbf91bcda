"""Train, calibrate and test on different times *and* on different people and rings.

Time is cut into three parts with an *embargo* between them: labels need time to arrive, so the rows
just before a cut would count as honest only because nobody had reported them yet.

A person lives through all three parts, and a ring may work in two of them. So people who are tied
by a ring form one component, and a whole component goes to one side: to the part in which most of
its fraud happened; its rows in the other parts are dropped. People without fraud are dealt out by a
hash, and since only a share of them stays, each of their rows counts 1 / share, which keeps the
prevalence of every part what it was.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forewarn.errors import ConfigurationError
from models.training.dataset import DAY_MS, Dataset

PARTS = ("train", "calibrate", "test")


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """Shares of the period by time, of honest people by hash, and the embargo.

    Rows of the first ``warmup_days`` are left out: windows of a month cannot be full yet.
    """

    time_shares: tuple[float, float, float] = (0.6, 0.2, 0.2)
    people_shares: tuple[float, float, float] = (0.5, 0.2, 0.3)
    embargo_days: float = 1.0
    warmup_days: float = 0.0
    by_group: bool = True


@dataclass(frozen=True, slots=True)
class Split:
    """The three parts; ``label`` and ``weight`` of each are as known at ``known_at_ms``."""

    parts: dict[str, Dataset]
    label: dict[str, NDArray[np.int8]]
    weight: dict[str, NDArray[np.float64]]
    from_ms: dict[str, int]
    until_ms: dict[str, int]
    known_at_ms: dict[str, int]


def split(dataset: Dataset, options: SplitOptions = SplitOptions()) -> Split:
    """Split a dataset; the test part sees every label that is known by now.

    Raises:
        ConfigurationError: if the period is too short for the embargo.
    """
    if len(dataset) == 0:
        raise ConfigurationError("there are no rows to train on")
    first, last = int(dataset.time_ms[0]), int(dataset.time_ms[-1]) + 1
    first += round(options.warmup_days * DAY_MS)
    embargo = round(options.embargo_days * DAY_MS)
    span = last - first
    if span * min(options.time_shares) <= 2 * embargo:
        raise ConfigurationError(
            f"{span / DAY_MS:.1f} days are too few for an embargo of {options.embargo_days} days",
            hint="Train on a longer period, or set a shorter --embargo-days.",
        )
    train_end = first + round(span * options.time_shares[0])
    calibrate_end = train_end + round(span * options.time_shares[1])
    from_ms = {"train": first, "calibrate": train_end, "test": calibrate_end}
    until_ms = {"train": train_end - embargo, "calibrate": calibrate_end - embargo, "test": last}
    known_at = {"train": train_end, "calibrate": calibrate_end, "test": 2**62}
    side, share = _sides(dataset, (train_end, calibrate_end), options)
    split = Split({}, {}, {}, from_ms, until_ms, known_at)
    for number, name in enumerate(PARTS):
        rows = (dataset.time_ms >= from_ms[name]) & (dataset.time_ms < until_ms[name])
        rows &= side == number if options.by_group else True
        part = dataset.take(rows)
        split.parts[name] = part
        split.label[name] = part.known_at(known_at[name])
        split.weight[name] = part.weight / share[rows]
    return split


def _sides(
    dataset: Dataset, cuts: tuple[int, int], options: SplitOptions
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each row, the part to which its person belongs and the share of such people in it."""
    n = len(dataset)
    if not options.by_group:
        return np.zeros(n, np.int64), np.ones(n)
    _, person = np.unique(dataset.group, return_inverse=True)
    n_people = int(person.max()) + 1
    component = _components(dataset, person, n_people)
    fraud = dataset.label == 1
    votes = np.zeros((n_people, 3))
    when = np.searchsorted(np.asarray(cuts), dataset.time_ms, side="right")
    np.add.at(votes, (component[person[fraud]], when[fraud]), 1.0)
    shares = np.asarray(options.people_shares) / sum(options.people_shares)
    people = np.zeros(n_people, np.uint64)
    people[person] = dataset.group
    dealt = np.searchsorted(np.cumsum(shares)[:-1], _uniform(people), side="right")
    tied = votes[component].sum(axis=1) > 0
    side_of_person = np.where(tied, votes[component].argmax(axis=1), dealt)
    share_of_person = np.where(tied, 1.0, shares[dealt])
    return side_of_person[person], share_of_person[person]


def _components(dataset: Dataset, person: NDArray[np.int64], n_people: int) -> NDArray[np.int64]:
    """Union of people who met the same ring: a representative person of each person."""
    parent = np.arange(n_people)

    def root(x: int) -> int:
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = int(parent[x])
        return x

    rows = np.flatnonzero(dataset.ring != 0)
    pairs = np.unique(np.column_stack([dataset.ring[rows], person[rows].astype(np.uint64)]), axis=0)
    leader: dict[int, int] = {}
    for ring, member in pairs.tolist():
        parent[root(int(member))] = root(leader.setdefault(ring, int(member)))
    return np.array([root(x) for x in range(n_people)], np.int64)


def _uniform(people: NDArray[np.uint64]) -> NDArray[np.float64]:
    """A fixed number in [0, 1) for each person (the finaliser of SplitMix64)."""
    x = people + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return np.asarray((x >> np.uint64(11)).astype(np.float64) / 2**53)
