"""The shape of an unknown file: encoding, separator, and the line that names the columns."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from forewarn.errors import ConfigurationError
from forewarn.platform.files.byte_stream import kind_of, unpacked
from forewarn.platform.files.csv_lines import CsvDialect, LineCutter
from forewarn.replay.file_tally import FileTally
from forewarn.replay.mapping_file import parse_mapping
from forewarn.replay.row_batch import RowBatch
from forewarn.replay.row_reader import CSV_KINDS, read_batches

ROWS_LOOKED_AT = 1_000
_HEAD_BYTES = 512 * 1024
_EXAMPLE = {"type": "transfer", "fields": {}}


@dataclass(frozen=True, slots=True)
class FileHead:
    """The first rows of a file.

    Attributes:
        options: lines of TOML that say how the file is read.
        columns: names of the columns with their cells.
        rows: the rows as they stand, by their line.
    """

    options: tuple[str, ...]
    columns: dict[str, list[str]]
    rows: dict[int, str]


def read_head(path: Path) -> FileHead:
    """Read the first thousand rows of a file of which nothing is known.

    Raises:
        ConfigurationError: if it is of no kind that is read.
    """
    options = _csv_options(path) if kind_of(path) in CSV_KINDS | {""} else {}
    mapping = parse_mapping({"events": [_EXAMPLE], **options}, "the proposal")
    batch = next(iter(read_batches(path, mapping, FileTally(path.name))), None)
    if batch is None or not len(batch):
        raise ConfigurationError(f"{path.name} has no rows that can be read.")
    names = list(batch.names) or _paths(batch)
    columns = {name: batch.texts(name)[:ROWS_LOOKED_AT] for name in names if name}
    lines = tuple(f"{name} = {_toml(value)}" for name, value in options.items())
    rows = dict(zip(batch.lines[:ROWS_LOOKED_AT], batch.raws, strict=False))
    return FileHead(lines, columns, rows)


def _csv_options(path: Path) -> dict[str, object]:
    with unpacked(path) as (stream, _):
        data = stream.read(_HEAD_BYTES)
    data = data[: data.rfind(b"\n") + 1] or data
    options: dict[str, object] = {}
    text = None
    for encoding in ("utf-8-sig", "gb18030", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != "utf-8-sig":
            options["encoding"] = encoding
        break
    if text is None:
        raise ConfigurationError(f"{path.name} is in no encoding that is known here.")
    lines = [line.rstrip("\r") for line in text.split("\n")[:400]]
    separator, widths = _separator(lines)
    if separator != ("\t" if kind_of(path) == ".tsv" else ","):
        options["separator"] = separator
    width = _commonest(widths)[1]
    place = widths.index(width)
    cells = [cell.strip() for cell in LineCutter(CsvDialect(separator)).cut(lines[place]).cells]
    if any(any(character.isdigit() for character in cell) and len(cell) > 3 for cell in cells):
        options["columns"] = [f"c{number}" for number in range(1, width + 1)]
    elif place:
        options["header_line"] = place + 1
    return options


def _separator(lines: list[str]) -> tuple[str, list[int]]:
    """The separator with which most lines have the same number of cells, more than one."""
    best: tuple[int, int, str, list[int]] = (0, 0, ",", [])
    for separator in ",;\t|":
        cutter = LineCutter(CsvDialect(separator))
        widths = [_width(cutter, line) for line in lines]
        lines_alike, width = _commonest(widths)
        if lines_alike:
            best = max(best, (lines_alike, width, separator, widths))
    if not best[3]:
        raise ConfigurationError(
            "no separator cuts the lines into columns.",
            hint="Is it a file of columns? See docs/formats/mappings.md.",
        )
    return best[2], best[3]


def _commonest(widths: list[int]) -> tuple[int, int]:
    """How many lines have the same number of cells, and that number; the larger one, if two are as common."""
    counts = Counter(count for count in widths if count > 1)
    return max(((lines, width) for width, lines in counts.items()), default=(0, 0))


def _width(cutter: LineCutter, line: str) -> int:
    """How many cells a line has; 0 for an empty one and for a title, of which most cells are empty."""
    cells = cutter.cut(line).cells
    filled = sum(1 for cell in cells if cell.strip())
    return len(cells) if filled and 2 * filled >= len(cells) else 0


def _paths(batch: RowBatch) -> list[str]:
    """Names of the columns of objects, in the order in which they occur."""
    found: dict[str, None] = {}
    for row in batch.rows[:100]:
        waiting = [("", row)]
        while waiting:
            prefix, value = waiting.pop(0)
            if isinstance(value, dict):
                waiting += [(f"{prefix}.{name}".lstrip("."), each) for name, each in value.items()]
            elif not isinstance(value, list):
                found[prefix] = None
    return list(found)


def _toml(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(f'"{each}"' for each in value) + "]"
    if isinstance(value, int):
        return str(value)
    return '"\\t"' if value == "\t" else f'"{value}"'
