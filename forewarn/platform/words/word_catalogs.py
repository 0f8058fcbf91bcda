"""Catalog files of each language, looked up by dotted keys.

Catalogs are TOML, so that a translator needs no tool. Those of both languages have exactly the same keys and
placeholders (a test holds that), so a text never mixes languages or shows a key. Words that depend
on the number ``{n}`` are a table of plural forms: ``{ one = "{n} case", other = "{n} cases" }``.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from babel import Locale

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

PLURAL_FORMS = frozenset({"zero", "one", "two", "few", "many", "other"})
"""The categories of CLDR."""

SHARED = Path(__file__).parent / "catalogs"
"""Words that the console and the answers to banks share."""


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
        forms = self.plurals.get(key)
        if forms is None:
            return self.words[key]
        category = Locale(self.language).plural_form(n) if isinstance(n, int | float) else "other"
        return forms.get(category, self.words[key])

    def term(self, group: str, name: str) -> str:
        """A word of an open vocabulary (reason codes, audit actions), or the name itself.

        Workers and services may be newer than the reader of their messages: what it has no word for it shows
        as it came, readable rather than missing.
        """
        found = self.words.get(f"{group}.{name}")
        return found if found is not None else name.replace("_", " ")


@cache
def read_catalogs(language: Language, *directories: Path) -> Translator:
    """The translator of a language, from the shared words and those of further directories; read once.

    Args:
        language: of the files ``*en.toml`` or ``*zh.toml``.
        directories: whose words come on top.
    """
    words: dict[str, str] = {}
    plurals: dict[str, dict[str, str]] = {}
    for directory in (SHARED, *directories):
        for path in sorted(directory.glob(f"*{language}.toml")):
            for key, value in _flatten("", tomllib.loads(path.read_text(encoding="utf-8"))):
                words[key] = value["other"] if isinstance(value, dict) else value
                if isinstance(value, dict):
                    plurals[key] = value
    return Translator(language, words, plurals)


def _has_plurals(table: dict[str, Any]) -> bool:
    """Whether a table holds the plural forms of one key, and not a group that has a word named other."""
    return "other" in table and table.keys() <= PLURAL_FORMS


def _flatten(prefix: str, table: dict[str, Any]) -> Iterator[tuple[str, str | dict[str, str]]]:
    for key, value in table.items():
        if isinstance(value, dict) and not _has_plurals(value):
            yield from _flatten(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", value
