"""The console's words: catalog files of each language, looked up by dotted keys.

Catalogs are TOML, so that a translator needs no tool. Both have exactly the same keys and
placeholders (a test holds that), so a page never mixes languages or shows a key.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
HTML_LANG: dict[Language, str] = {"zh": "zh-Hans", "en": "en"}

_DIRECTORY = Path(__file__).parent / "catalogs"


@dataclass(frozen=True, slots=True)
class Translator:
    """Looks words up in one language."""

    language: Language
    words: dict[str, str]

    def __call__(self, key: str, /, **values: object) -> str:
        """The words of a key with its placeholders filled.

        Raises:
            KeyError: if the catalog lacks the key; a fault of ours that tests find.
        """
        return self.words[key].format(**values) if values else self.words[key]

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
    for name in (f"{language}.toml", f"reasons.{language}.toml"):
        text = (_DIRECTORY / name).read_text(encoding="utf-8")
        words |= dict(_flatten("", tomllib.loads(text)))
    return Translator(language, words)


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


def _flatten(prefix: str, table: dict[str, Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            pairs += _flatten(f"{prefix}{key}.", value)
        else:
            pairs.append((f"{prefix}{key}", value))
    return pairs
