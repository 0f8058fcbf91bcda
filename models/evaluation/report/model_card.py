"""The model card (Mitchell et al. 2019): what a model is for, on one page of Markdown."""

from collections.abc import Mapping
from typing import Any

from models.evaluation.report.page_parts import day, number, share


def model_card(
    metrics: Mapping[str, Any], *, title: str, features: int, seed: int, generic: bool
) -> str:
    """The card for a document of ``models.evaluation.evaluation_document``.

    Args:
        metrics: the document.
        title: heading.
        features: how many there are.
        seed: of the run.
        generic: whether the model is over a table of the user rather than calls and transfers.
    """
    train, test, at = metrics["train"], metrics["test"], metrics["at_threshold"]
    use = (
        "Ranks the rows of the table it was trained on. Stream workers do not load it."
        if generic
        else "Ranks calls and transfers by the chance that they belong to a fraud in progress, so "
        "that people are warned in time. A person decides what follows from a warning. Not for "
        "scoring people, credit, or proof of guilt."
    )
    baselines = "\n".join(
        f"| {name} | {number(one['roc_auc'])} | {number(one['average_precision'])} |"
        for name, one in metrics["baselines"].items()
    )
    weak = [
        f"- {kind}: {share(row['recall'])} of {row['episodes']} frauds found"
        for kind, row in sorted(
            metrics["segments"]["typology"].items(), key=lambda item: item[1]["recall"] or 0.0
        )[:4]
    ]
    warnings = [
        f"- {one['about']} {one['message']}"
        for one in metrics["findings"]
        if one["level"] == "warning"
    ]
    divided = metrics["split"]
    apart = (
        "No person and no ring is in both."
        if divided["by_group"]
        else "Parts differ in time only: the same person or card may be in both."
    )
    return f"""# {title}

## Use

{use}

## Data

| | train | test |
|---|---|---|
| period | {day(train["from_ms"])} to {day(train["until_ms"])} | {day(test["from_ms"])} to {day(test["until_ms"])} |
| rows | {number(train["rows"])} | {number(test["rows"])} |
| frauds | {number(train["frauds"])} | {number(test["frauds"])} |
| groups | {number(train["groups"])} | {number(test["groups"])} |
| prevalence, weighted | {share(train["prevalence"])} | {share(test["prevalence"])} |
| prevalence of all people in that time | {share(train["window_prevalence"])} | {share(test["window_prevalence"])} |

{apart} Labels are those known at the end of each part, which is followed by
an embargo of {number(divided["embargo_days"])} days. Gradient-boosted trees ({metrics["trees"]}) over {features} features, seed {seed},
calibration {metrics["calibration"]["method"]}.

## Figures on the test part

| | ROC AUC | average precision |
|---|---|---|
| model | {number(metrics["roc_auc"])} | {number(metrics["average_precision"])} |
{baselines}

At the recommended threshold of {number(metrics["thresholds"]["raise"])}:
{number(at["warnings_per_day"])} warnings a day, precision {share(at["precision"])}, episodes found
{share(at["episode_recall"])}, money found {share(at["value_recall"])}, median
{number(at["minutes_before_first_loss"])} minutes before the first loss.

## Limits

{chr(10).join(weak) or "- The data names no kinds of fraud."}
{chr(10).join(warnings)}
- Labels are partial: unreported frauds count as honest, so precision is understated.
- Recall and false warnings by age group and district are in the report: look before promoting.
"""
