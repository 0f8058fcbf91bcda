"""Whether models by trigger warn better than one model, as artifacts that training writes.

    python -m benchmarks.trigger_models --judge SEED [SEED ...] [--trained default retraining] [--json FILE]

Two trainings, each with one model and with models by trigger from the same rows: that of the default model, and
that of ``forewarn train`` on a town of the question trial. Judged by the whole truth of other towns: by the
decisions of the default policy at the thresholds that each training recommends (``forewarn evaluate``), and at
equal warnings a day.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.question_trial import HONEST_SHARE, judged, scenario
from forewarn.api.period_evaluation import evaluate_period
from forewarn.simulator import simulate, write_town
from forewarn.simulator.default_training import (
    SCENARIO,
    catalog_options,
    dataset_of_town,
    default_dataset,
    default_options,
)
from models.serving.artifact import read_artifact
from models.serving.scorer import Scorer
from models.training.train_options import TrainOptions
from models.training.training_dataset import DAY_MS, Dataset
from models.training.training_run import fit, save

SHOWN = (
    "share_with_a_call_warned_a_minute_before",
    "share_of_losses_warned",
    "people_in_a_fraud",
    "median_lead_minutes",
    "warnings_per_day",
)
"""Figures of ``forewarn evaluate``."""

WARMUP_DAYS = 9
"""Of a judged town, left out as in the question trial."""

RETRAINING_SEED = 103
"""A development town: what ``forewarn train`` would learn from in the retraining."""


def training_data(name: str) -> tuple[Dataset, TrainOptions]:
    """Rows and options of one of the trainings."""
    if name == "default":
        return default_dataset(simulate(SCENARIO)), default_options(0)
    town = simulate(scenario(RETRAINING_SEED))
    return dataset_of_town(town, honest_share=HONEST_SHARE, threads=1), catalog_options(0)


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
        print(title, f"{time.process_time() - begun:.0f} CPU seconds", sep=" | ")
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
        print(title, {key: round(value, 4) for key, value in run.thresholds.items()}, sep=" | ")
        found[title] = scorer
    return found


def evaluated(seed: int, scorers: dict[str, Scorer]) -> dict[str, Any]:
    """By score: the figures of the policy's own decisions, and at equal warnings a day."""
    town = simulate(scenario(seed))
    begin_ms = int(np.min(town.calls["event_time_ms"].to_numpy())) + WARMUP_DAYS * DAY_MS
    equal = judged(seed, {name: scorer.predict for name, scorer in scorers.items()})
    found: dict[str, Any] = {}
    with TemporaryDirectory(prefix="forewarn-triggers-") as scratch:
        directory = Path(scratch) / "town"
        write_town(town, directory)
        for name, scorer in scorers.items():
            document = evaluate_period(directory, scorer, since_ms=begin_ms)
            found[name] = [{"budget": "policy"} | document["policy"], *equal[name]]
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
