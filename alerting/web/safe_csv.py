"""CSV that spreadsheets do not run: no cell begins with what starts a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters that a spreadsheet takes for a formula (OWASP, CSV injection), and their full-width forms."""


def safe_cell(value: object) -> object:
    """The value; a text that would start a formula gets an apostrophe before it. Numbers stay numbers."""
    if not isinstance(value, str) or _is_number(value):
        return value
    return f"'{value}" if value.lstrip(" ").startswith(STARTS) else value


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV text with safe cells."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([safe_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _is_number(text: str) -> bool:
    """Whether a text is a plain number; a minus before it starts no formula."""
    digits = text.removeprefix("-").replace(".", "", 1)
    return digits.isascii() and digits.isdigit()
