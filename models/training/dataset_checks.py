"""Checks of a dataset before hours are spent on it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from forewarn.errors import ConfigurationError
from models.evaluation.ranking_measures import roc_auc
from models.training.dataset_split import Split, label_delays_days
from models.training.training_dataset import Dataset

LEAK_AUC = 0.985
"""A single feature that ranks better than this knows the answer rather than guesses it."""

FEW_POSITIVES = 30

FEW_EPISODES = 20
"""Frauds (not events) in the test part under which its figures say next to nothing."""
_SAMPLE_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a reader of the report has to know."""

    level: Literal["note", "warning"]
    about: str
    message: str


def check_dataset(dataset: Dataset, seed: int = 0) -> list[Finding]:
    """Refuse what cannot be trained on; return what may mislead.

    Raises:
        ConfigurationError: for no rows, one class, or infinite values.
    """
    positives = int(dataset.label.sum())
    if len(dataset) == 0:
        raise ConfigurationError("there are no rows to train on")
    if positives == 0:
        raise ConfigurationError(
            "no row is labelled as fraud",
            hint="Check the label column, or the time range: labels arrive after the events.",
        )
    if positives == len(dataset):
        raise ConfigurationError("every row is labelled as fraud; honest rows are needed too")
    bad = np.flatnonzero(np.isinf(dataset.vectors).any(axis=0))
    infinite = [dataset.features[index] for index in bad]
    if infinite:
        raise ConfigurationError(
            f"infinite values in {', '.join(infinite[:5])}",
            hint="Write missing values as NaN; a division by zero is a missing value.",
        )
    findings = []
    if positives < FEW_POSITIVES:
        findings.append(
            Finding("warning", "labels", f"only {positives} frauds: every figure is a guess")
        )
    if dataset.honest_share < 1:
        findings.append(
            Finding(
                "note",
                "sampling",
                f"honest rows of {100 * dataset.honest_share:.2g} % of the people were kept, each "
                f"counts {1 / dataset.honest_share:.4g}; all frauds were kept",
            )
        )
    return findings + _empty(dataset) + _leaks(dataset, seed)


def check_split(dataset: Dataset, parts: Split) -> list[Finding]:
    """What the division of the rows means for a reader: what is left out, and why."""
    delays = label_delays_days(dataset)
    found = []
    test = parts.parts["test"]
    fraud = (parts.label["test"] == 1) & (test.episode >= 0)
    episodes = len(np.unique(test.episode[fraud]))
    if fraud.any() and episodes < FEW_EPISODES:
        found.append(
            Finding(
                "warning",
                "test part",
                f"holds {episodes} frauds: the figures of this report are guesses until a longer "
                "period or more people give at least 20",
            )
        )
    if parts.warmup_days:
        found.append(
            Finding(
                "note",
                "period",
                f"the first {parts.warmup_days:.1f} days are left out: longer windows were not "
                "full yet",
            )
        )
    if len(delays) and parts.embargo_days < np.quantile(delays, 0.5):
        found.append(
            Finding(
                "warning",
                "labels",
                f"half of them took longer than {np.quantile(delays, 0.5):.1f} days, the embargo "
                f"is {parts.embargo_days:.1f}: train on a longer period",
            )
        )
    late = {name: count for name, count in parts.late.items() if count}
    if late:
        listed = ", ".join(f"{count} of the {name} part" for name, count in late.items())
        found.append(
            Finding(
                "note",
                "labels",
                f"frauds that were not known at the end of their part are left out: {listed}",
            )
        )
    return found


def _empty(dataset: Dataset) -> list[Finding]:
    found = []
    for index, name in enumerate(dataset.features):
        column = dataset.vectors[:, index]
        missing = np.isnan(column)
        if missing.all():
            found.append(Finding("note", name, "is always missing"))
        elif np.all(column[~missing] == column[~missing][0]) and not missing.any():
            found.append(Finding("note", name, "never changes"))
    return found


def _leaks(dataset: Dataset, seed: int) -> list[Finding]:
    """Features that alone give the label away, by their values or by being missing."""
    rng = np.random.default_rng(seed)
    honest = np.flatnonzero(dataset.label == 0)
    fraud = np.flatnonzero(dataset.label == 1)
    rows = np.r_[
        rng.choice(honest, min(len(honest), _SAMPLE_ROWS), replace=False),
        rng.choice(fraud, min(len(fraud), _SAMPLE_ROWS), replace=False),
    ]
    label = dataset.label[rows]
    found = []
    for index, name in enumerate(dataset.features):
        column = dataset.vectors[rows, index].astype(np.float64)
        missing = np.isnan(column)
        how = ""
        if missing.any() and _power(missing.astype(np.float64), label) > LEAK_AUC:
            how = "whether it is missing"
        elif not missing.all():
            low = np.nanmin(column) - 1.0
            if _power(np.where(missing, low, column), label) > LEAK_AUC:
                how = "its value"
        if how:
            found.append(
                Finding(
                    "warning",
                    name,
                    f"{how} alone nearly gives the label away: was it known at the time?",
                )
            )
    return found


def _power(values: np.ndarray, label: np.ndarray) -> float:
    auc = roc_auc(values, label)
    return max(auc, 1.0 - auc)
