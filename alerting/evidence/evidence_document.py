"""The page of an evidence pack: self-contained, printable, and the same bytes for the same data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from alerting.evidence.evidence_file import (
    FORMAT,
    NO_DIGEST,
    canonical_json,
    checksums_of,
    seal,
)
from forewarn.platform import money

TEMPLATES = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class EvidenceWords:
    """The words of a page.

    ``term`` names a word of a group; ``reason`` writes a reason of a warning and ``detail`` the details
    of an event, with amounts in this currency; ``span`` writes milliseconds.
    """

    language: str
    text: Callable[..., str]
    term: Callable[[str, str], str]
    reason: Callable[[Mapping[str, Any], str], str]
    detail: Callable[[Mapping[str, Any], str], str]
    span: Callable[[int], str]


def evidence_document(
    sections: Mapping[str, Any], about: Mapping[str, Any], words: EvidenceWords, zone: ZoneInfo
) -> bytes:
    """The sealed file.

    Args:
        sections: everything about the case, the audit excerpt included.
        about: who made the file, when, why, and whether numbers are in clear.
        words: of the language of the page.
        zone: of the times that a reader sees; the data has UTC milliseconds.
    """

    def moment(at_ms: int | None) -> str:
        if at_ms is None:
            return ""
        local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
        return local.strftime("%Y-%m-%d %H:%M:%S")

    sums = checksums_of(sections)
    data = {"format": FORMAT, "about": dict(about), "checksums": sums, "sections": dict(sections)}
    page = (
        _environment()
        .get_template("evidence.html")
        .render(
            sections=sections,
            about=about,
            sums=sums,
            digest=NO_DIGEST,
            data=Markup(canonical_json(data)),  # noqa: S704 - canonical_json escapes what would end the element
            t=words.text,
            term=words.term,
            reason_text=words.reason,
            detail_text=words.detail,
            span=words.span,
            lang=words.language,
            moment=moment,
            money=money.exact,
            zone=zone.key,
        )
    )
    return seal(page)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
