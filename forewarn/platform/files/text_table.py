"""A CSV file as a table of texts: nothing is taken for a number or a date before the caller says so.

A library that infers types makes 000123 and 123 one account, and one that fills short rows makes an amount vanish.
So the lines are counted here, and a file with a line that does not fit its header is refused.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from forewarn.errors import ConfigurationError
from forewarn.platform.files.byte_stream import kind_of, unpacked
from forewarn.platform.files.csv_lines import CsvDialect, LineCutter, cut_rows
from forewarn.platform.files.text_lines import line_blocks

_SHOWN_LINES = 5


def read_text_table(path: Path) -> pl.DataFrame:
    """Read a CSV file whose first line names the columns.

    Args:
        path: of the file, which may be packed; UTF-8.

    Returns:
        Columns of texts without the blanks around them.

    Raises:
        ConfigurationError: if a line does not fit the header, or two columns have one name.
    """
    separator = "\t" if kind_of(path) == ".tsv" else ","
    cutter = LineCutter(CsvDialect(separator))
    with unpacked(path) as (stream, _):
        parts = list(_parts(stream, path.name, cutter))
    if not parts:
        raise ConfigurationError(f"{path.name} is empty.", hint="Its first line names columns.")
    return pl.concat(parts)


def _parts(stream: object, name: str, cutter: LineCutter) -> Iterator[pl.DataFrame]:
    names: list[str] = []
    bad: list[int] = []
    number = 0
    lines: list[str] = []
    blocks = line_blocks(stream, "utf-8", name, advice="Save it as UTF-8; it looks like {likely}.")  # type: ignore[arg-type]  # of bytes
    for block in blocks:
        lines += block.lines
        if not names and lines:
            names = _header(lines.pop(0), cutter, name)
            number = 1
        rows, taken, faulty = _rows(lines, cutter, len(names), at_end=not block.ended)
        bad += [number + line for line in faulty]
        number += taken
        lines = lines[taken:]
        yield _frame(names, rows)
    rows, _, faulty = _rows(lines, cutter, len(names), at_end=True)
    bad += [number + line for line in faulty]
    if bad:
        shown = ", ".join(map(str, bad[:_SHOWN_LINES])) + (
            ", ..." if len(bad) > _SHOWN_LINES else ""
        )
        raise ConfigurationError(
            f"{name}: {len(bad)} lines do not have the {len(names)} columns of the header, or a quote that is "
            f"never closed: {shown}.",
            hint="Correct or remove these lines: a shifted row would be learned as it stands.",
        )
    if rows:
        yield _frame(names, rows)


def _header(line: str, cutter: LineCutter, name: str) -> list[str]:
    names = [cell.strip() for cell in cutter.cut(line).cells]
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        raise ConfigurationError(
            f"{name}: two columns are called {twice[0]!r}.", hint="Rename one of them."
        )
    return names


def _rows(
    lines: list[str], cutter: LineCutter, width: int, *, at_end: bool
) -> tuple[list[list[str]], int, list[int]]:
    """Rows, how many lines they took, and which of these lines (from 1) are no rows."""
    rows, taken, faulty = [], 0, []
    for row in cut_rows(lines, cutter, width, at_end=at_end):
        if row is None:
            break
        if row.fault or len(row.cells) != width:
            if row.raw.strip():
                faulty.append(taken + 1)
        else:
            rows.append(row.cells)
        taken += row.lines
    return rows, taken, faulty


def _frame(names: list[str], rows: list[list[str]]) -> pl.DataFrame:
    cells = zip(*rows, strict=True) if rows else ([] for _ in names)
    columns = {
        name: pl.Series(name, list(column), dtype=pl.String).str.strip_chars()
        for name, column in zip(names, cells, strict=True)
    }
    return pl.DataFrame(columns)
