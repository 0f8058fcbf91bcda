"""Words for people: catalogs of each language, reasons as sentences, the language that a reader asked for."""

from forewarn.platform.words.language_choice import accepted_language
from forewarn.platform.words.reason_texts import reason_text
from forewarn.platform.words.time_spans import span
from forewarn.platform.words.word_catalogs import LANGUAGES, Language, Translator, read_catalogs

__all__ = [
    "LANGUAGES",
    "Language",
    "Translator",
    "accepted_language",
    "read_catalogs",
    "reason_text",
    "span",
]
