"""Which rows were seen before, in eight bytes a row."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

KEYS_REMEMBERED = 10_000_000
"""Rows whose repetition is noticed for certain is half of it: the older half is forgotten at once. At most 80 MB."""


class SeenKeys:
    """Remembers hashes of keys in sorted arrays that double in size, and of many keys the latest only.

    Two of 10 million rows share a hash of 64 bits by chance once in 400,000 files.
    """

    def __init__(self, remembered: int = KEYS_REMEMBERED) -> None:
        self._half = max(remembered // 2, 1)
        self._former: list[NDArray[np.uint64]] = []
        self._latest: list[NDArray[np.uint64]] = []

    def repeated(self, keys: pl.DataFrame) -> pl.Series:
        """Which rows have the cells of an earlier row of this or a former call; bool [rows].

        Rows whose cells are all empty never repeat another one.
        """
        marks = keys.hash_rows(seed=0).to_numpy()
        # A number is never empty, and cannot be compared with a text.
        tests = [
            pl.col(name) == "" if kind == pl.String else pl.lit(value=False)
            for name, kind in keys.schema.items()
        ]
        empty = keys.select(pl.all_horizontal(tests)).to_series()
        empty = empty if len(empty) == len(keys) else empty.new_from_index(0, len(keys))
        repeated = ~pl.Series(marks).is_first_distinct().to_numpy() | self._among(marks)
        self._remember(np.unique(marks[~repeated & ~empty.to_numpy()]))
        return pl.Series(repeated) & ~empty

    def known(self, keys: pl.DataFrame) -> pl.Series:
        """Which rows have the cells of a row of a former call of :meth:`repeated`; none is remembered; bool [rows]."""
        return pl.Series(self._among(keys.hash_rows(seed=0).to_numpy()))

    def _among(self, marks: NDArray[np.uint64]) -> NDArray[np.bool_]:
        found = np.zeros(len(marks), np.bool_)
        # In order, one search is near the one before it, so that a large array is not read from all over.
        order = np.argsort(marks)
        marks = marks[order]
        for level in (*self._former, *self._latest):
            places = np.searchsorted(level, marks)
            places[places == len(level)] = 0
            found[order] |= level[places] == marks
        return found

    def _remember(self, marks: NDArray[np.uint64]) -> None:
        if len(marks):
            self._latest.append(marks)
        while len(self._latest) > 1 and len(self._latest[-2]) < 2 * len(self._latest[-1]):
            merged = np.concatenate([self._latest.pop(), self._latest.pop()])
            merged.sort(kind="stable")
            self._latest.append(merged)
        if sum(map(len, self._latest)) >= self._half:
            self._former, self._latest = self._latest, []
