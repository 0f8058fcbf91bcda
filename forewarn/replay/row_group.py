"""Rows of one group, such as the records of one call, and what they say together."""

from dataclasses import dataclass
from typing import Any

from forewarn.replay.cell_conversion import duration
from forewarn.replay.cell_error import CellError
from forewarn.replay.row_batch import RowBatch
from forewarn.replay.row_rules import Join

NO_SUM = "?"
"""Stands for a sum of which a cell is no duration: no conversion takes it."""


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A row that may wait for others.

    Attributes:
        cells: a list, or an object of JSON.
        line: in the file.
        raw: the row as it stands.
        preferred: whether it stands for its group before others.
        order: of rows that are equally good, the one with the least stands for all; empty if that is not said.
        sums_ms: durations by column; None for a cell that is none.
        texts: of the columns that are compared.
    """

    cells: Any
    line: int
    raw: str
    preferred: bool
    order: str
    sums_ms: dict[str, int | None]
    texts: dict[str, str]


class WaitingRows:
    """The rows of a batch, one by one, with what is added up and compared.

    Args:
        join: names the columns.
        batch: the rows.
        preferred: positions of the better rows.
    """

    def __init__(self, join: Join, batch: RowBatch, preferred: set[int]) -> None:
        self._batch, self._cells, self._preferred = batch, batch.cells(), preferred
        self._sums = {name: batch.texts(name) for name in join.sum}
        self._texts = {name: batch.texts(name) for name in (*join.least, *join.greatest)}
        self._order = join.least[0] if join.least else None

    def of(self, position: int) -> WaitingRow:
        """One row."""
        texts = {name: cells[position] for name, cells in self._texts.items()}
        return WaitingRow(
            self._cells[position],
            self._batch.lines[position],
            self._batch.raws[position],
            position in self._preferred,
            texts[self._order] if self._order else "",
            {name: _milliseconds(cells[position]) for name, cells in self._sums.items()},
            texts,
        )


class RowGroup:
    """One row that stands for several.

    Args:
        row: the first.

    Attributes:
        row: the row that stands for all.
        ended_by: the cells of the row that ended the group, or None.
    """

    def __init__(self, row: WaitingRow) -> None:
        self.row = row
        self.ended_by: Any = None
        nothing: dict[str, int | None] = dict.fromkeys(row.sums_ms, 0)
        self._sums, self._before = dict(row.sums_ms), nothing
        self._better = dict(row.sums_ms) if row.preferred else dict(nothing)
        self._least, self._greatest = dict(row.texts), dict(row.texts)

    def join(self, row: WaitingRow) -> None:
        """Take a further row in."""
        if self._stands_behind(row):
            self.row, self._before = row, dict(self._sums)
        for sums in (self._sums, self._better) if row.preferred else (self._sums,):
            for name, value in row.sums_ms.items():
                known = sums[name]
                sums[name] = None if known is None or value is None else known + value
        for name, text in row.texts.items():
            known_text = self._least[name]
            self._least[name] = min(known_text, text) if known_text and text else known_text or text
            self._greatest[name] = max(self._greatest[name], text)

    def end(self, row: WaitingRow) -> None:
        """Take the row in that ends the group."""
        self.join(row)
        self.ended_by = row.cells

    def columns(self, join: Join) -> dict[str, str]:
        """The columns that the group adds, by their names."""
        found = {}
        for name in join.sum:
            found[f"sum.{name}"] = _seconds(self._sums[name])
            found[f"better.{name}"] = _seconds(self._better[name])
            found[f"before.{name}"] = _seconds(self._before[name])
        found.update({f"least.{name}": self._least[name] for name in join.least})
        return found | {f"greatest.{name}": self._greatest[name] for name in join.greatest}

    def _stands_behind(self, row: WaitingRow) -> bool:
        if self.row.preferred != row.preferred:
            return row.preferred
        return bool(row.order) and row.order < self.row.order


def _milliseconds(text: str) -> int | None:
    """A duration of which a plain number counts seconds; an empty cell is none."""
    try:
        return duration(text, 1000) if text else 0
    except CellError:
        return None


def _seconds(milliseconds: int | None) -> str:
    if milliseconds is None:
        return NO_SUM
    whole, rest = divmod(milliseconds, 1000)
    return f"{whole}.{rest:03d}" if rest else str(whole)
