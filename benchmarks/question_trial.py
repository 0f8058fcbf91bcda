"""What question the model should answer: one probability, hazards of the loss, or one model a trigger.

    python benchmarks/question_trial.py [--train 101 102] [--judge 111 112] [--without hazards] [--json FILE]

Towns of 2,500 people and 28 days with 1 % of fraud. All models learn from the labels of the first towns as they were
reported, with the same rows, weights, parameters and early stopping, and are judged on the others by the whole truth
at equal warnings a day, with the figures and 90 % intervals over people of ``forewarn evaluate``.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.catalog import CATALOG
from features.engine import Engine
from features.event_columns import EventColumns
from forewarn.api.event_dataset import OFFLINE_KEY
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.simulator import Scenario, simulate, write_town
from forewarn.simulator.default_training import AGES, catalog_options, dataset_of_town
from models.evaluation.early_warning import early_warning
from models.evaluation.ranking_measures import threshold_for_budget
from models.evaluation.warning_tables import (
    EventTruth,
    first_crossings,
    truth_of_town,
    warnings_at,
    within,
)
from models.policy.event_status import WARNABLE
from models.training.calibration_fit import calibrate
from models.training.classifier import LogOddsClassifier, fit_classifier, make_classifier
from models.training.group_assignment import deal_by_lot
from models.training.history_dataset import district_of_events, event_columns, read_history
from models.training.threshold_advice import TRIGGERS, trigger_scores
from models.training.training_dataset import DAY_MS, HOUR_MS, NEVER_MS, Dataset

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]
Score = Callable[[Vectors, NDArray[np.uint8]], Floats]

BUCKETS_MS = (10 * 60_000, HOUR_MS, DAY_MS)
SAVED = (0.3, 0.8, 1.0)
"""Share of the money that a responder is taken to save by the time that is left: under 10 minutes, an hour, a day."""

WARMUP_DAYS = 9
HONEST_SHARE = 0.2
BUDGETS = (60.0, 100.0, 130.0)


@dataclass(frozen=True, slots=True)
class Rows:
    """Training rows: the dataset of all towns, and which of its rows stop the training early."""

    vectors: Vectors
    label: NDArray[np.int8]
    weight: Floats
    kind: NDArray[np.uint8]
    bucket: NDArray[np.int64]
    validation: NDArray[np.bool_]


def scenario(seed: int) -> Scenario:
    """A town of the trial."""
    return Scenario(seed=seed, subscribers=2_500, days=28, prevalence=0.01)


def rows_of(seeds: Sequence[int]) -> Rows:
    """The rows of some towns, after the warm-up, ages capped as in training."""
    parts: list[Dataset] = []
    for seed in seeds:
        whole = dataset_of_town(simulate(scenario(seed)), honest_share=HONEST_SHARE, threads=1)
        start_ms = int(whole.time_ms[0]) + WARMUP_DAYS * DAY_MS
        parts.append(whole.take(whole.time_ms >= start_ms))
    vectors = np.concatenate([part.vectors for part in parts])
    ages = [index for index, name in enumerate(CATALOG.names) if name in AGES]
    vectors[:, ages] = np.minimum(vectors[:, ages], np.float32(WARMUP_DAYS))
    label = np.concatenate([part.label for part in parts])
    group = np.concatenate([part.group for part in parts])
    left = np.concatenate([part.first_loss_ms - part.time_ms for part in parts])
    lost = np.concatenate([part.first_loss_ms < NEVER_MS for part in parts])
    # After the first loss the next may follow at once; a fraud without a loss has no time to it (censored).
    bucket = np.where(lost, np.searchsorted(BUCKETS_MS, np.maximum(left, 0), side="right"), -1)
    bucket = np.where(label == 1, bucket, len(BUCKETS_MS))
    return Rows(
        vectors,
        label,
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.kind for part in parts]),
        bucket,
        deal_by_lot(group, label, (0.8, 0.2, 0.0)).part == 1,
    )


def fitted(rows: Rows, label: NDArray[Any], chosen: NDArray[np.bool_]) -> LogOddsClassifier:
    """One binary model on some of the rows, with the parameters of a training."""
    options = catalog_options(0)
    model = make_classifier(
        CATALOG.names, monotone=options.monotone, exclude=options.exclude, random_state=0
    )
    train, later = chosen & ~rows.validation, chosen & rows.validation
    return fit_classifier(
        model,
        rows.vectors[train],
        label[train],
        rows.weight[train],
        validation=(rows.vectors[later], label[later], rows.weight[later]),
        features=CATALOG.names,
    )


def probability(model: LogOddsClassifier, vectors: Vectors) -> Floats:
    """Of the positive class, [n]."""
    return np.asarray(1.0 / (1.0 + np.exp(-model.decision_function(vectors))), np.float64)


def one_question(rows: Rows) -> dict[str, Score]:
    """The champion's question, is the event part of a fraud; and calibrated for each trigger apart.

    The second tells whether models by trigger find more, or whether their scales alone do it.
    """
    model = fitted(rows, rows.label, np.ones(len(rows.label), np.bool_))
    of_kind = {kind: calibrated(rows, kind, model) for kind in TRIGGERS}
    return {
        "part of a fraud": lambda vectors, _: probability(model, vectors),
        "part of a fraud, calibrated by trigger": by_kind(of_kind),
    }


def one_a_trigger(rows: Rows) -> dict[str, Score]:
    """The same question by one model for each trigger, each trained on its own events."""
    models = {kind: fitted(rows, rows.label, rows.kind == kind) for kind in TRIGGERS}
    plain = {
        kind: lambda vectors, model=model: probability(model, vectors)
        for kind, model in models.items()
    }
    of_kind = {kind: calibrated(rows, kind, model) for kind, model in models.items()}
    return {
        "one model a trigger": by_kind(plain),
        "one model a trigger, calibrated by trigger": by_kind(of_kind),
    }


def calibrated(rows: Rows, kind: int, model: LogOddsClassifier) -> Callable[[Vectors], Floats]:
    """The model's probability for events of one kind, calibrated on the rows that stopped the training."""
    own = rows.validation & (rows.kind == kind)
    calibrator = calibrate(model, rows.vectors[own], rows.label[own], rows.weight[own])
    return lambda vectors: calibrator.apply(model.decision_function(vectors))


