"""Rows of CSV, JSON Lines, JSON and Parquet files in batches, every line accounted for."""

import codecs
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from forewarn.errors import ConfigurationError
from forewarn.platform.files.byte_stream import (
    PACKED,
    CountedFile,
    kind_of,
    require_text,
    unpacked,
)
from forewarn.replay.csv_reader import csv_batches
from forewarn.replay.file_tally import FileTally
from forewarn.replay.json_names import TWO_VALUES, repeats_name
from forewarn.replay.mapping_file import MappingFile, is_added, required_columns
from forewarn.replay.parquet_cells import instant_columns, rows_of
from forewarn.replay.row_batch import BATCH_ROWS, FaultyRow, RowBatch, getter
from forewarn.replay.statement_file import STATEMENTS, statement_rows

CSV_KINDS = frozenset({".csv", ".txt", ".tsv", ".log", ""})
JSON_LINES = frozenset({".jsonl", ".ndjson"})
DOCUMENT_BYTES_MAX = 256 << 20

_decoder = msgspec.json.Decoder(float_hook=str)
"""Fractions stay as they are written: what they are is for a rule to say."""

Watch = Callable[[CountedFile], None]


_BANK = "Fetch the statement as CSV, camt.053 or MT940 instead."
_SHEET = (
    "Save the sheet as CSV (UTF-8) and give that file; ids and accounts have to be text before."
)
_OTHERS = {
    ".ofx": ("OFX", _BANK), ".qfx": ("QFX", _BANK), ".qif": ("QIF", _BANK), ".pdf": ("a PDF", _BANK),
    ".xlsx": ("a workbook", _SHEET), ".xls": ("a workbook", _SHEET), ".ods": ("a workbook", _SHEET),
    ".tar": ("an archive", "Unpack it, and give the files within it."),
    ".tgz": ("an archive", "Unpack it, and give the files within it."),
}  # fmt: skip
"""What people have besides, and what to do about it."""


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
        if kind in _OTHERS:
            raise ConfigurationError(
                f"{path.name} is {_OTHERS[kind][0]}, which is not read.", hint=_OTHERS[kind][1]
            )
        raise ConfigurationError(
            f"{path.name} is neither CSV, JSON Lines nor Parquet, and no JSON, XML or MT940 either.",
            hint="Use a name that ends in .csv, .jsonl, .json, .xml, .sta or .parquet, or with "
            f"{', '.join(sorted(PACKED))} behind it; save a workbook as CSV.",
        )
    with unpacked(path) as (stream, counted):
        if watch is not None:
            watch(counted)
        require_text(stream, path.name)
        yield from reader(stream, path, mapping, tally)


def _csv(
    stream: IO[bytes], path: Path, mapping: MappingFile, tally: FileTally
) -> Iterator[RowBatch]:
    separator = "\t" if kind_of(path) == ".tsv" else ","
    return csv_batches(stream, path.name, separator, mapping, tally)


def _json_lines(
    stream: IO[bytes], path: Path, mapping: MappingFile, tally: FileTally
) -> Iterator[RowBatch]:
    missing = _Missing(mapping, path.name)
    batch = RowBatch((), [], [], [])
    for line, found in enumerate(stream, start=1):
        text = _without_mark(found, path.name) if line == 1 else found
        tally.lines = line
        if not text.strip():
            tally.blank += 1
            continue
        raw = text.decode(errors="replace").rstrip("\r\n")
        repair = "write one object a line"
        try:
            row = _decoder.decode(text)
            fault = "" if isinstance(row, dict) else "not a JSON object"
            if not fault and repeats_name(text, row):
                fault, repair = TWO_VALUES, "give each value a name of its own"
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # for endless brackets
            fault = "not JSON"
        if fault:
            batch.faulty.append(FaultyRow(line, raw, fault, repair))
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


def _without_mark(data: bytes, name: str) -> bytes:
    """The beginning of a JSON file without a byte order mark."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ConfigurationError(f"{name} is UTF-16.", hint="JSON is UTF-8: save it so.")
    return data.removeprefix(codecs.BOM_UTF8)


def _json(
    stream: IO[bytes], path: Path, mapping: MappingFile, tally: FileTally
) -> Iterator[RowBatch]:
    data = stream.read(DOCUMENT_BYTES_MAX + 1)
    if len(data) > DOCUMENT_BYTES_MAX:
        raise ConfigurationError(
            f"{path.name} is larger than 256 MiB.", hint="Write one object a line (.jsonl)."
        )
    try:
        found = _decoder.decode(_without_mark(data, path.name))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(
            f"{path.name} is not JSON: {error}.",
            hint="If it has one object a line, call it .jsonl.",
        ) from error
    if repeats_name(data, found):
        raise ConfigurationError(
            f"{path.name}: {TWO_VALUES}.", hint="Give each value a name of its own."
        )
    rows = _records(found, mapping.records, path.name)
    yield from _listed(rows, path, mapping, tally)


def _records(found: Any, place: str | list[str], name: str) -> list[Any]:
    """The list of rows in a document; of several lists, each row has the name of its own in the column of that name.

    Raises:
        ConfigurationError: if there is none where the mapping says.
    """
    if isinstance(place, list):
        if isinstance(found, list):
            return found
        lists = {one: getter(one)(found)[1] for one in place}
        if not any(isinstance(rows, list) for rows in lists.values()):
            place = place[0]
        else:
            return [
                row | {one: one} if isinstance(row, dict) else row
                for one, rows in lists.items()
                if isinstance(rows, list)
                for row in rows
            ]
    if place and not isinstance(found, list):  # some sources hand out the list alone
        there, found = getter(place)(found)
        if not there or not isinstance(found, list):
            raise ConfigurationError(
                f"{name} has no list at {place}, where records says its rows are.",
                hint="Name the path to the list, such as data.transactions.",
            )
    return found if isinstance(found, list) else [found]


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
    instants = instant_columns(file.schema)
    for found in file.iter_batches(batch_size=BATCH_ROWS):
        rows = rows_of(found, instants)
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
        self._name = name
        self._wanted = [
            (columns, what)
            for columns, what in required_columns(mapping)
            if not all(is_added(column, mapping) for column in columns)
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
