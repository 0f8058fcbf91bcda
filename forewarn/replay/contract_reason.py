"""What the contract refuses, in words for people who have a file and no schema before them."""

import re

from forewarn.replay.cell_error import CellError

_PRINTABLE = "holds other characters than letters, digits and signs of ASCII without blanks"
_DIGEST = 'make an identifier of it with digest = "..."'
_WORDS = (
    (r"Expected `int` >= (-?\d+)", r"is below \1", ""),
    (r"Expected `int` <= (-?\d+)", r"is above \1", ""),
    (r"Expected `str` of length <= (\d+)", r"is longer than \1 characters", ""),
    (r"Expected `str` of length >= (\d+)", r"is shorter than \1 characters", ""),
    (r"Expected `str` matching regex '\^\[\\\\x21-\\\\x7e\].*", _PRINTABLE, _DIGEST),
    (r"Expected `str` matching regex .*|Invalid enum value .*", "has not the form of the contract (docs/schemas)", ""),
)  # fmt: skip
"""What msgspec says of a value, the same in plain words, and what to do about it."""


def refused(error: str) -> CellError:
    """Why an event is refused, and what to do about it; an unknown reason stays as it is.

    Args:
        error: the words of msgspec; they name the field and never its value.
    """
    what, _, place = error.partition(" - at `$.")
    for pattern, plain, repair in _WORDS:
        found = re.fullmatch(pattern, what)
        if found and place:
            return CellError(f"{place.rstrip('`')}: {found.expand(plain)}", repair=repair)
    return CellError(error)
