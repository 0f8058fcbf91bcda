"""Rows of CSV, JSON Lines, JSON and Parquet files in batches, every line accounted for."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from forewarn.errors import ConfigurationError
from forewarn.replay.byte_stream import PACKED, CountedFile, kind_of, unpacked
from forewarn.replay.csv_header import Header, find_header
from forewarn.replay.csv_lines import CsvDialect, CutRow, LineCutter, cut_rows
from forewarn.replay.file_tally import FileTally
from forewarn.replay.mapping_file import MappingFile, named_columns, required_columns
from forewarn.replay.row_batch import BATCH_ROWS, FaultyRow, RowBatch, getter
from forewarn.replay.statement_file import STATEMENTS, statement_rows
from forewarn.replay.text_lines import LineBlock, line_blocks

CSV_KINDS = frozenset({".csv", ".txt", ".tsv", ".log", ""})
JSON_LINES = frozenset({".jsonl", ".ndjson"})
DOCUMENT_BYTES_MAX = 256 << 20

Watch = Callable[[CountedFile], None]


def read_batches(
    path: Path, mapping: MappingFile, tally: FileTally, *, watch: Watch | None = None
) -> Iterator[RowBatch]:
    """Read a file by the ending of its name.

    Args:
        path: of the file, which may be packed.
        mapping: says how the file is to be read, and which columns have to be there.
        tally: counts the lines that are no rows.
        watch: gets the open file, to see how far it has been read.

    Raises:
        ConfigurationError: if the file is missing, of no known kind, or lacks columns.
    """
    kind = kind_of(path)
    if kind == ".parquet":
        if not path.is_file():
            raise ConfigurationError(f"there is no file {path}.")
        yield from _parquet(path, mapping, tally)
        return
    readers = (
        dict.fromkeys(CSV_KINDS, _csv) | dict.fromkeys(JSON_LINES, _json_lines) | {".json": _json}
    )
    readers |= dict.fromkeys(STATEMENTS, _statement)
    reader = readers.get(kind)
    if reader is None:
        raise ConfigurationError(
            f"{path.name} is neither CSV, JSON Lines, JSON, XML, MT940 nor Parquet.",
            hint="Use a name that ends in .csv, .jsonl, .json, .xml, .sta or .parquet, or with "
            f"{', '.join(sorted(PACKED))} behind it; save a workbook as CSV.",
        )
    with unpacked(path) as (stream, counted):
        if watch is not None:
            watch(counted)
        yield from reader(stream, path, mapping, tally)


def _csv(
    stream: IO[bytes], path: Path, mapping: MappingFile, tally: FileTally
) -> Iterator[RowBatch]:
    separator = mapping.separator or ("\t" if kind_of(path) == ".tsv" else ",")
    cutter = LineCutter(CsvDialect(separator, mapping.quote))
    blocks = line_blocks(stream, mapping.encoding, path.name)
    first = next(blocks, None)
    if first is None:
        raise ConfigurationError(f"{path.name} is empty.", hint="Its first line names columns.")
    header = find_header(first.lines, cutter, mapping, path.name)
    last_used = header.names[-1 - header.optional] in named_columns(mapping)
    tally.before = tally.lines = header.lines
    tally.head = first.lines[: header.lines]
    waiting: LineBlock | None = LineBlock(
        first.lines[header.lines :], _shifted(first.undecoded, header.lines), first.ended
    )
    while waiting is not None:
        following = next(blocks, None)
        for batch, left in _csv_batches(
            waiting, header, cutter, tally, last_used, at_end=following is None
        ):
            if batch is not None:
                yield batch
            rest = left
        waiting = _together(rest, following)


def _csv_batches(
    block: LineBlock,
    header: Header,
    cutter: LineCutter,
    tally: FileTally,
    last_used: bool,
    *,
    at_end: bool,
) -> Iterator[tuple[RowBatch | None, LineBlock]]:
    """Batches of a block's rows, and with the last of them the lines that wait for further ones."""
    width, lines = len(header.names), block.lines
    batch = RowBatch(header.names, [], [], [])
    place = 0
    for row in cut_rows(lines, cutter, width, at_end=at_end):
        if row is None:
            break
        number = tally.lines + 1
        tally.lines += row.lines
        if row.lines == 1 and not row.raw.strip():
            tally.blank += 1
        else:
            tally.continued += row.lines - 1
            unended = at_end and not block.ended and place + row.lines == len(lines)
            fault = _fault(
                row,
                width,
                header.optional,
                undecoded=place in block.undecoded,
                cut=unended and last_used,
            )
            if fault is None:
                cells = row.cells
                if len(cells) < width:
                    cells = [*cells, *[""] * (width - len(cells))]
                batch.rows.append(cells)
                batch.lines.append(number)
                batch.raws.append(row.raw)
            else:
                batch.faulty.append(FaultyRow(number, row.raw, *fault))
        place += row.lines
        if len(batch) + len(batch.faulty) >= BATCH_ROWS:
            yield batch, LineBlock([])
            batch = RowBatch(header.names, [], [], [])
    left = LineBlock(lines[place:], _shifted(block.undecoded, place), block.ended)
    yield (batch if batch.rows or batch.faulty else None), left


def _fault(
    row: CutRow, width: int, optional: int, *, undecoded: bool, cut: bool
) -> tuple[str, str] | None:
    """Why a row cannot be read, and what to do about it."""
    if row.fault:
        return (
            row.fault,
            'close or double the quote, or say quote = "" if quotes are ordinary characters',
        )
    if undecoded:
        return "holds bytes that are no text in the encoding of the file", "correct the line"
    count = len(row.cells)
    if not width - optional <= count <= width:
        what = (
            "put quotes around the cell that holds the separator"
            if count > width
            else "add what is missing"
        )
        return f"{count} columns, the header has {width}", what
    if cut and not row.last_quoted and row.cells[-1].strip():
        return (
            "the file ends within this line: its last cell may be cut off",
            "if the line is whole, end it with a line end",
        )
    return None


