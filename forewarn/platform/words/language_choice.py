"""The language that a reader asks for: the header ``Accept-Language`` (RFC 9110), quality values included."""

from forewarn.platform.words.word_catalogs import LANGUAGES, Language

MAX_RANGES = 32
"""Entries of the header that are read; the rest of a longer one is not."""


def accepted_language(header: str, default: Language) -> Language:
    """The language of ours that the reader wants most; the first of several that they want as much.

    Args:
        header: as in ``zh-CN,zh;q=0.9,en;q=0.5``; an entry that is not valid counts for nothing.
        default: for a reader who names none of ours, and for ``*``.
    """
    best, chosen = 0.0, default
    for entry in header.split(",")[:MAX_RANGES]:
        name, _, parameters = entry.partition(";")
        language = _ours(name.strip().lower(), default)
        quality = _quality(parameters)
        if language is not None and quality > best:
            best, chosen = quality, language
    return chosen


def _ours(name: str, default: Language) -> Language | None:
    if name == "*":
        return default
    main = name.partition("-")[0]
    return next((language for language in LANGUAGES if main == language), None)


def _quality(parameters: str) -> float:
    """0.0 for an entry that is refused or not valid."""
    text = parameters.strip().lower()
    if not text:
        return 1.0
    name, _, number = text.partition("=")
    number = number.strip()
    plain = name.strip() == "q" and number.isascii() and number.replace(".", "", 1).isdigit()
    quality = float(number) if plain and len(number) <= len("0.000") else 0.0
    return quality if quality <= 1.0 else 0.0
