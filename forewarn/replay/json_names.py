"""Names that stand twice in a JSON object: a reader takes one of the two values, and which was meant is unknown."""

import json
import re
from typing import Any

TWO_VALUES = "an object has two values of one name"

_NAME = re.compile(rb'"\s*:')


def repeats_name(text: bytes, decoded: Any) -> bool:
    """Whether any object in a text has a name twice (RFC 8259, section 4: what a reader does then is unpredictable).

    Args:
        text: the JSON.
        decoded: what a reader made of it.
    """
    # Every name has a quote and a colon behind it, and few texts do: only those are read again, slowly.
    if len(_NAME.findall(text)) <= _names(decoded):
        return False
    try:
        json.loads(text, object_pairs_hook=_unique)
    except _RepeatedError:
        return True
    except (ValueError, RecursionError):
        return False  # the other reader has taken it
    return False


class _RepeatedError(Exception):
    """Stops the reading."""


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _RepeatedError


def _names(found: Any) -> int:
    count, left = 0, [found]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            count += len(each)
            left += [value for value in each.values() if isinstance(value, dict | list)]
        elif isinstance(each, list):
            left += [value for value in each if isinstance(value, dict | list)]
    return count
