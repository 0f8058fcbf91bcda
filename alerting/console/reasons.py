"""Reasons in plain words: from a code and its evidence to a sentence."""

from alerting.console.i18n import Translator
from alerting.console.queries.case import Reason


def reason_text(reason: Reason, t: Translator) -> str:
    """The sentence of a reason; a code without one shows as its own words with its value."""
    template = t.words.get(f"reason.{reason.code}")
    value = "" if reason.value is None else f"{reason.value:,.6g}"
    if template is not None:
        return template.format(value=value)
    words = reason.code.replace("_", " ")
    return f"{words}: {value}" if value else words
