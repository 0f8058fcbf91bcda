"""How a mapping says which rows are meant, and which belong together."""

from typing import Annotated

import msgspec

Scalar = str | bool | int | float


class Condition(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a cell has to be, where a list of texts does not say it.

    Attributes:
        matches: a regular expression of the whole cell.
        none_of: what it must not be.
        filled: whether anything stands in it.
        equals: another column with the same cell.
        differs: another column with another cell.
    """

    matches: str = ""
    none_of: list[Scalar] = []
    filled: bool | None = None
    equals: str = ""
    differs: str = ""


When = dict[str, Scalar | list[Scalar] | Condition]


class Join(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Rows that belong together, such as INVITE and BYE, or all records of one call: one row stands for them.

    The row that stands for all is the first, or with ``better`` the first of these; where ``least`` is said, the one
    with the least cell of its first column. Beside its own cells it has those of the row that ends the group under
    ``prefix``, and with ``several`` what ``sum``, ``least`` and ``greatest`` say.

    Attributes:
        key: columns that are equal in all of them; rows in which all are empty stand alone.
        first: which rows begin.
        second: which rows end; each is counted as joined. None if it is not said.
        prefix: before the names of the ending row's columns.
        rows_apart: how many further groups may wait at most.
        alone: whether an ending row without a first one is a row of its own.
        several: whether further first rows with the key belong to the group, too; without it they begin another.
        linked: whether one equal cell of ``key``, in whichever column, makes two rows belong together.
        better: rows that stand for the group before others, such as the answered one.
        sum: columns of durations: ``sum.NAME`` has the seconds of all rows, ``better.NAME`` of the better ones,
            ``before.NAME`` of those before the row that stands for all.
        least: columns whose first text in alphabetical order is wanted, as ``least.NAME``: times from year to second.
        greatest: likewise the last text, as ``greatest.NAME``.
    """

    key: Annotated[list[str], msgspec.Meta(min_length=1)]
    first: When
    second: When = {}
    prefix: str = "then."
    rows_apart: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 100_000
    alone: bool = False
    several: bool = False
    linked: bool = False
    better: When = {}
    sum: list[str] = []
    least: list[str] = []
    greatest: list[str] = []

    @property
    def added(self) -> list[str]:
        """Names of the columns that sums and the like give."""
        sums = [f"{what}.{name}" for name in self.sum for what in ("sum", "better", "before")]
        ends = [f"least.{name}" for name in self.least]
        return [*sums, *ends, *(f"greatest.{name}" for name in self.greatest)]
