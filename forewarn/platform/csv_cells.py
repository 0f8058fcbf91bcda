"""Cells of CSV files that a spreadsheet shows as text and never runs as a formula.

Spreadsheets run a cell that begins with one of a few characters, and a responder or a swindler can
put such text into a name or a reason (OWASP, CSV injection). An apostrophe in front makes it text.
"""

from collections.abc import Iterable

STARTERS = frozenset("=+-@\t\r\n|%＝＋－＠")
"""First characters that a spreadsheet may take for a formula, full-width ones included."""


def safe_cell(value: object) -> object:
    """The value for a cell: numbers as they are, text with an apostrophe where it could be run."""
    if not isinstance(value, str):
        return value
    start = value.lstrip(" \u00a0\u3000")[:1]
    return f"'{value}" if start in STARTERS and start else value


def safe_row(values: Iterable[object]) -> list[object]:
    """A row of such cells."""
    return [safe_cell(value) for value in values]
