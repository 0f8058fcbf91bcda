"""The HTML page: every figure that a decision about a model needs, in one file without scripts."""

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from models.evaluation.report import report_plots

_STYLE = """
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


def report_page(
    metrics: Mapping[str, Any], *, title: str, swarm: Mapping[str, Any] | None = None
) -> str:
    """The page for a document of ``models.evaluation.evaluation_document``.

    Args:
        metrics: the document.
        title: of the page, plain text.
        swarm: names, values and shades of the SHAP plot.
    """
    curves = {"model": metrics["curve"]} | {
        name: one["curve"] for name, one in metrics["baselines"].items()
    }
    importance = metrics["importance"][:20]
    drift = dict(list(metrics["drift"].items())[:15])
    sections = [
        f"<h1>{html.escape(title)}</h1>",
        _summary(metrics),
        _findings(metrics["findings"]),
        "<h2>Against baselines</h2>",
        _baselines(metrics),
        report_plots.precision_recall(curves),
        "<h2>What a day's work finds</h2>",
        _note("Thresholds at which so many calls, transfers or lines a day are warned about."),
        _budgets(metrics["budgets"]),
        report_plots.budgets(metrics["budgets"]),
        "<h2>Calibration</h2>",
        _calibration(metrics["calibration"]),
        report_plots.calibration(metrics["calibration"]["curve"]),
        *_segments(metrics["segments"]),
        "<h2>What the model looks at</h2>",
        _note("Mean absolute SHAP value over frauds and as many other events of the test part."),
        '<div class="two"><div>',
        report_plots.bars(
            {row["feature"]: row["shap"] for row in importance}, "mean |SHAP|, log-odds"
        ),
        "</div><div>",
        report_plots.shap_swarm(swarm["names"], swarm["values"], swarm["shades"]) if swarm else "",
        "</div></div>",
        "<h2>Drift from training to test</h2>",
        _note("Population stability index; 0.1 is worth a look, 0.25 is a change."),
        report_plots.bars(drift, "PSI", marks=(0.1, 0.25)),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>"
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


def _summary(metrics: Mapping[str, Any]) -> str:
    test, at = metrics["test"], metrics["at_threshold"]
    rows = [
        ("Test period", f"{day(test['from_ms'])} to {day(test['until_ms'])}"),
        ("Test rows, frauds, episodes, people",
         ", ".join(number(test[k]) for k in ("rows", "frauds", "episodes", "groups"))),
        ("Prevalence: train, calibrate, test (of everybody in that time)",
         ", ".join(f"{share(metrics[part]['prevalence'])} "
                   f"({share(metrics[part]['window_prevalence'])})"
                   for part in ("train", "calibrate", "test"))),
        ("ROC AUC", number(metrics["roc_auc"])),
        ("Average precision", number(metrics["average_precision"])),
        (f"Precision among the {metrics['precision_at_k']['k']} highest people of a day",
         share(metrics["precision_at_k"]["value"])),
        ("Recommended threshold", number(metrics["thresholds"]["raise"])),
        ("Warnings a day at it", number(at["warnings_per_day"])),
        ("Precision at it", share(at["precision"])),
        ("Frauds found: events, episodes, money",
         ", ".join(share(at[k]) for k in ("recall", "episode_recall", "value_recall"))),
        ("Minutes of warning before the first loss, median",
         number(at["minutes_before_first_loss"])),
        ("Found before the first loss", share(at["before_first_loss"])),
        ("Trees, microseconds a row",
         f"{metrics['trees']}, {number(metrics['speed']['microseconds_per_row'])}"),
    ]  # fmt: skip
    return _table((), rows)


def _findings(findings: Sequence[Mapping[str, str]]) -> str:
    if not findings:
        return ""
    items = "".join(
        f"<li><b>{html.escape(one['about'])}</b> {html.escape(one['message'])}</li>"
        for one in sorted(findings, key=lambda one: one["level"] != "warning")[:30]
    )
    return f'<h2>Findings about the data</h2><div class="warning"><ul>{items}</ul></div>'


def _baselines(metrics: Mapping[str, Any]) -> str:
    rows = [("model", *_figures(metrics), "")]
    for name, one in metrics["baselines"].items():
        gap = one["difference"]
        interval = f"{number(gap['low'])} to {number(gap['high'])}"
        rows.append((name, *_figures(one), interval))
    k = metrics["precision_at_k"]["k"]
    drifted = metrics["baselines"].get("champion", {}).get("calibration")
    note = (
        _note(
            f"The champion predicted {number(drifted['predicted_frauds'])} frauds in this period, "
            f"{number(drifted['observed_frauds'])} were observed."
        )
        if drifted
        else ""
    )
    head = ("", "ROC AUC", "average precision", f"precision at {k}", "model minus this (90 %)")
    return _table(head, rows) + note


def _figures(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return (
        number(one["roc_auc"]),
        number(one["average_precision"]),
        share(one["precision_at_k"]["value"]),
    )


def _budgets(rows: Sequence[Mapping[str, Any]]) -> str:
    head = ("warnings a day", "precision", "events", "episodes", "money", "minutes before loss")
    return _table(
        head,
        [
            (
                number(row["per_day"]),
                share(row["precision"]),
                share(row["recall"]),
                share(row["episode_recall"]),
                share(row["value_recall"]),
                number(row["minutes_before_first_loss"]),
            )
            for row in rows
        ],
    )


def _calibration(found: Mapping[str, Any]) -> str:
    return _note(
        f"{found['method']}; expected error {share(found['expected_error'])} of the predicted "
        f"frauds. Predicted {number(found['predicted_frauds'])} frauds, observed "
        f"{number(found['observed_frauds'])}. Points hold equal shares of the predicted frauds."
    )


def _segments(segments: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    titles = {
        "typology": "Recall by kind of fraud",
        "age_group": "Recall by age group",
        "district": "Recall by district",
    }
    for name, table in segments.items():
        found = {key: row for key, row in table.items() if row["recall"] is not None}
        if found:
            yield f"<h2>{titles[name]}</h2>"
            yield _note("Frauds (not events) in brackets; bars are 95 % intervals.")
            yield report_plots.segments(found)
        if table and name != "typology":
            yield _false_warnings(table)


def _false_warnings(table: Mapping[str, Any]) -> str:
    head = ("", "honest people", "warned, of 1,000", "95 % interval")
    rows = [
        (
            name,
            number(row["honest_people"]),
            number(row["false_per_1000"]),
            f"{number(row['false_low'])} to {number(row['false_high'])}",
        )
        for name, row in table.items()
    ]
    return _note("People without fraud in the test part who would have been warned.") + _table(
        head, rows
    )


def _note(text: str) -> str:
    return f'<p class="note">{html.escape(text)}</p>'


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
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
