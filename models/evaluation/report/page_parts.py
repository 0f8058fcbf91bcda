"""Parts of every report: its style, figures for people, notes and tables."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader


@cache
def _markup() -> Any:
    """The macros of ``page_parts.html``; every text is escaped, sections are markup already."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    return environment.get_template("page_parts.html").module


def page(title: str, sections: Iterable[str]) -> str:
    """One HTML file that needs nothing else; ``title`` is plain text."""
    return str(_markup().page(title, list(sections)))


def number(value: Any, digits: int = 3) -> str:
    """A figure for people; a dash where the data cannot answer."""
    if value is None:
        return "–"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def share(value: Any) -> str:
    """A share in percent."""
    return "–" if value is None else f"{100 * value:.1f} %"


def day(time_ms: int) -> str:
    """A date in UTC."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d}"


def days_between(part: Mapping[str, Any], *, timeless: bool) -> str:
    """The days of a part of a table, from ``from_ms`` until ``until_ms``."""
    if timeless:
        return "no times"
    return f"{day(part['from_ms'])} to {day(part['until_ms'])}"


def findings_list(findings: Sequence[Mapping[str, str]]) -> str:
    """What a reader has to know first, warnings before notes; nothing where there is nothing."""
    if not findings:
        return ""
    ranked = sorted(findings, key=lambda one: one["level"] != "warning")[:30]
    return str(_markup().findings_list(ranked))


def note(text: str) -> str:
    """A paragraph in the soft colour."""
    return str(_markup().note(text))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of plain texts; the first column is its own heading."""
    return str(_markup().table(head, rows))
