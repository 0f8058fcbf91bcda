"""Which rows of a batch meet the conditions of ``when``."""

import re
from collections.abc import Callable

import polars as pl

from forewarn.replay.row_batch import RowBatch
from forewarn.replay.row_rules import Condition, Scalar, When

Test = Callable[[str], bool]


class RowCondition:
    """All conditions of one ``when``, or of any of several.

    A text is compared without the blanks around it. ``""`` means empty, null or absent, and ``true`` and
    ``false`` are those of JSON as well as the words in any case.

    Args:
        when: what the cells have to be.
        others: of which each will do as well.

    Raises:
        re.error: if a pattern is none.
    """

    def __init__(self, when: When, *others: When) -> None:
        self._others = [RowCondition(other) for other in others]
        self._tests = {column: _test(wanted) for column, wanted in when.items()}
        conditions = [(name, one) for name, one in when.items() if isinstance(one, Condition)]
        self._equal = [(name, one.equals) for name, one in conditions if one.equals]
        self._unequal = [(name, one.differs) for name, one in conditions if one.differs]

    def mask(self, batch: RowBatch) -> pl.Series:
        """Which rows meet all conditions; bool [rows]."""
        found = pl.Series([True]).new_from_index(0, len(batch))
        for column, test in self._tests.items():
            texts = batch.series(column)
            meant = [text for text in texts.unique().to_list() if test(text)]
            found &= texts.is_in(meant)
        for column, other in self._equal:
            found &= batch.series(column) == batch.series(other)
        for column, other in self._unequal:
            found &= batch.series(column) != batch.series(other)
        for each in self._others:
            found |= each.mask(batch)
        return found

    def positions(self, batch: RowBatch, among: list[int] | None = None) -> list[int]:
        """Positions of the rows that meet all conditions, in their order."""
        mask = self.mask(batch).to_list()
        return [place for place in (range(len(batch)) if among is None else among) if mask[place]]


def _test(wanted: Scalar | list[Scalar] | Condition) -> Test:
    if isinstance(wanted, Condition):
        return _condition(wanted)
    texts = {_text(one) for one in (wanted if isinstance(wanted, list) else [wanted])}
    logical = {text for text in texts if text in ("true", "false")}
    if not logical:
        return texts.__contains__
    return lambda text: text in texts or text.casefold() in logical


def _condition(wanted: Condition) -> Test:
    pattern = re.compile(wanted.matches) if wanted.matches else None
    excluded = {_text(one) for one in wanted.none_of}

    def test(text: str) -> bool:
        if wanted.filled is not None and bool(text) != wanted.filled:
            return False
        if text in excluded:
            return False
        return pattern is None or pattern.fullmatch(text) is not None

    return test


def _text(one: Scalar) -> str:
    if isinstance(one, bool):
        return "true" if one else "false"
    return str(one).strip()
