"""Which part each person goes to, drawn so that every row's chance to be there is known.

People without fraud are assigned by a hash. Frauds are few, so a component that has some goes mostly
to the part in which they happened, but never surely: each part keeps a chance of ``LEAST_CHANCE``.
Rows that count 1 / their chance then stand for the window as it was (Horvitz and Thompson 1952). A
choice by label without that correction would fill the test part with just the people who had fraud
in it, which raises its prevalence and flatters every measure.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.training.connected_members import representatives
from models.training.training_dataset import Dataset

LEAST_CHANCE = 0.1
"""Of a component to come into a part without any of its fraud; no row counts more than 1 / this."""

_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class GroupAssignment:
    """By row: the part (0, 1, 2) of its person, and the chance with which it was drawn."""

    part: NDArray[np.int64]
    chance: NDArray[np.float64]


def assign_groups(
    dataset: Dataset, cuts_ms: tuple[int, int], people_shares: tuple[float, float, float]
) -> GroupAssignment:
    """Assign each person to one of the three parts that the two cuts make.

    Args:
        dataset: the rows, with groups and rings.
        cuts_ms: where the second and the third part begin.
        people_shares: of people without fraud.
    """
    _, person = np.unique(dataset.group, return_inverse=True)
    n_people = int(person.max()) + 1
    people = np.zeros(n_people, np.uint64)
    people[person] = dataset.group
    rows = np.flatnonzero(dataset.ring != 0)
    component = representatives(person[rows], dataset.ring[rows], n_people)
    fraud = dataset.label == 1
    frauds = np.zeros((n_people, 3))
    when = np.searchsorted(np.asarray(cuts_ms), dataset.time_ms, side="right")
    np.add.at(frauds, (component[person[fraud]], when[fraud]), 1.0)
    shares = np.asarray(people_shares) / sum(people_shares)
    chances = np.broadcast_to(shares, (n_people, 3)).copy()
    tied = frauds.sum(axis=1) > 0
    chances[tied] = LEAST_CHANCE + (1 - 3 * LEAST_CHANCE) * (
        frauds[tied] / frauds[tied].sum(axis=1, keepdims=True)
    )
    draw = _uniform(people)
    draw[tied] = _spread(frauds[tied])
    drawn = (draw[:, None] >= np.cumsum(chances, axis=1)[:, :2]).sum(axis=1)
    drawn, chance = drawn[component], chances[np.arange(n_people), drawn][component]
    return GroupAssignment(drawn[person], chance[person])


def deal_by_lot(
    group: NDArray[np.uint64], label: NDArray[np.int8], shares: tuple[float, float, float]
) -> GroupAssignment:
    """Deal groups to the three parts without regard to time, so that each has its share of those with fraud.

    Groups with fraud and groups without are put in a fixed random order each, and every part takes its share of
    both. What comes out depends on the groups alone, so a caller may ask for it twice.

    Args:
        group: of each row.
        label: 0/1 of each row.
        shares: of the parts.
    """
    groups, member = np.unique(group, return_inverse=True)
    fraud = np.zeros(len(groups), np.bool_)
    fraud[member[label == 1]] = True
    bounds = np.cumsum(np.asarray(shares) / sum(shares))[:2]
    part = np.empty(len(groups), np.int64)
    for stratum in (fraud, ~fraud):
        drawn = np.flatnonzero(stratum)
        drawn = drawn[np.argsort(_uniform(groups[drawn]), kind="stable")]
        place = (np.arange(len(drawn)) + 0.5) / max(1, len(drawn))
        part[drawn] = np.searchsorted(bounds, place, side="right")
    return GroupAssignment(part[member], np.ones(len(member)))


def _spread(frauds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers in [0, 1) for components with fraud, spread evenly among those that are alike.

    Each is as likely to be anywhere as a drawn one, but together they leave no gaps (multiples of the
    golden ratio), so that a dozen rings do not all land in one part.
    """
    order = np.lexsort((frauds.sum(axis=1), frauds.argmax(axis=1)))
    draw = np.empty(len(frauds))
    draw[order] = (0.5 + np.arange(len(frauds)) * _GOLDEN) % 1.0
    return draw


def _uniform(people: NDArray[np.uint64]) -> NDArray[np.float64]:
    """A fixed number in [0, 1) for each person (the finaliser of SplitMix64)."""
    x = people + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return np.asarray((x >> np.uint64(11)).astype(np.float64) / 2**53)
