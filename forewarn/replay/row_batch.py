"""Some thousand rows of a file, with the line each came from, and their columns as texts."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from forewarn.replay.cell_error import CellError

BATCH_ROWS = 16_384


@dataclass(frozen=True, slots=True)
class FaultyRow:
    """A row that cannot be read at all.

    Attributes:
        line: the first line of the row, counted from 1.
        raw: the row as it stands in the file.
        reason: why, without a cell of it.
        repair: what to do about it.
    """

    line: int
    raw: str
    reason: str
    repair: str = ""


@dataclass(slots=True)
class RowBatch:
    """Rows that could be read, and those that could not.

    Attributes:
        names: of the columns, where every row is a list of cells; empty where rows are objects.
        rows: lists of cells, or objects with the names of JSON; empty where ``frame`` holds the cells.
        lines: the first line of each row.
        raws: each row as it stands in the file.
        faulty: rows that cannot be read.
        frame: the cells as columns of texts, where the rows were cut all at once.
    """

    names: Sequence[str]
    rows: list[Any]
    lines: list[int]
    raws: list[str]
    faulty: list[FaultyRow] = field(default_factory=list)
    frame: pl.DataFrame | None = None
    _texts: dict[str, list[str]] = field(default_factory=dict)
    _series: dict[str, pl.Series] = field(default_factory=dict)
    _faults: dict[str, dict[int, CellError]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lines)

    def has(self, name: str) -> bool:
        """Whether any row has the column."""
        if self.names:
            return name in self.names
        return any(_found(row, name)[0] for row in self.rows)

    def texts(self, name: str) -> list[str]:
        """The cells of a column without the blanks around them; empty where there is none."""
        known = self._texts.get(name)
        if known is None:
            known = self._texts[name] = self._read(name)
        return known

    def series(self, name: str) -> pl.Series:
        """The cells of :meth:`texts` as a polars column."""
        known = self._series.get(name)
        if known is None:
            if self.frame is not None and name in self.names:
                known = self.frame[name].str.strip_chars()
            else:
                known = pl.Series(name, self.texts(name), dtype=pl.String)
            self._series[name] = known
        return known

    def faults(self, name: str) -> dict[int, CellError]:
        """Positions of the cells of a column that hold no text but a list or an object."""
        return self._faults.get(name, {})

    def cells(self) -> list[Any]:
        """The rows one by one: lists of cells, or objects."""
        if self.frame is not None:
            return [list(row) for row in self.frame.iter_rows()]
        return self.rows

    def taken(self, positions: list[int]) -> "RowBatch":
        """Some of the rows, without the faulty ones."""
        return RowBatch(
            self.names,
            [] if self.frame is not None else [self.rows[position] for position in positions],
            [self.lines[position] for position in positions],
            [self.raws[position] for position in positions],
            frame=None if self.frame is None else self.frame[positions],
        )

    def without(self, positions: set[int]) -> "RowBatch":
        """All rows but these, with the faulty ones."""
        if not positions:
            return self
        kept = self.taken([place for place in range(len(self)) if place not in positions])
        kept.faulty = self.faulty
        return kept

    def with_columns(self, added: dict[str, list[str]]) -> "RowBatch":
        """These rows with further columns; a text for each row."""
        if not added:
            return self
        rows, frame, names = self.rows, self.frame, self.names
        if frame is not None:
            frame = frame.with_columns(
                pl.Series(name, texts, dtype=pl.String) for name, texts in added.items()
            )
        elif self.names:
            more = zip(*added.values(), strict=True)
            rows = [[*row, *cells] for row, cells in zip(rows, more, strict=True)]
        else:
            rows = [
                row | {name: texts[place] for name, texts in added.items()}
                for place, row in enumerate(rows)
            ]
        if self.names:
            names = [*self.names, *added]
        return RowBatch(names, rows, self.lines, self.raws, self.faulty, frame)

    def joined(self, others: Sequence[Any | None], prefix: str) -> "RowBatch":
        """These rows, each with the cells of another row beside its own.

        Args:
            others: a row of the same file for each of these, or None.
            prefix: put before the names of the other row's columns.
        """
        if self.names:
            blank = [""] * len(self.names)
            names = [*self.names, *(prefix + name for name in self.names)]
            rows = [[*row, *(other or blank)] for row, other in zip(self.rows, others, strict=True)]
            return RowBatch(names, rows, self.lines, self.raws, self.faulty)
        rows = [
            row | {prefix + name: cell for name, cell in (other or {}).items()}
            for row, other in zip(self.rows, others, strict=True)
        ]
        return RowBatch((), rows, self.lines, self.raws, self.faulty)

    def _read(self, name: str) -> list[str]:
        if self.frame is not None and name in self.names:
            return self.series(name).to_list()
        if self.names:
            if name not in self.names:
                return [""] * len(self.lines)
            place = self.names.index(name)
            return [row[place].strip() for row in self.rows]
        texts = []
        for position, row in enumerate(self.rows):
            cell = row[name] if name in row else _found(row, name)[1]
            if type(cell) is str:
                texts.append(cell.strip())
                continue
            try:
                texts.append(text_of(cell))
            except CellError as error:
                self._faults.setdefault(name, {})[position] = error
                texts.append("?")
        return texts


def text_of(cell: Any) -> str:
    """A cell of JSON or Parquet as a text.

    Raises:
        CellError: for a list or an object, which are no cells, and for what could not be read.
    """
    if cell is None:
        return ""
    if isinstance(cell, CellError):
        raise cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, bytes):
        try:
            return cell.decode().strip()
        except UnicodeDecodeError:
            raise CellError("is no text in UTF-8") from None
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    if isinstance(cell, list | dict):
        raise CellError("is a list or an object", repair="name a column within it, such as a.b")
    return str(cell).strip()


def path_of(name: str) -> list[str]:
    """The steps of ``a.b.0.c`` or ``a[b]``; ``-1`` is the last of a list."""
    return [step for step in re.split(r"[.\[\]]", name) if step]


def getter(name: str) -> Callable[[Any], tuple[bool, Any]]:
    """Reads a column of an object by its name, or by the steps of its name."""
    return lambda row: _found(row, name)


def raw_json(row: Any) -> str:
    """An object as a line of JSON."""
    return json.dumps(row, ensure_ascii=False, default=str)


def _found(row: Any, name: str) -> tuple[bool, Any]:
    if isinstance(row, dict) and name in row:
        return True, row[name]
    if "." not in name and "[" not in name:
        return False, None
    for step in path_of(name):
        if isinstance(row, dict) and step in row:
            row = row[step]
        elif (
            isinstance(row, list)
            and step.removeprefix("-").isdecimal()
            and -len(row) <= int(step) < len(row)
        ):
            row = row[int(step)]
        else:
            return False, None
    return True, row
