"""Lead and precision of warnings, as a section of a report and as a page of its own."""

import html
from collections.abc import Mapping
from typing import Any

from models.evaluation.report import report_plots
from models.evaluation.report.page_parts import (
    day,
    findings_list,
    note,
    number,
    page,
    share,
    table,
)

_SHARES = {
    "people_in_a_fraud": "Warned people who are in a fraud",
    "warnings_in_a_fraud": "Warnings that are of a fraud",
    "share_of_losses_warned": "Losses warned before",
    "share_of_losses_warned_a_minute_before": "Losses warned at least a minute before",
    "share_with_a_call_warned_a_minute_before": (
        "Of losses with a call more than a minute before: warned at least a minute before"
    ),
    "share_of_money_warned_a_minute_before": "Money warned at least a minute before",
}
_NUMBERS = {
    "median_lead_minutes": "Median lead of the losses that were warned, minutes",
    "warnings_per_day": "Warnings a day",
    "false_alarms_per_day": "False alarms a day",
}
_COMPARED = (
    "people_in_a_fraud",
    "share_of_losses_warned_a_minute_before",
    "share_with_a_call_warned_a_minute_before",
    "share_of_money_warned_a_minute_before",
    "median_lead_minutes",
)


def early_warning_section(figures: Mapping[str, Any] | None) -> list[str]:
    """The section for a document of ``models.evaluation.early_warning``; nothing without one."""
    if figures is None or not figures["losses"]:
        return []
    return [
        "<h2>How early, how right</h2>",
        note(
            f"{figures['losses']} losses, {figures['losses_with_a_call']} of them with a call more "
            f"than a minute before; {figures['people_warned']} people warned. In brackets 90 % "
            "intervals over people."
        ),
        table((), figure_rows(figures)),
        report_plots.lead_curves({"model": figures["lead_curve"]}),
    ]


def figure_rows(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value with its interval of each figure."""
    rows = [(text, _cell(figures[name], share)) for name, text in _SHARES.items()]
    return rows + [(text, _cell(figures[name], number)) for name, text in _NUMBERS.items()]


def comparison_rows(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One row for each ranking at equal warnings a day, and one for the champion's own decisions."""
    sides = dict(document["baselines"])
    if "champion" in document:
        sides["champion, by its own decisions"] = document["champion"]
    return [
        (
            name,
            *(_cell(one[key], number if key.startswith("median") else share) for key in _COMPARED),
        )
        for name, one in sides.items()
    ]


COMPARISON_HEAD = (
    "",
    "people in a fraud",
    "losses warned a minute before",
    "of those with a call",
    "money warned a minute before",
    "median lead, minutes",
)


def evaluation_page(document: Mapping[str, Any]) -> str:
    """The page of ``forewarn evaluate``."""
    title = f"Evaluation of {document['model']}"
    period = f"{day(document['from_ms'])} to {day(document['until_ms'])}"
    money = document["money"]
    curves = {"model": document["policy"]["lead_curve"]} | {
        name: one["lead_curve"] for name, one in document["baselines"].items() if name != "model"
    }
    if "champion" in document:
        curves["champion"] = document["champion"]["lead_curve"]
    return page(
        title,
        [
            f"<h1>{html.escape(title)}</h1>",
            findings_list(document["findings"]),
            note(
                f"{period}, {document['people']} people, policy {document['policy_version']}; judged by "
                f"{document['truth']}."
            ),
            *early_warning_section(document["policy"]),
            report_plots.lead_curves(curves),
            "<h2>By trigger</h2>",
            table(
                ("", "warnings", "of a fraud"),
                [
                    (name, number(row["warnings"]), share(row["in_a_fraud"]))
                    for name, row in document["triggers"].items()
                ],
            ),
            "<h2>Money, minor units</h2>",
            table(
                (), [(name.removesuffix("_minor"), number(value)) for name, value in money.items()]
            ),
            "<h2>At equal warnings a day</h2>",
            note(
                "Each call or transfer is warned about once, at its first event over the threshold."
            ),
            table(COMPARISON_HEAD, comparison_rows(document)),
            *_segments(document, "typology", "By kind of fraud"),
            *_segments(document, "age_group", "By age group"),
        ],
    )


def _segments(document: Mapping[str, Any], name: str, title: str) -> list[str]:
    """Losses warned a minute before, by segment: by the policy and at budgets."""
    budgets = document["budgets"]
    head = ("", "losses", "policy", *(f"{number(one['per_day'])} a day" for one in budgets))
    rows = []
    for key, row in document["policy"][name].items():
        at = [one[name].get(key) for one in budgets]
        cells = [share(one["warned_a_minute_before"]) if one else "–" for one in at]
        rows.append((key, number(row["losses"]), share(row["warned_a_minute_before"]), *cells))
    text = "Share of losses that were warned at least a minute before."
    return [f"<h2>{title}</h2>", note(text), table(head, rows)] if rows else []


def _cell(figure: Mapping[str, Any], render: Any) -> str:
    text = str(render(figure["value"]))
    if figure["low"] is None:
        return text
    return f"{text} ({render(figure['low'])} to {render(figure['high'])})"
