"""Which mapping a file is read with: its own, or that of a format known by name."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from forewarn.errors import ConfigurationError
from forewarn.platform.files.byte_stream import kind_of, unpacked
from forewarn.platform.files.csv_lines import CsvDialect, LineCutter
from forewarn.replay.column_mapping import Mapping, load_mapping
from forewarn.replay.format_catalog import FileFormat, format_named, known_formats
from forewarn.replay.row_batch import getter

_HEAD_BYTES = 65_536
_LINES_LOOKED_AT = 40


def mapping_for(
    path: Path, format_name: str, given: list[str], *, ask: Callable[[str], bool]
) -> Mapping:
    """The mapping of a file.

    Args:
        path: of the file.
        format_name: of a known format; empty: the file beside it that ends in ``.toml``, or a format that
            the header tells and that ``ask`` confirms.
        given: ``NAME=VALUE`` for what a format asks.
        ask: confirms a guess; False where no person can be asked.

    Raises:
        ConfigurationError: if there is none.
    """
    values = _given(given)
    if format_name:
        return format_named(format_name).mapping_with(values)
    kind = kind_of(path)
    stem = path.name[: path.name.lower().rfind(kind)] if kind else path.name
    beside = path.with_name(f"{stem}.toml")
    if beside.is_file():
        return load_mapping(beside)
    found = recognised(path)
    if len(found) == 1 and ask(
        f"{path.name} looks like {found[0].title} ({found[0].name}). Read it so?"
    ):
        return found[0].mapping_with(values)
    if found:
        names = " or ".join(f"--format {each.name}" for each in found)
        raise ConfigurationError(
            f"{path.name} has no mapping; it looks like {' or '.join(each.title for each in found)}.",
            hint=f"If it is, say {names}.",
        )
    return load_mapping(beside)


def recognised(path: Path) -> list[FileFormat]:
    """The formats that a file looks like.

    Raises:
        ConfigurationError: if there is no such file.
    """
    with unpacked(path) as (stream, _):
        head = stream.read(_HEAD_BYTES)
    return [each for each in known_formats().values() if _looks_like(each, path, head)]


def _looks_like(each: FileFormat, path: Path, head: bytes) -> bool:
    if kind_of(path) not in each.endings:
        return False
    encodings = each.mapping.get("encoding", "utf-8")
    found = [
        _decoded(head, one) for one in ([encodings] if isinstance(encodings, str) else encodings)
    ]
    text = next((one for one in found if one is not None), None)
    if text is None:
        return False
    rule = each.recognise
    if rule.text:
        return re.search(rule.text, text) is not None
    if kind_of(path) in (".json", ".jsonl", ".ndjson"):
        return _has_keys(text, rule.names)
    separator, quote = str(each.mapping.get("separator", ",")), str(each.mapping.get("quote", '"'))
    cutter = LineCutter(CsvDialect(separator, quote))
    lines = [line.rstrip("\r") for line in text.split("\n")[:_LINES_LOOKED_AT]]
    rows = [[cell.strip() for cell in cutter.cut(line).cells] for line in lines if line.strip()]
    if rule.names:
        return any(set(rule.names) <= set(cells) for cells in rows)
    return bool(rows) and all(
        _fits(cells, rule.cells, rule.patterns) for cells in rows[:-1] or rows
    )


def _fits(cells: list[str], counts: tuple[int, int], patterns: dict[str, str]) -> bool:
    if not counts[0] <= len(cells) <= counts[1]:
        return False
    return all(re.fullmatch(pattern, cells[int(place) - 1]) for place, pattern in patterns.items())


def _has_keys(text: str, names: list[str]) -> bool:
    """Whether the beginning of a file holds an object with these paths."""
    try:
        first = json.loads(text.split("\n", 1)[0])
    except ValueError:
        # One document over many lines: the names themselves have to do.
        return bool(names) and all(f'"{name.rpartition(".")[2]}"' in text for name in names)
    return bool(names) and all(getter(name)(first)[0] for name in names)


def _decoded(head: bytes, encoding: str) -> str | None:
    """The beginning of a file as text; a character cut at its end does not count."""
    if head.startswith(b"\xef\xbb\xbf"):
        head, encoding = head[3:], "utf-8"
    for cut in range(4):
        try:
            return head[: len(head) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _given(pairs: list[str]) -> dict[str, str]:
    values = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigurationError(f"--given {pair} is not NAME=VALUE.")
        values[name.strip()] = value
    return values
