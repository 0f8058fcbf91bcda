"""Rows of CSV files in batches: plain lines all at once, lines with quotes one by one, none of them lost."""

from collections.abc import Iterator
from typing import IO

import polars as pl

from forewarn.errors import ConfigurationError
from forewarn.platform.files.csv_lines import CsvDialect, CutRow, LineCutter, cut_rows
from forewarn.platform.files.text_lines import LineBlock, line_blocks
from forewarn.replay.csv_header import CsvHeader, find_header, require_owner
from forewarn.replay.file_tally import FileTally
from forewarn.replay.mapping_file import MappingFile, named_columns
from forewarn.replay.row_batch import BATCH_ROWS, FaultyRow, RowBatch

HEADING = "names the columns again"


def csv_batches(
    stream: IO[bytes], name: str, separator: str, mapping: MappingFile, tally: FileTally
) -> Iterator[RowBatch]:
    """Read a CSV file.

    Args:
        stream: its bytes.
        name: of the file, for messages.
        separator: between cells, if the mapping does not say it.
        mapping: says how the file is to be read, and which columns have to be there.
        tally: counts every line that is no row.

    Raises:
        ConfigurationError: if the file is empty, in another encoding, or lacks columns.
    """
    cutter = LineCutter(CsvDialect(mapping.separator or separator, mapping.quote))
    blocks = line_blocks(stream, mapping.encodings, name)
    first = next(blocks, None)
    if first is None:
        raise ConfigurationError(f"{name} is empty.", hint="Its first line names columns.")
    header = find_header(first.lines, cutter, mapping, name)
    tally.before = tally.lines = header.lines
    tally.head = first.lines[: header.lines]
    require_owner(tally.head, mapping, name)
    last_used = header.names[-1 - header.optional] in named_columns(mapping)
    reader = _Reader(
        header, cutter, tally, last_used=last_used,
        heading=first.lines[header.lines - 1] if header.lines else None,
    )  # fmt: skip
    waiting: LineBlock | None = LineBlock(
        first.lines[header.lines :], _shifted(first.undecoded, header.lines), first.ended
    )
    while waiting is not None:
        following = next(blocks, None)
        yield from reader.batches(waiting, at_end=following is None)
        waiting = _together(reader.left, following)


