"""Rows of CSV, JSON Lines and Parquet files with the line each came from."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forewarn.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Row:
    """One row; ``line`` counts from 1 and is the line of the file (the row number in Parquet).

    ``fault`` says why the row cannot be read at all; ``values`` is empty then and ``raw`` holds
    what was there.
    """

    line: int
    values: dict[str, Any]
    raw: str = ""
    fault: str = ""


def read_rows(path: Path) -> Iterator[Row]:
    """Read a file by the ending of its name, one row at a time.

    Raises:
        ConfigurationError: if the file is missing or of no known kind.
    """
    readers = {".csv": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines, ".parquet": _parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ConfigurationError(
            f"{path.name} is neither CSV, JSON Lines nor Parquet.",
            hint=f"Use a name that ends in {', '.join(readers)}.",
        )
    if not path.is_file():
        raise ConfigurationError(f"there is no file {path}.")
    return reader(path)


def _csv(path: Path) -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.reader(file)
        header = next(reader, None)
        if header is None:
            raise ConfigurationError(f"{path.name} is empty.", hint="Its first line names columns.")
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(line, {}, fault=f"not CSV: {error}")
                continue
            if not cells:
                continue
            if len(cells) != len(header):
                fault = f"{len(cells)} columns, the header has {len(header)}"
                yield Row(line, {}, raw=json.dumps(cells, ensure_ascii=False), fault=fault)
            else:
                yield Row(line, dict(zip(header, cells, strict=True)))


def _json_lines(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for line, text in enumerate(file, start=1):
            if not text.strip():
                continue
            raw = text.decode(errors="replace").rstrip("\n")
            try:
                values = json.loads(text)
            except (ValueError, RecursionError):  # the latter for a thousand brackets
                yield Row(line, {}, raw=raw, fault="not JSON")
                continue
            if isinstance(values, dict):
                yield Row(line, values)
            else:
                yield Row(line, {}, raw=raw, fault="not a JSON object")


def _parquet(path: Path) -> Iterator[Row]:
    try:
        from pyarrow import ArrowInvalid, parquet  # noqa: PLC0415  of the extra `train`
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "reading Parquet needs pyarrow, which is not installed.",
            hint="Install it with: pip install 'forewarn[train]'",
        ) from error
    try:
        file = parquet.ParquetFile(path)
    except ArrowInvalid as error:
        raise ConfigurationError(f"{path.name} is not a Parquet file: {error}.") from error
    line = 0
    for batch in file.iter_batches(batch_size=8192):
        for values in batch.to_pylist():
            line += 1
            yield Row(line, values)
