"""The console's words: catalog files of each language, looked up by dotted keys.

Catalogs are TOML, so that a translator needs no tool. Both have exactly the same keys and
placeholders (a test holds that), so a page never mixes languages or shows a key. Words that depend
on the number ``{n}`` are a table of plural forms: ``{ one = "{n} case", other = "{n} cases" }``.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from babel import Locale

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
HTML_LANG: dict[Language, str] = {"zh": "zh-Hans", "en": "en"}

_DIRECTORY = Path(__file__).parent / "catalogs"


@dataclass(frozen=True, slots=True)
class Translator:
    """Looks words up in one language."""

    language: Language
    words: dict[str, str]
    plurals: dict[str, dict[str, str]]

    def __call__(self, key: str, /, **values: object) -> str:
        """The words of a key with its placeholders filled, in the plural form of ``n``.

        Raises:
            KeyError: if the catalog lacks the key; a fault of ours that tests find.
        """
        words = self.form(key, values["n"]) if key in self.plurals else self.words[key]
        return words.format(**values) if values else words

    def form(self, key: str, n: object) -> str:
        """The words of a key in the plural form of the number (CLDR's rules)."""
        forms = self.plurals.get(key, {})
        category = Locale(self.language).plural_form(n) if isinstance(n, int | float) else "other"
        return forms.get(category, self.words[key])

    def term(self, group: str, name: str) -> str:
        """A word of an open vocabulary (reason codes, audit actions), or the name itself.

        Workers and services may be newer than this console: what it has no word for it shows as
        it came, readable rather than missing.
        """
        found = self.words.get(f"{group}.{name}")
        return found if found is not None else name.replace("_", " ")


@cache
def translator(language: Language) -> Translator:
    """The translator of a language, read once."""
    words: dict[str, str] = {}
    plurals: dict[str, dict[str, str]] = {}
    for path in sorted(_DIRECTORY.glob(f"*{language}.toml")):
        text = path.read_text(encoding="utf-8")
        for key, value in _flatten("", tomllib.loads(text)):
            words[key] = value["other"] if isinstance(value, dict) else value
            if isinstance(value, dict):
                plurals[key] = value
    return Translator(language, words, plurals)


def choose_language(cookie: str | None, accepted: str, default: Language) -> Language:
    """The language chosen with the switch, else the browser's first that we have, else ours."""
    for language in LANGUAGES:
        if cookie == language:
            return language
    for entry in accepted.split(","):
        wanted = entry.partition(";")[0].strip().lower()
        for language in LANGUAGES:
            if wanted == language or wanted.startswith(f"{language}-"):
                return language
    return default


def _flatten(prefix: str, table: dict[str, Any]) -> list[tuple[str, str | dict[str, str]]]:
    pairs: list[tuple[str, str | dict[str, str]]] = []
    for key, value in table.items():
        if isinstance(value, dict) and "other" not in value:
            pairs += _flatten(f"{prefix}{key}.", value)
        else:
            pairs.append((f"{prefix}{key}", value))
    return pairs
