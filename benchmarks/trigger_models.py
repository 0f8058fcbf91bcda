"""Whether models by trigger warn better than one model, as artifacts that training writes.

    python -m benchmarks.trigger_models --judge SEED [SEED ...] [--trained default retraining] [--json FILE]

Two trainings, each with one model and with models by trigger from the same rows: that of the default model, and
that of ``forewarn train`` on three towns that hold the frauds of a much larger one. Judged by the whole truth of other towns: by the
decisions of the default policy at the thresholds that each training recommends (``forewarn evaluate``), and at
equal warnings a day.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.question_trial import BUDGETS, HONEST_SHARE, WARMUP_DAYS, judged_town, scenario
from forewarn.api.model_access import load_policy
from forewarn.simulator import simulate
from forewarn.simulator.default_training import (
    HONEST_WEIGHT,
    SCENARIO,
    catalog_options,
    dataset_of_town,
    default_dataset,
    default_options,
)
from models.evaluation.backtest import replay
from models.evaluation.early_warning import early_warning
from models.evaluation.ranking_measures import threshold_for_budget
from models.evaluation.warning_tables import (
    first_crossings,
    warnings_at,
    within,
)
from models.policy.event_status import WARNABLE
from models.serving.artifact import read_artifact
from models.serving.scorer import Scorer
from models.training.threshold_advice import trigger_scores
from models.training.train_options import TrainOptions
from models.training.training_dataset import DAY_MS, Dataset
from models.training.training_run import fit, save

SHOWN = (
    "share_with_a_call_warned_a_minute_before",
    "share_of_losses_warned",
    "people_in_a_fraud",
    "median_lead_minutes",
    "share_of_losses_warned_a_minute_before",
    "warnings_per_day",
)
"""Figures of ``forewarn evaluate``."""

RETRAINING_SEEDS = (141, 142, 143)
"""Development towns; together they hold the frauds of a town nine times as large as one of the question trial."""


def training_data(name: str) -> tuple[Dataset, TrainOptions]:
    """Rows and options of one of the trainings."""
    if name == "default":
        return default_dataset(simulate(SCENARIO)), default_options(0)
    town = replace(scenario(0), prevalence=0.03)
    parts = [
        dataset_of_town(simulate(replace(town, seed=seed)), honest_share=HONEST_SHARE, threads=1)
        for seed in RETRAINING_SEEDS
    ]
    whole = joined(parts)
    # Probabilities are those of a town with a third of the fraud, as the judged ones are.
    weight = np.where(whole.label == 1, whole.weight, whole.weight * HONEST_WEIGHT)
    return replace(whole, weight=weight), catalog_options(0)


def joined(parts: Sequence[Dataset]) -> Dataset:
    """Towns as one dataset in order of time; what is in one is in no other."""
    columns: dict[str, Any] = {}
    for name in (field.name for field in fields(Dataset)):
        if name in ("features", "fingerprint", "honest_share"):
            continue
        values = [getattr(part, name) for part in parts]
        if name in ("group", "subject", "counterparty", "ring"):
            # Pseudonyms of different towns; 0 stays none.
            values = [
                np.where(one > 0, one ^ np.uint64(number << 56), one)
                for number, one in enumerate(values)
            ]
        if name == "episode":
            values = [
                np.where(one >= 0, one + number * 1_000_000, one)
                for number, one in enumerate(values)
            ]
        columns[name] = np.concatenate(values)
    whole = replace(parts[0], **columns)
    return whole.take(np.argsort(whole.time_ms, kind="stable"))


def trained(name: str, directory: Path) -> dict[str, Scorer]:
    """The artifacts of a training, with one model and with models by trigger."""
    dataset, options = training_data(name)
    found = {}
    for by_trigger in (False, True):
        begun = time.process_time()
        run = fit(dataset, replace(options, by_trigger=by_trigger))
        path = save(run, directory / str(by_trigger), {})
        scorer = Scorer(read_artifact(path))
        title = f"{name}, {'by trigger' if by_trigger else 'one model'}"
        print(title, f"{time.process_time() - begun:.0f} CPU seconds", sep=" | ", flush=True)
        for trigger, one in run.models.triggers.items():
            print(
                title,
                trigger,
                one.model,
                f"{one.frauds} frauds",
                f"{one.trees} trees",
                one.why,
                sep=" | ",
            )
        print(
            title,
            {key: round(value, 4) for key, value in run.thresholds.items()},
            sep=" | ",
            flush=True,
        )
        found[title] = scorer
    return found


def evaluated(seed: int, scorers: dict[str, Scorer]) -> dict[str, list[dict[str, Any]]]:
    """By artifact: the figures of the policy's own decisions, and at equal warnings a day."""
    events, vectors, truth, districts = judged_town(seed)
    from_ms, until_ms = int(events.time_ms.min()) + WARMUP_DAYS * DAY_MS, int(events.time_ms.max())
    judged = events.time_ms >= from_ms
    losses, days = within(truth.losses, from_ms, until_ms), (until_ms - from_ms) / DAY_MS

    def figures(rows: NDArray[np.intp]) -> dict[str, Any]:
        return early_warning(warnings_at(events, rows, truth), losses, days)

    found: dict[str, list[dict[str, Any]]] = {}
    for name, scorer in scorers.items():
        done = replay(events, vectors, districts, scorer, load_policy(scorer), rows=judged)
        raised = np.array([one.row for one in done.raised()], np.intp)
        found[name] = [{"budget": "policy"} | figures(raised)]
        score = trigger_scores(done.probability, events.kind)
        known = np.flatnonzero(judged & np.isin(events.kind, WARNABLE) & (score >= 0))
        value, subject, time_ms = score[known], events.subject[known], events.time_ms[known]
        for budget in BUDGETS:
            bound = threshold_for_budget(value, np.ones(len(value)), time_ms, subject, budget)
            warned = known[first_crossings(value, subject, time_ms, bound)]
            found[name].append({"budget": budget} | figures(warned))
    return found


def main() -> None:
    """Print a table, and write all figures if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--judge", type=int, nargs="+", required=True)
    parser.add_argument("--trained", nargs="+", default=["default", "retraining"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    document: dict[str, Any] = {}
    with TemporaryDirectory(prefix="forewarn-triggers-") as scratch:
        scorers: dict[str, Scorer] = {}
        for name in options.trained:
            scorers |= trained(name, Path(scratch) / name)
        for seed in options.judge:
            document[str(seed)] = evaluated(seed, scorers)
            for name, rows in document[str(seed)].items():
                for figures in rows:
                    texts = [_text(figures[key]) for key in SHOWN]
                    print(seed, name, figures["budget"], *texts, sep=" | ", flush=True)
            if options.json:
                options.json.write_text(json.dumps(document, indent=2) + "\n")


def _text(figure: dict[str, float]) -> str:
    return "{value:.2f} ({low:.2f} to {high:.2f})".format(**figure)


if __name__ == "__main__":
    main()