def _shifted(positions: frozenset[int], by: int) -> frozenset[int]:
    return frozenset(position - by for position in positions if position >= by)


def _together(left: LineBlock, following: LineBlock | None) -> LineBlock | None:
    if following is None:
        return None
    if not left.lines:
        return following
    undecoded = left.undecoded | {position + len(left.lines) for position in following.undecoded}
    return LineBlock([*left.lines, *following.lines], undecoded, following.ended)


def _json_lines(
    stream: IO[bytes], path: Path, mapping: MappingFile, tally: FileTally
) -> Iterator[RowBatch]:
    missing = _Missing(mapping, path.name)
    batch = RowBatch((), [], [], [])
    for line, text in enumerate(stream, start=1):
        tally.lines = line
        if not text.strip():
            tally.blank += 1
            continue
        raw = text.decode(errors="replace").rstrip("\r\n")
        try:
            row = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
            fault = "" if isinstance(row, dict) else "not a JSON object"
        except (ValueError, RecursionError):  # the latter for a thousand brackets
            fault = "not JSON"
        if fault:
            batch.faulty.append(FaultyRow(line, raw, fault, "write one object a line"))
        else:
            batch.rows.append(row)
            batch.lines.append(line)
            batch.raws.append(raw)
        if len(batch) + len(batch.faulty) >= BATCH_ROWS:
            missing.look_at(batch)
            yield batch
            batch = RowBatch((), [], [], [])
    missing.look_at(batch)
    missing.require()
    yield batch


def _json(
    stream: IO[bytes], path: Path, mapping: MappingFile, tally: FileTally
) -> Iterator[RowBatch]:
    data = stream.read(DOCUMENT_BYTES_MAX + 1)
    if len(data) > DOCUMENT_BYTES_MAX:
        raise ConfigurationError(
            f"{path.name} is larger than 256 MiB.", hint="Write one object a line (.jsonl)."
        )
    try:
        found = json.loads(data, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path.name} is not JSON: {error}.") from error
    if mapping.records:
        found = getter(mapping.records)(found)[1]
    rows = found if isinstance(found, list) else [found]
    yield from _listed(rows, path, mapping, tally)


def _statement(
    stream: IO[bytes], path: Path, mapping: MappingFile, tally: FileTally
) -> Iterator[RowBatch]:
    data = stream.read(DOCUMENT_BYTES_MAX + 1)
    if len(data) > DOCUMENT_BYTES_MAX:
        raise ConfigurationError(
            f"{path.name} is larger than 256 MiB.", hint="Split it by statements."
        )
    yield from _listed(statement_rows(data, path.name), path, mapping, tally)


def _listed(
    rows: list[Any], path: Path, mapping: MappingFile, tally: FileTally
) -> Iterator[RowBatch]:
    """Batches of the elements of a document; their numbers stand for lines."""
    missing = _Missing(mapping, path.name)
    tally.lines = len(rows)
    for start in range(0, len(rows), BATCH_ROWS):
        batch = RowBatch((), [], [], [])
        for number, row in enumerate(rows[start : start + BATCH_ROWS], start=start + 1):
            raw = json.dumps(row, ensure_ascii=False, default=str)
            if isinstance(row, dict):
                batch.rows.append(row)
                batch.lines.append(number)
                batch.raws.append(raw)
            else:
                batch.faulty.append(FaultyRow(number, raw, "not a JSON object"))
        missing.look_at(batch)
        yield batch
    missing.require()


def _parquet(path: Path, mapping: MappingFile, tally: FileTally) -> Iterator[RowBatch]:
    try:
        from pyarrow import ArrowInvalid, parquet  # noqa: PLC0415  of the extra `files`
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "reading Parquet needs pyarrow, which is not installed.",
            hint="Install it with: pip install 'forewarn[files]'",
        ) from error
    try:
        file = parquet.ParquetFile(path)
    except ArrowInvalid as error:
        raise ConfigurationError(f"{path.name} is not a Parquet file: {error}.") from error
    missing = _Missing(mapping, path.name)
    for found in file.iter_batches(batch_size=BATCH_ROWS):
        rows = found.to_pylist()
        batch = RowBatch(
            (), rows, list(range(tally.lines + 1, tally.lines + len(rows) + 1)), [""] * len(rows)
        )
        tally.lines += len(rows)
        missing.look_at(batch)
        yield batch
    missing.require()


class _Missing:
    """Columns of the mapping that no row has had so far."""

    def __init__(self, mapping: MappingFile, name: str) -> None:
        prefix = mapping.join.prefix if mapping.join else None
        self._name = name
        self._wanted = [
            (columns, what)
            for columns, what in required_columns(mapping)
            if prefix is None or not all(column.startswith(prefix) for column in columns)
        ]
        self._rows = 0

    def look_at(self, batch: RowBatch) -> None:
        """Strike off the columns that the rows have."""
        self._rows += len(batch)
        if self._wanted and len(batch):
            self._wanted = [
                pair for pair in self._wanted if not any(batch.has(column) for column in pair[0])
            ]

    def require(self) -> None:
        """Refuse the file if it had rows and a column was in none of them."""
        if self._wanted and self._rows:
            columns, what = self._wanted[0]
            raise ConfigurationError(
                f"{self._name}: there is no column {' or '.join(columns)}, which {what} needs.",
                hint="Correct the name in the mapping, or give default = ... if it may be missing.",
            )
