"""Details of audit records and case events in words: names and values, without empty ones.

The log keeps names and codes of the program, which a reader need not know. What the catalog has no
word for is shown as it came, since a newer service may have written it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from alerting.web.console import formats
from forewarn.platform import money
from forewarn.platform.words import Translator, span

PEOPLE = frozenset(
    {
        "holder",
        "to",
        "previous",
        "responder",
        "recipient",
        "asked_of",
        "asked_by",
        "of",
        "members",
        "by",
    }
)
"""Details that name people by their subject."""

RAW = frozenset({"sha256", "root", "previous_digest", "address", "team", "receiver", "receivers"})
"""Details whose values are names or digests of another place, never codes of ours."""

VOCABULARIES: dict[str, tuple[str, ...]] = {
    "kind": ("order_kind", "rota_kind", "lists"),
    "source": ("order_source",),
    "list": ("lists",),
    "via": ("channel", "detail_value"),
    "way": ("appeal_way",),
    "what": ("detail_value", "case"),
    "why": ("purpose", "why"),
    "reason": ("unmask", "why", "release_reason"),
    "roles": ("role",),
    "purpose": ("role",),
    "result": ("visit_result",),
    "verdict": ("review_verdict",),
    "event": ("life_event",),
    "subject_kind": ("subject_kind",),
    "subject_status": ("status",),
    "disposition": ("disposition",),
    "state": ("delivery", "lists", "clue_state"),
    "other": ("recipient", "detail_value"),
    "missing": ("recipient", "detail_value"),
    "holding": ("holding",),
}
"""The groups of words that a detail's values belong to."""

ANY = (
    "why",
    "severity",
    "typology",
    "channel",
    "recipient",
    "delivery",
    "method",
    "status",
    "detail",
)
"""The groups for the values of every other detail."""


@dataclass(frozen=True, slots=True)
class DetailWords:
    """How details are written.

    ``names`` are those of people by subject; ``currency`` is that of amounts whose detail names none,
    empty where it is not known; ``task`` words a task by its typology and key.
    """

    t: Translator
    zone: ZoneInfo
    names: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
    task: Callable[[str, str], str] = lambda _typology, key: key


def people_in(details: Iterable[Mapping[str, Any]]) -> set[str]:
    """The subjects of the people that details name."""
    found: set[str] = set()
    for detail in details:
        for key, value in detail.items():
            if key == "deliveries":
                found |= {str(one[1]) for one in value if len(one) > 1}
            elif key in PEOPLE:
                found |= {str(one) for one in (value if isinstance(value, list) else [value])}
    return {one for one in found if ":" in one}


def detail_text(detail: Mapping[str, Any], words: DetailWords) -> str:
    """The details as one line, such as ``Severity: critical · Order: o-1``."""
    currency = str(detail.get("currency") or words.currency)
    parts = []
    for key, value in detail.items():
        if value in ([], {}, "", None):
            continue
        if key == "task":
            text = words.task(str(detail.get("typology", "")), str(value))
        else:
            text = _written(key, value, currency, words)
        parts.append(words.t("detail_form.line", name=words.t.term("detail", key), value=text))
    return " · ".join(parts)


def _written(key: str, value: Any, currency: str, words: DetailWords) -> str:
    t = words.t
    comma = t("detail_form.comma")
    if isinstance(value, bool):
        return t("detail_value.yes" if value else "detail_value.no")
    if key == "deliveries":
        return comma.join(_delivery(one, words) for one in value)
    if isinstance(value, dict):
        return comma.join(
            t(
                "detail_form.line",
                name=t.term("detail", name),
                value=_written(name, inner, currency, words),
            )
            for name, inner in value.items()
        )
    if isinstance(value, list):
        return comma.join(_written(key, one, currency, words) for one in value)
    if isinstance(value, int | float):
        return _number(key, value, currency, words)
    return _word(key, str(value), words)


def _number(key: str, value: float, currency: str, words: DetailWords) -> str:
    if key == "duration_ms":
        return span(int(value), words.t)
    if key.endswith("_ms"):
        return formats.day_and_time(int(value), words.zone)
    if key.endswith("_minor"):
        if currency:
            return money.exact(int(value), currency)
        return words.t("detail_value.minor_units", amount=f"{value:,}")
    return f"{value:,}" if isinstance(value, int) and not key.endswith("_no") else str(value)


def _word(key: str, value: str, words: DetailWords) -> str:
    if key in RAW or key.endswith("_id"):
        return value
    if key in PEOPLE and value in words.names:
        return words.names[value]
    for group in (*VOCABULARIES.get(key, ()), *ANY):
        found = words.t.words.get(f"{group}.{value}")
        if found is not None:
            return found
    return value


def _delivery(one: list[str], words: DetailWords) -> str:
    """A message that was written: channel, recipient and reason."""
    channel, recipient, reason = [*one, "", "", ""][:3]
    t = words.t
    whom = words.names.get(recipient) or t.term("recipient", recipient)
    return t(
        "detail_form.delivery",
        channel=t.term("channel", channel),
        recipient=whom,
        reason=t.term("why", reason),
    )
