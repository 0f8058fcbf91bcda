"""The line of a CSV file that names the columns; whatever does not fit the mapping is refused with advice."""

import difflib
import re
from collections import Counter
from dataclasses import dataclass

from forewarn.errors import ConfigurationError
from forewarn.platform.files.csv_lines import LineCutter
from forewarn.replay.cell_error import CellError
from forewarn.replay.mapping_file import (
    FOUND,
    IDENTITY,
    ORIGINAL,
    WHOLE_AMOUNT,
    MappingFile,
    is_added,
    named_columns,
    required_columns,
    rule_of,
)
from forewarn.replay.phone_numbers import party

SEARCHED_LINES = 200
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200e\u200f\u2060"))
"""Characters without a width, which pages and editors leave in names."""

_SEPARATORS = {";": "a semicolon", "\t": "a tab", "|": "a bar", ",": "a comma"}


@dataclass(frozen=True, slots=True)
class CsvHeader:
    """Names of the columns, and how many lines come before the first row.

    A name that occurs twice is followed by ``#2`` in its second column, and so on. Rows may lack the last
    ``optional`` columns.
    """

    names: list[str]
    lines: int
    optional: int = 0


def find_header(lines: list[str], cutter: LineCutter, mapping: MappingFile, name: str) -> CsvHeader:
    """The header of a file.

    Args:
        lines: the first lines of the file.
        cutter: of its dialect.
        mapping: says where the header is, and which columns have to be there.
        name: of the file, for messages.

    Raises:
        ConfigurationError: if a column that the mapping needs is not there, or there twice.
    """
    if mapping.columns:
        names = [cell.strip() for cell in cutter.cut(lines[0]).cells] if lines else []
        named = names == mapping.columns[: len(names)]
        header = CsvHeader(_numbered(mapping.columns), int(named), mapping.columns_optional)
    elif mapping.header_names:
        header = _by_names(lines, cutter, mapping.header_names, name)
    else:
        place = (mapping.header_line or 1) - 1
        if place >= len(lines):
            raise ConfigurationError(
                f"{name} has no line {place + 1}, where header_line says the header is."
            )
        names = _names(cutter, lines[place])
        header = CsvHeader(names, place + 1, _unnamed(names))
    _require(header, lines, cutter, mapping, name)
    return header


def require_owner(head: list[str], mapping: MappingFile, name: str) -> None:
    """Refuse a file whose titles name another person than the subscriber of the mapping.

    Args:
        head: the lines before the rows.
        mapping: says where the titles name the person, and who the subscriber is.
        name: of the file, for messages.

    Raises:
        ConfigurationError: if they differ. A title without a number, or with a masked one, says nothing.
    """
    if not mapping.owner:
        return
    found = re.search(mapping.owner, "\n".join(head))
    rules = (rule_of(event.fields["subscriber"]) for event in mapping.events)
    given = {str(rule.value) for rule in rules if rule.value is not None}
    if found is None or not given:
        return
    try:
        shown = party(found[1], mapping.region or None)
        meant = {party(number, mapping.region or None) for number in given}
    except CellError:
        return
    if shown not in meant:
        raise ConfigurationError(
            f"{name} is of another number than the subscriber that was given.",
            hint="Its titles name the number; say that one.",
        )


def _by_names(lines: list[str], cutter: LineCutter, wanted: list[str], name: str) -> CsvHeader:
    for place, line in enumerate(lines[:SEARCHED_LINES]):
        names = _names(cutter, line)
        if set(wanted) <= set(names):
            return CsvHeader(names, place + 1, _unnamed(names))
    raise ConfigurationError(
        f"{name}: none of the first {SEARCHED_LINES} lines names the columns {', '.join(wanted)}.",
        hint="Is it a file of this format, and in the encoding that the mapping says?",
    )


def _names(cutter: LineCutter, line: str) -> list[str]:
    names = [cell.translate(_INVISIBLE).strip() for cell in cutter.cut(line).cells]
    return _numbered(names)


def _unnamed(names: list[str]) -> int:
    """How many columns at the end have no name: separators at the end of the line."""
    count = 0
    while count < len(names) - 1 and names[-1 - count].partition("#")[0] == "":
        count += 1
    return count


def _numbered(names: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return found


def _require(
    header: CsvHeader, lines: list[str], cutter: LineCutter, mapping: MappingFile, name: str
) -> None:
    known = {*header.names, *mapping.optional}
    if mapping.identity is not None:
        known.add(IDENTITY)
    if mapping.join is not None:
        known.update(mapping.join.prefix + one for one in header.names)
        known.update(mapping.join.added)
    if mapping.same_as:
        known.update((FOUND, WHOLE_AMOUNT), (ORIGINAL + one for one in header.names))
    lacking = [
        (columns, what)
        for columns, what in required_columns(mapping)
        if not known.intersection(columns)
    ]
    if lacking:
        columns, what = lacking[0]
        place = max(header.lines, 1)
        raise ConfigurationError(
            f"{name}: line {place} has no column {' or '.join(columns)}, which {what} needs.",
            hint=_advice(header, lines, cutter, mapping, columns[0]),
        )
    for column in sorted(named_columns(mapping)):
        if f"{column}#2" in header.names:
            raise ConfigurationError(
                f"{name}: two columns are called {column}.",
                hint=f"Call the second one {column}#2 in the mapping to say which is meant, or rename one.",
            )


def _advice(
    header: CsvHeader, lines: list[str], cutter: LineCutter, mapping: MappingFile, column: str
) -> str:
    needed = [
        set(columns)
        for columns, _ in required_columns(mapping)
        if not any(is_added(column, mapping) for column in columns)
    ]
    for place, line in enumerate(lines[:SEARCHED_LINES], start=1):
        names = set(_names(cutter, line))
        if place != header.lines and all(names & columns for columns in needed):
            return f"Line {place} names all columns of the mapping: say header_line = {place}."
    line = lines[max(header.lines, 1) - 1] if lines else ""
    if "\0" in line:
        return 'Is it UTF-16 without a byte order mark? Say encoding = "utf-16-le".'
    if len(header.names) == 1:
        for separator, word in _SEPARATORS.items():
            if separator in line and separator != cutter.dialect.separator:
                return f"It has one column only: is the separator {word}? Say separator = {separator!r}."
    if not any(columns & set(header.names) for columns in needed):
        return (
            f"It names none of the columns of the mapping: say columns = [...] if the file has no header, or "
            f"header_line = N. It reads as {len(header.names)} cells."
        )
    near = difflib.get_close_matches(column, header.names, n=1)
    if near:
        return f"Is {near[0]} meant?"
    return "Correct the name in the mapping, or give default = ... if the column may be missing."
