"""The model card (Mitchell et al. 2019): what a model is for, on one page of Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.evaluation.report.page_parts import days_between, number, share

WARNING_USE = (
    "Ranks calls and transfers by the chance that they belong to a fraud in progress, so that people "
    "are warned in time. A person decides what follows from a warning. Not for scoring people, "
    "credit, or proof of guilt."
)
TABLE_USE = "Ranks the rows of the table it was trained on. Stream workers do not load it."

CARD = """# {title}

## Use

{use}

## Data

| | train | test |
|---|---|---|
{data}

{apart} Labels are those known at the end of each part, which is followed by
an embargo of {embargo} days. Gradient-boosted trees ({trees}) over {features} features, seed {seed},
calibration {calibration}.{triggers}

## Figures on the test part

| | ROC AUC | average precision |
|---|---|---|
{ranking}

{threshold}

## Limits

{limits}
- Labels are partial: unreported frauds count as honest, so precision is understated.
- Recall and false warnings by age group and district are in the report: look before promoting.
"""


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
    divided = metrics["split"]
    apart = "Parts differ in time only: the same person or card may be in both."
    if divided["by_group"]:
        apart = "No person and no ring is in both."
    if divided["timeless"]:
        apart = "The table has no times: groups were dealt to the parts by lot."
    return CARD.format(
        title=title,
        use=TABLE_USE if generic else WARNING_USE,
        data=_data(metrics["train"], metrics["test"], timeless=divided["timeless"]),
        apart=apart,
        embargo=number(divided["embargo_days"]),
        trees=metrics["trees"],
        features=features,
        seed=seed,
        calibration=metrics["calibration"]["method"],
        triggers=_triggers(metrics.get("triggers", [])),
        ranking=_ranking(metrics),
        threshold=_threshold(metrics),
        limits=_limits(metrics),
    )


def _triggers(rows: Sequence[Mapping[str, Any]]) -> str:
    """Which model scores each trigger; empty where one model was asked for."""
    said = [
        f"\n- {row['trigger']}: its own model ({row['trees']} trees, calibration {row['calibration']})"
        if row["model"] == "own"
        else f"\n- {row['trigger']}: the common model; {row['why']}"
        for row in rows
    ]
    return "\n\nModels by trigger, beside this common one:\n" + "".join(said) if said else ""


def _data(train: Mapping[str, object], test: Mapping[str, object], *, timeless: bool) -> str:
    """Rows of the table that describes both parts."""
    rows = [
        (
            "period",
            [days_between(part, timeless=timeless) for part in (train, test)],
        ),
        ("rows", [number(part["rows"]) for part in (train, test)]),
        ("frauds", [number(part["frauds"]) for part in (train, test)]),
        ("groups", [number(part["groups"]) for part in (train, test)]),
        ("prevalence, weighted", [share(part["prevalence"]) for part in (train, test)]),
        (
            "prevalence of all people in that time",
            [share(part["window_prevalence"]) for part in (train, test)],
        ),
    ]
    return "\n".join(f"| {name} | {' | '.join(cells)} |" for name, cells in rows)


def _ranking(metrics: Mapping[str, Any]) -> str:
    """Rows of the table of the model and its baselines."""
    return "\n".join(
        f"| {name} | {number(one['roc_auc'])} | {number(one['average_precision'])} |"
        for name, one in {"model": metrics, **metrics["baselines"]}.items()
    )


def _threshold(metrics: Mapping[str, Any]) -> str:
    """What the recommended threshold reaches."""
    at = metrics["at_threshold"]
    return (
        f"At the recommended threshold of {number(metrics['thresholds']['raise'])}:\n"
        f"{number(at['warnings_per_day'])} warnings a day, precision {share(at['precision'])}, "
        f"episodes found\n{share(at['episode_recall'])}, money found {share(at['value_recall'])}, "
        f"median\n{number(at['minutes_before_first_loss'])} minutes before the first loss."
    )


def _limits(metrics: Mapping[str, Any]) -> str:
    """The four kinds of fraud that the model finds least of, and the warnings about the data."""
    kinds = sorted(
        metrics["segments"]["typology"].items(), key=lambda kind: kind[1]["recall"] or 0.0
    )
    weak = [
        f"- {kind}: {share(row['recall'])} of {row['episodes']} frauds found"
        for kind, row in kinds[:4]
    ] or ["- The data names no kinds of fraud."]
    warnings = [
        f"- {one['about']} {one['message']}"
        for one in metrics["findings"]
        if one["level"] == "warning"
    ]
    return "\n".join(weak + warnings)
