"""Lines of a CSV file to rows of cells, so that no line is lost.

Every library was seen to lose rows on real files: an unclosed quote swallows the rest of the file, or the
whole file is refused for an inch mark. So lines are counted here. A quoted cell may hold line ends, but
a line that is a whole row by itself is never read into the cell of another.
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST_CELL_LINES = 500
"""Lines that one quoted cell may have."""


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How lines are cut into cells; no ``quote`` means that quotes are ordinary characters."""

    separator: str = ","
    quote: str = '"'


@dataclass(frozen=True, slots=True)
class Cut:
    """The cells of a line; ``open`` says that its last cell is quoted and does not end in this line."""

    cells: list[str]
    open: bool = False
    last_quoted: bool = False


class LineCutter:
    """Cuts lines into cells.

    Quotes that are not doubled within a quoted cell are taken for what they are (``"Fake "Police"
    Office"``), blanks before an opening quote fall away, and a quote within an unquoted cell is a character.
    """

    def __init__(self, dialect: CsvDialect) -> None:
        self.dialect = dialect
        separator, quote = map(re.escape, (dialect.separator, dialect.quote or '"'))
        cell = rf"(?:{quote}[^{quote}]*+(?:{quote}{quote}[^{quote}]*+)*+{quote}|[^{quote}{separator}]*+)"
        self._clean = re.compile(rf"{cell}(?:{separator}{cell})*+")

    def cut(self, line: str) -> Cut:
        """The cells of one line, or of several lines joined by line ends."""
        separator, quote = self.dialect.separator, self.dialect.quote
        if not quote or quote not in line:
            return Cut(line.split(separator))
        if "\n" not in line and len(line) < csv.field_size_limit() and self._clean.fullmatch(line):
            reader = csv.reader((line,), delimiter=separator, quotechar=quote)
            return Cut(next(reader), last_quoted=line.endswith(quote))
        return self._tolerant(line)

    def _tolerant(self, line: str) -> Cut:
        separator, quote = self.dialect.separator, self.dialect.quote
        closes = re.compile(rf"{re.escape(quote)}[ \t]*(?={re.escape(separator)}|\r?$(?!\n))")
        cells: list[str] = []
        place = 0
        while True:
            start = place
            while start < len(line) and line[start] in " \t" and line[start] != separator:
                start += 1
            if not line.startswith(quote, start):
                end = line.find(separator, place)
                if end < 0:
                    cells.append(line[place:])
                    return Cut(cells)
                cells.append(line[place:end])
                place = end + 1
                continue
            content, place = self._quoted(line, start + 1, closes)
            cells.append(content)
            if place < 0:
                return Cut(cells, open=True, last_quoted=True)
            if place >= len(line) or line[place] != separator:
                return Cut(cells, last_quoted=True)
            place += 1

    def _quoted(self, line: str, start: int, closes: re.Pattern[str]) -> tuple[str, int]:
        """The content of a quoted cell and the place behind it; -1 if it is never closed."""
        quote = self.dialect.quote
        place = line.find(quote, start)
        while place >= 0:
            if line.startswith(quote * 2, place) and not self._empty_end(
                line, start, place, closes
            ):
                place = line.find(quote, place + 2)
                continue
            if found := closes.match(line, place):
                return line[start:place].replace(quote * 2, quote), found.end()
            place = line.find(quote, place + 1)
        return line[start:], -1

    def _empty_end(self, line: str, start: int, place: int, closes: re.Pattern[str]) -> bool:
        """Whether two quotes are a character and the end, as in ``"a "b""``: an odd quote came before."""
        inner = line[start:place].replace(self.dialect.quote * 2, "")
        return (
            inner.count(self.dialect.quote) % 2 == 1 and closes.match(line, place + 1) is not None
        )


@dataclass(frozen=True, slots=True)
class CutRow:
    """One row: its cells, how many lines it has, and why it cannot be read."""

    cells: list[str]
    lines: int
    raw: str
    fault: str = ""
    last_quoted: bool = False


def cut_rows(
    lines: list[str], cutter: LineCutter, width: int, *, at_end: bool
) -> Iterable[CutRow | None]:
    """Cut lines into rows.

    Args:
        lines: without their line ends.
        cutter: of the file's dialect.
        width: cells of a row; a line with as many is a row by itself.
        at_end: whether no further lines will come.

    Yields:
        The rows, and None if the last lines need further ones to be understood: they have to be given again.
    """
    place = 0
    while place < len(lines):
        line = lines[place]
        found = cutter.cut(line)
        if not found.open:
            yield CutRow(found.cells, 1, line, last_quoted=found.last_quoted)
            place += 1
            continue
        row = _over_lines(lines, place, cutter, width, at_end=at_end)
        yield row
        if row is None:
            return
        place += row.lines


def _over_lines(
    lines: list[str], place: int, cutter: LineCutter, width: int, *, at_end: bool
) -> CutRow | None:
    """A row whose quoted cell goes on in the next lines, or the one line whose quote is never closed."""
    unclosed = CutRow([], 1, lines[place], fault="a quote is never closed")
    text = lines[place]
    for taken, line in enumerate(lines[place + 1 : place + LONGEST_CELL_LINES], start=2):
        # A line that ends the cell has one quote without a partner; a row by itself has none.
        whole = line.count(cutter.dialect.quote) % 2 == 0
        if whole and width > 1 and len(cutter.cut(line).cells) == width:
            return unclosed
        text += "\n" + line
        if cutter.dialect.quote not in line:
            continue
        found = cutter.cut(text)
        if not found.open:
            if len(found.cells) != width:
                return unclosed
            return CutRow(found.cells, taken, text, last_quoted=found.last_quoted)
    if at_end or len(lines) - place >= LONGEST_CELL_LINES:
        return unclosed
    return None
