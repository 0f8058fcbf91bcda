"""The HTML page: every figure that a decision about a model needs, in one file without scripts."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from models.evaluation.report import report_plots
from models.evaluation.report.early_warning_section import early_warning_section
from models.evaluation.report.page_parts import (
    days_between,
    findings_list,
    note,
    number,
    page,
    share,
    table,
)


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
        findings_list(metrics["findings"]),
        _summary(metrics),
        *early_warning_section(metrics.get("early_warning")),
        "<h2>Against baselines</h2>",
        _baselines(metrics),
        report_plots.precision_recall(curves),
        "<h2>What a day's work finds</h2>",
        note("Thresholds at which so many calls, transfers or lines a day are warned about."),
        _budgets(metrics["budgets"]),
        report_plots.budgets(metrics["budgets"]),
        "<h2>Calibration</h2>",
        _calibration(metrics["calibration"]),
        report_plots.calibration(metrics["calibration"]["curve"]),
        *_triggers(metrics.get("triggers", [])),
        *_segments(metrics["segments"]),
        "<h2>What the model looks at</h2>",
        note("Mean absolute SHAP value over frauds and as many other events of the test part."),
        '<div class="two"><div>',
        report_plots.bars(
            {row["feature"]: row["shap"] for row in importance}, "mean |SHAP|, log-odds"
        ),
        "</div><div>",
        report_plots.shap_swarm(swarm["names"], swarm["values"], swarm["shades"]) if swarm else "",
        "</div></div>",
        "<h2>Drift from training to test</h2>",
        note("Population stability index; 0.1 is worth a look, 0.25 is a change."),
        report_plots.bars(drift, "PSI", marks=(0.1, 0.25)),
    ]
    return page(title, sections)


def _summary(metrics: Mapping[str, Any]) -> str:
    test, at = metrics["test"], metrics["at_threshold"]
    rows = [
        ("Test period", days_between(test, timeless=metrics["split"]["timeless"])),
        ("Test rows, frauds, episodes, people",
         ", ".join(number(test[k]) for k in ("rows", "frauds", "episodes", "groups"))),
        ("Prevalence: train, calibrate, test (of all people in that time)",
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
    return table((), rows)


def _baselines(metrics: Mapping[str, Any]) -> str:
    rows = [("model", *_figures(metrics), "")]
    for name, one in metrics["baselines"].items():
        gap = one["difference"]
        interval = f"{number(gap['low'])} to {number(gap['high'])}"
        rows.append((name, *_figures(one), interval))
    k = metrics["precision_at_k"]["k"]
    drifted = metrics["baselines"].get("champion", {}).get("calibration")
    champion = (
        note(
            f"The champion predicted {number(drifted['predicted_frauds'])} frauds in this period, "
            f"{number(drifted['observed_frauds'])} were observed."
        )
        if drifted
        else ""
    )
    head = ("", "ROC AUC", "average precision", f"precision at {k}", "model minus this (90 %)")
    return table(head, rows) + champion


def _figures(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return (
        number(one["roc_auc"]),
        number(one["average_precision"]),
        share(one["precision_at_k"]["value"]),
    )


def _budgets(rows: Sequence[Mapping[str, object]]) -> str:
    head = ("warnings a day", "precision", "events", "episodes", "money", "minutes before loss")
    return table(
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


def _calibration(found: Mapping[str, object]) -> str:
    return note(
        f"{found['method']}; expected error {share(found['expected_error'])} of the predicted "
        f"frauds. Predicted {number(found['predicted_frauds'])} frauds, observed "
        f"{number(found['observed_frauds'])}. Points hold equal shares of the predicted frauds."
    )


def _triggers(rows: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """Which model scores each trigger; nothing where one model was asked for."""
    if not rows:
        return
    yield "<h2>Models by trigger</h2>"
    yield note(
        "A trigger with too few frauds of its own is scored by the common model. Average precision is that of "
        "the trigger's test rows, by the model that scores them and by the common one."
    )
    head = (
        "trigger", "scored by", "trees", "calibration", "frauds in training, in test",
        "predicted, observed", "average precision", "of the common model",
    )  # fmt: skip
    yield table(
        head,
        [
            (
                row["trigger"],
                "its own model" if row["model"] == "own" else f"the common model: {row['why']}",
                number(row["trees"]),
                row["calibration"],
                f"{number(row['frauds'])}, {number(row['test_frauds'])}",
                f"{number(row['predicted_frauds'])}, {number(row['observed_frauds'])}",
                number(row["average_precision"]),
                number(row["common_average_precision"]),
            )
            for row in rows
        ],
    )


def _segments(segments: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    titles = {
        "typology": "Recall by kind of fraud",
        "age_group": "Recall by age group",
        "district": "Recall by district",
    }
    for name, rows in segments.items():
        found = {key: row for key, row in rows.items() if row["recall"] is not None}
        if found:
            yield f"<h2>{titles[name]}</h2>"
            yield note("Frauds (not events) in brackets; bars are 95 % intervals.")
            yield report_plots.segments(found)
        if rows and name != "typology":
            yield _false_warnings(rows)


def _false_warnings(segment: Mapping[str, Any]) -> str:
    head = ("", "honest people", "warned, of 1,000", "95 % interval")
    rows = [
        (
            name,
            number(row["honest_people"]),
            number(row["false_per_1000"]),
            f"{number(row['false_low'])} to {number(row['false_high'])}",
        )
        for name, row in segment.items()
    ]
    return note("People without fraud in the test part who would have been warned.") + table(
        head, rows
    )
