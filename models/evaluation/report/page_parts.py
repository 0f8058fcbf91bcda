"""What every report is made of: its style, figures for people, notes and tables."""

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --paper: #ffffff; --soft: #6b7280; --line: #d9dce1; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --paper: #14171a; --soft: #9aa1ab; --line: #333a41; } }
body { color: var(--ink); background: var(--paper); font: 15px/1.5 system-ui, sans-serif;
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2.2rem; }
p.note, td.note { color: var(--soft); } svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); }
td.number { text-align: right; } .two { display: flex; flex-wrap: wrap; gap: 1.5rem; }
.two > div { flex: 1 1 26rem; } .warning { border-left: 4px solid #d97706; padding-left: .8rem; }
"""


def page(title: str, sections: Iterable[str]) -> str:
    """One HTML file that needs nothing else; ``title`` is plain text."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>"
        + "\n".join(sections)
        + "</body></html>\n"
    )


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


def findings_list(findings: Sequence[Mapping[str, str]]) -> str:
    """What a reader has to know first, warnings before notes; nothing where there is nothing."""
    if not findings:
        return ""
    items = "".join(
        f"<li><b>{html.escape(one['about'])}</b> {html.escape(one['message'])}</li>"
        for one in sorted(findings, key=lambda one: one["level"] != "warning")[:30]
    )
    return f'<h2>Findings about the data</h2><div class="warning"><ul>{items}</ul></div>'


def note(text: str) -> str:
    """A paragraph in the soft colour."""
    return f'<p class="note">{html.escape(text)}</p>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of plain texts; the first column is its own heading."""
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{"number" if place else ""}">{html.escape(cell)}</td>'
            for place, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table>{f'<tr>{top}</tr>' if head else ''}{body}</table>"
