"""Splits a long text into parts that a chat service takes; services count bytes, not characters."""

import json

MAX_PARTS = 10
"""Messages of one page; half of what WeCom and DingTalk take from a robot in a minute."""

CUT = " …"
"""Ends the last part of a text that needs more parts; the console has all of it."""


def json_bytes(text: str) -> int:
    """Bytes of a text inside a JSON string in UTF-8, escapes included."""
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass")) - 2


def split_text(text: str, max_bytes: int, max_parts: int = MAX_PARTS) -> list[str]:
    """Split a text into parts of at most ``max_bytes`` bytes (see ``json_bytes``).

    A part ends with a line where one fits, else between two characters. What goes beyond
    ``max_parts`` is cut off, and the last part says so.

    Raises:
        ValueError: a part could not hold one character and the mark of a cut.
    """
    if max_bytes < 2 * len(CUT.encode()) + 6:  # six bytes are the longest escape
        raise ValueError("A part is too short to hold a character.")
    parts: list[str] = []
    rest = text
    while json_bytes(rest) > max_bytes:
        if len(parts) == max_parts - 1:
            parts.append(rest[: _longest(rest, max_bytes - json_bytes(CUT))] + CUT)
            return parts
        end = _longest(rest, max_bytes)
        line_end = rest.rfind("\n", 0, end + 1)
        if line_end > 0:
            parts.append(rest[:line_end])
            rest = rest[line_end + 1 :]
        else:
            parts.append(rest[:end])
            rest = rest[end:]
    if rest or not parts:
        parts.append(rest)
    return parts


def _longest(text: str, max_bytes: int) -> int:
    """How many characters from the start fit, found by bisection."""
    low, high = 0, min(len(text), max_bytes)
    while low < high:
        middle = (low + high + 1) // 2
        if json_bytes(text[:middle]) <= max_bytes:
            low = middle
        else:
            high = middle - 1
    return low
