"""Reasons in plain words: from a feature's name and value to a sentence.

A code is the name of a feature, which ends in its window where it has one: the sentence belongs to
the name without it. What the catalog of words does not know is shown by its own name.
"""

import re

from forewarn.platform import money
from forewarn.platform.words.time_spans import span
from forewarn.platform.words.word_catalogs import Translator

_WINDOW = re.compile(r"_(1m|5m|15m|1h|6h|24h|7d|30d)$")
_MINUTE_MS = 60_000


def reason_text(code: str, value: float | None, currency: str, t: Translator) -> str:
    """The sentence of a reason; empty for a missing value without a text.

    Args:
        code: name of the feature.
        value: its value; None for a missing one.
        currency: of amounts, whose value is in minor units.
        t: words of the reader's language.
    """
    name, window = code, ""
    template = _template(name, value, t)
    found = _WINDOW.search(name)
    if template is None and found:
        name, window = name[: found.start()], t(f"window.{found.group(1)}")
        template = _template(name, value, t)
    if template is None and value is None:
        return ""
    if template is None:
        words = code.replace("_", " ")
        return f"{words}: {value:,.6g}"
    return template.format(window=window, **_written(value or 0.0, currency, t))


def _template(name: str, value: float | None, t: Translator) -> str | None:
    """The words of a feature for its value: missing, a flag not set, or the usual sentence."""
    if value is None:
        return t.words.get(f"reason.{name}_none")
    if value == 0 and f"reason.{name}_no" in t.words:
        return t.words[f"reason.{name}_no"]
    key = f"reason.{name}"
    return t.form(key, round(value)) if key in t.words else None


def _written(value: float, currency: str, t: Translator) -> dict[str, str]:
    """The value in every form that a sentence may use."""
    return {
        "n": f"{value:,.0f}",
        "money": money.compact(round(value), currency, t.language),
        "percent": f"{value:.0%}",
        "times": f"{value:,.1f}" if value < 100 else f"{value:,.0f}",
        "seconds": span(round(value * 1000), t),
        "minutes": span(round(value * _MINUTE_MS), t),
        "hours": span(round(value * 60 * _MINUTE_MS), t),
        "days": span(round(value * 1440 * _MINUTE_MS), t),
    }
