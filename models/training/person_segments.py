"""Age group and district of people, for reports by segment."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.offline.frame_columns import pseudonyms
from forewarn.platform.pseudonyms import Pseudonymiser

_SLICE_ROWS = 100_000
_TEXT = "U12"


@dataclass(frozen=True, slots=True)
class PersonSegments:
    """Segments in order of the pseudonym.

    Attributes:
        subscriber: pseudonyms, ascending, [people].
        age_group, district: texts of up to 12 characters, empty where unknown, [people].
    """

    subscriber: NDArray[np.uint64]
    age_group: NDArray[np.str_]
    district: NDArray[np.str_]

    @classmethod
    def among(
        cls, people: pl.DataFrame, pseudonymiser: Pseudonymiser, wanted: NDArray[np.uint64]
    ) -> "PersonSegments":
        """Segments of the people that are wanted; those of the others are never in memory as arrays.

        Args:
            people: subscriber, district and, if it is known, age_group.
            pseudonymiser: the one that made ``wanted``.
            wanted: pseudonyms, in any order, repeated or not.
        """
        if "age_group" not in people.columns:
            people = people.with_columns(pl.lit("").alias("age_group"))
        few = np.unique(wanted)
        numbers: list[NDArray[np.uint64]] = []
        rows: list[pl.DataFrame] = []
        for part in people.select("subscriber", "age_group", "district").iter_slices(_SLICE_ROWS):
            number = pseudonyms(part["subscriber"], pseudonymiser.phone)
            chosen = np.isin(number, few)
            numbers.append(number[chosen])
            rows.append(part.filter(pl.Series(chosen)))
        if not rows:
            return cls(np.empty(0, np.uint64), np.empty(0, _TEXT), np.empty(0, _TEXT))
        number, table = np.concatenate(numbers), pl.concat(rows)
        order = np.argsort(number)
        texts = (
            np.array(table[name].fill_null("").to_list(), dtype=_TEXT)[order]
            for name in ("age_group", "district")
        )
        return cls(number[order], *texts)

    def of(self, subscribers: NDArray[np.uint64]) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
        """Age group and district of each subscriber, empty where unknown, [n] each."""
        if not len(self.subscriber):
            return np.full(len(subscribers), "", _TEXT), np.full(len(subscribers), "", _TEXT)
        place = np.searchsorted(self.subscriber, subscribers)
        place = np.minimum(place, len(self.subscriber) - 1)
        known = self.subscriber[place] == subscribers
        return (
            np.where(known, self.age_group[place], ""),
            np.where(known, self.district[place], ""),
        )
