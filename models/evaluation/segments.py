"""Segments of people: recall and false warnings by segment.

Events of one fraud, and of one person, resemble each other: forty warned calls of one victim are
one success. So the units are episodes and people, and the intervals speak of those.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.ranking_measures import weighted_share
from models.training.training_dataset import Dataset

Floats = NDArray[np.float64]


def segments(
    part: Dataset,
    segment: NDArray[np.str_],
    warned: NDArray[np.bool_],
    label: NDArray[np.int8],
    weight: Floats,
) -> dict[str, Any]:
    """By segment: share of episodes found, and of honest people warned, with 95 % intervals.

    Rows without a segment are left out. ``false_per_1000`` counts people without fraud in this part
    who were warned at all, for each 1,000 such people; a kind of fraud has none, so it is null there.

    Args:
        part: the rows.
        segment: of each row.
        warned: whether the row reaches the threshold.
        label: as known.
        weight: how many rows each one stands for.
    """
    fraud = label == 1
    victims = np.unique(part.group[fraud])
    honest = ~np.isin(part.group, victims)
    table = {}
    for name in np.unique(segment[(segment != "")]):
        rows = segment == name
        mine = rows & fraud & (part.episode >= 0)
        hit, stands_for = _by_unit(part.episode[mine], warned[mine], weight[mine])
        people = rows & honest
        bothered, count = _by_unit(part.group[people], warned[people], weight[people])
        if not len(hit) and not len(bothered):
            continue
        recall, low, high = weighted_share(hit, stands_for)
        share, least, most = weighted_share(bothered, count)
        table[str(name)] = {
            "episodes": len(hit),
            "recall": recall,
            "low": low,
            "high": high,
            "honest_people": len(bothered),
            "false_per_1000": 1000 * share,
            "false_low": 1000 * least,
            "false_high": 1000 * most,
        }
    return table


def _by_unit(
    unit: NDArray[np.generic], warned: NDArray[np.bool_], weight: Floats
) -> tuple[NDArray[np.bool_], Floats]:
    """For each unit, whether any of its rows is warned, and its weight."""
    _, number = np.unique(unit, return_inverse=True)
    n = int(number.max()) + 1 if len(number) else 0
    hit, stands_for = np.zeros(n, np.bool_), np.zeros(n)
    np.logical_or.at(hit, number, warned)
    np.maximum.at(stands_for, number, weight)
    return hit, stands_for
