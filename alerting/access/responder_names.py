"""Whether a typed responder is a person who signs in: a pure decider.

A shift of a name that merely looks right pages an address and reminds no holder of a case.
"""

import unicodedata
from collections.abc import Mapping
from difflib import SequenceMatcher

CLOSE = 0.8
"""Likeness of two names (0 to 1) from which one is taken for a slip of the other."""

_LOOKS_LIKE = str.maketrans("01|Іаеорсух", "ol" + "liaeopcyx")


def decide_responder(typed: str, known: Mapping[str, str], *, complete: bool) -> str | None:
    """The subject that was probably meant, "" if there is none, or None if the name is right.

    Args:
        typed: the responder of a shift.
        known: subjects and names of the people who may work on its cases.
        complete: whether these are all; with an identity provider, people appear when they sign in.
    """
    if typed in known:
        return None
    likest = max(
        ((_likeness(typed, subject, name), subject) for subject, name in known.items()),
        default=(0.0, ""),
    )
    if likest[0] >= CLOSE:
        return likest[1]
    return "" if complete else None


def _likeness(typed: str, subject: str, name: str) -> float:
    whole = _plain(typed)
    candidates = {_plain(subject), _plain(subject.partition(":")[2]), _plain(name)} - {""}
    return max((SequenceMatcher(None, whole, one).ratio() for one in candidates), default=0.0)


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold().translate(_LOOKS_LIKE)
    return "".join(letter for letter in folded if letter.isalnum() or letter == ":")