def by_kind(models: Mapping[int, Callable[[Vectors], Floats]]) -> Score:
    """Each event by the model of its kind; 0 for the others."""

    def score(vectors: Vectors, kinds: NDArray[np.uint8]) -> Floats:
        found = np.zeros(len(vectors))
        for kind, model in models.items():
            own = np.flatnonzero(kinds == kind)
            if len(own):
                found[own] = model(vectors[own])
        return found

    return score


def hazards(rows: Rows) -> dict[str, Score]:
    """Discrete-time hazards of the loss: under 10 minutes, an hour, a day, each given that it is not sooner."""
    heads = [
        fitted(rows, rows.bucket == number, rows.bucket >= number)
        for number in range(len(BUCKETS_MS))
    ]

    def chances(vectors: Vectors) -> Floats:
        """Of the loss in each bucket, [buckets, n]."""
        still, found = np.ones(len(vectors)), []
        for head in heads:
            hazard = probability(head, vectors)
            found.append(still * hazard)
            still = still * (1.0 - hazard)
        return np.array(found)

    return {
        "hazards, within a day": lambda vectors, _: chances(vectors).sum(axis=0),
        "hazards, by what is saved": lambda vectors, _: np.asarray(SAVED) @ chances(vectors),
    }


class JudgedTown(NamedTuple):
    """A town on which scores are judged.

    Attributes:
        events: all of them.
        vectors: float32 [n, features].
        truth: the whole truth about them.
        districts: of each event.
    """

    events: EventColumns
    vectors: NDArray[np.float32]
    truth: EventTruth
    districts: NDArray[np.str_]


def judged_town(seed: int) -> JudgedTown:
    """Simulate a town of the trial, and read it as a history."""
    key = Pseudonymiser(OFFLINE_KEY)
    with TemporaryDirectory(prefix="forewarn-trial-") as scratch:
        directory = Path(scratch) / "town"
        write_town(simulate(scenario(seed)), directory)
        history = read_history(directory)
        events = event_columns(history, key)
        frames = {"calls": history.calls, "transfers": history.transfers}
        truth = truth_of_town(directory, events, frames, key)
        districts = district_of_events(events, history, key)
    engine = Engine(CATALOG)
    return JudgedTown(events, engine.run(engine.plan(events)).vectors, truth, districts)


def judged(seed: int, scores: dict[str, Score]) -> dict[str, list[dict[str, Any]]]:
    """Figures of each score at each budget on one town, by its whole truth."""
    events, vectors, truth, _ = judged_town(seed)
    from_ms, until_ms = int(events.time_ms.min()) + WARMUP_DAYS * DAY_MS, int(events.time_ms.max())
    rows = np.flatnonzero((events.time_ms >= from_ms) & np.isin(events.kind, WARNABLE))
    losses = within(truth.losses, from_ms, until_ms)
    found: dict[str, list[dict[str, Any]]] = {}
    for name, score in scores.items():
        part = trigger_scores(score(vectors[rows], events.kind[rows]), events.kind[rows])
        known = rows[part >= 0]
        value, subject, time_ms = part[part >= 0], events.subject[known], events.time_ms[known]
        for budget in BUDGETS:
            bound = threshold_for_budget(value, np.ones(len(value)), time_ms, subject, budget)
            warned = known[first_crossings(value, subject, time_ms, bound)]
            table = warnings_at(events, warned, truth)
            figures = early_warning(table, losses, (until_ms - from_ms) / DAY_MS)
            found.setdefault(name, []).append({"budget": budget} | figures)
    return found


def main() -> None:
    """Print a table, and write all figures if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--train", type=int, nargs="+", default=[101, 102])
    parser.add_argument("--judge", type=int, nargs="+", default=[111, 112])
    parser.add_argument("--without", choices=["hazards"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = rows_of(options.train)
    scores = one_question(rows) | one_a_trigger(rows)
    if options.without != "hazards":
        scores |= hazards(rows)
    document = {seed: judged(seed, scores) for seed in options.judge}
    for seed, by_score in document.items():
        for name, budgets in by_score.items():
            for figures in budgets:
                texts = [
                    "{value:.2f} ({low:.2f} to {high:.2f})".format(**figures[key])
                    for key in (
                        "share_with_a_call_warned_a_minute_before",
                        "share_of_losses_warned",
                        "people_in_a_fraud",
                        "median_lead_minutes",
                    )
                ]
                print(seed, name, f"{figures['budget']:.0f} a day", *texts, sep=" | ")
    if options.json:
        options.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