class _Reader:
    """Cuts blocks of lines into batches of rows.

    Args:
        header: names of the columns.
        cutter: of the dialect.
        tally: counts lines.
        last_used: whether the mapping reads the last cell of a line.
        heading: the line that names the columns; it stands again where files were put together.
    """

    def __init__(
        self,
        header: CsvHeader,
        cutter: LineCutter,
        tally: FileTally,
        *,
        last_used: bool,
        heading: str | None,
    ) -> None:
        self._header, self._cutter, self._tally = header, cutter, tally
        self._last_used, self._heading = last_used, heading
        self.left = LineBlock([])

    def batches(self, block: LineBlock, *, at_end: bool) -> Iterator[RowBatch]:
        """Batches of a block; afterwards ``left`` holds the lines that wait for further ones."""
        quote, lines = self._cutter.dialect.quote, block.lines
        texts = pl.Series(lines, dtype=pl.String)
        plain = not block.undecoded and (block.ended or not at_end)
        if not plain or (quote and texts.str.contains(quote, literal=True).any()):
            yield from self._by_line(block, at_end=at_end)
            return
        self.left = LineBlock([])
        for start in range(0, len(lines), BATCH_ROWS):
            end = start + BATCH_ROWS
            yield self._plain(lines[start:end], texts[start:end])

    def _plain(self, lines: list[str], texts: pl.Series) -> RowBatch:
        """A batch of lines that are rows by themselves."""
        header, separator = self._header, self._cutter.dialect.separator
        width = len(header.names)
        cells = texts.str.count_matches(separator, literal=True) + 1
        good = cells.is_between(width - header.optional, width)
        blank = texts.str.strip_chars() == ""
        again = texts == self._heading if self._heading is not None else blank & ~blank
        if again.any():
            self._tally.passed[HEADING] += int(again.sum())
        good &= ~blank & ~again
        first = self._tally.lines + 1
        self._tally.lines += len(lines)
        numbers: list[int] = list(range(first, first + len(lines)))
        faulty = []
        if not good.all():
            self._tally.blank += int(blank.sum())
            for place in (~good & ~blank & ~again).arg_true().to_list():
                row = CutRow(lines[place].split(separator), 1, lines[place])
                reason = self._fault(row, undecoded=False, cut=False)
                faulty.append(FaultyRow(numbers[place], row.raw, *(reason or ("", ""))))
            kept = good.arg_true().to_list()
            texts = texts.filter(good)
            lines, numbers = [lines[place] for place in kept], [numbers[place] for place in kept]
        if width == 1:
            frame = texts.alias(header.names[0]).to_frame()
        else:
            frame = texts.str.split_exact(separator, width - 1).struct.unnest()
            frame.columns = list(header.names)
            if header.optional:
                frame = frame.fill_null("")
        return RowBatch(header.names, [], numbers, lines, faulty, frame)

    def _by_line(self, block: LineBlock, *, at_end: bool) -> Iterator[RowBatch]:
        header, tally, lines = self._header, self._tally, block.lines
        width = len(header.names)
        batch = RowBatch(header.names, [], [], [])
        place = 0
        for row in cut_rows(lines, self._cutter, width, at_end=at_end):
            if row is None:
                break
            number = tally.lines + 1
            tally.lines += row.lines
            if row.lines == 1 and not row.raw.strip():
                tally.blank += 1
            elif row.raw == self._heading:
                tally.continued += row.lines - 1
                tally.passed[HEADING] += 1
            else:
                tally.continued += row.lines - 1
                last = at_end and not block.ended and place + row.lines == len(lines)
                fault = self._fault(row, undecoded=place in block.undecoded, cut=last)
                if fault is None:
                    batch.rows.append([*row.cells, *[""] * (width - len(row.cells))])
                    batch.lines.append(number)
                    batch.raws.append(row.raw)
                else:
                    batch.faulty.append(FaultyRow(number, row.raw, *fault))
            place += row.lines
            if len(batch) + len(batch.faulty) >= BATCH_ROWS:
                yield _framed(batch)
                batch = RowBatch(header.names, [], [], [])
        self.left = LineBlock(lines[place:], _shifted(block.undecoded, place), block.ended)
        if batch.rows or batch.faulty:
            yield _framed(batch)

    def _fault(self, row: CutRow, *, undecoded: bool, cut: bool) -> tuple[str, str] | None:
        """Why a row cannot be read, and what to do about it."""
        width = len(self._header.names)
        if row.fault:
            return (
                row.fault,
                'close or double the quote, or say quote = "" if quotes are ordinary characters',
            )
        if undecoded:
            return "holds bytes that are no text in the encoding of the file", "correct the line"
        count = len(row.cells)
        if not width - self._header.optional <= count <= width:
            more = "put quotes around the cell that holds the separator"
            return (
                f"{count} columns, the header has {width}",
                more if count > width else "add what is missing",
            )
        if cut and self._last_used and not row.last_quoted and row.cells[-1].strip():
            return (
                "the file ends within this line: its last cell may be cut off",
                "if the line is whole, end it with a line end",
            )
        return None


def _framed(batch: RowBatch) -> RowBatch:
    """A batch of rows as columns."""
    columns = {
        name: pl.Series(name, [row[place] for row in batch.rows], dtype=pl.String)
        for place, name in enumerate(batch.names)
    }
    return RowBatch(batch.names, [], batch.lines, batch.raws, batch.faulty, pl.DataFrame(columns))


def _shifted(positions: frozenset[int], by: int) -> frozenset[int]:
    return frozenset(position - by for position in positions if position >= by)


def _together(left: LineBlock, following: LineBlock | None) -> LineBlock | None:
    if following is None or not left.lines:
        return following
    undecoded = left.undecoded | {position + len(left.lines) for position in following.undecoded}
    return LineBlock([*left.lines, *following.lines], undecoded, following.ended)
