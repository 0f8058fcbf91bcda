"""The console's words: its own catalogs on top of the shared ones."""

from pathlib import Path

from forewarn.platform.words import (
    LANGUAGES,
    Language,
    Translator,
    accepted_language,
    read_catalogs,
)

HTML_LANG: dict[Language, str] = {"zh": "zh-Hans", "en": "en"}

_DIRECTORY = Path(__file__).parent / "catalogs"


def translator(language: Language) -> Translator:
    """The translator of a language, read once."""
    return read_catalogs(language, _DIRECTORY)


def choose_language(cookie: str | None, accepted: str, default: Language) -> Language:
    """The language chosen with the switch, else the one that the browser wants most, else ours."""
    for language in LANGUAGES:
        if cookie == language:
            return language
    return accepted_language(accepted, default)
