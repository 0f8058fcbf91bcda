"""The first model of an installation that has no history yet: trained on a simulated town.

Good enough to see everything work; replaced by a model of one's own data as soon as there is some.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from features.catalog import CATALOG
from features.offline.parquet_tables import canonical
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.simulator import Scenario, Town, simulate
from models.registry import Registry
from models.training.dataset_split import SplitOptions
from models.training.history_dataset import EventHistory, dataset_of_history, outcomes_of_reports
from models.training.train_artifact import Trained, train
from models.training.train_options import TrainOptions
from models.training.training_dataset import Dataset

SCENARIO = Scenario(
    seed=20, subscribers=2_500, days=24, prevalence=0.03, report_share=1.0, report_delay_hours=6.0
)
"""About 700,000 events. Fraud is far more frequent than in life, and victims go to the police, so that
a few weeks teach something about every kind of it."""

HONEST_SHARE = 0.5
"""Of the people, those whose honest rows are trained on: half of the time for the same figures."""

HONEST_WEIGHT = 3.0
"""Probabilities are those of a town with a third of the scenario's fraud: honest rows count three times."""

CLOCKS = ("subscriber_age_days", "device_age_days")
"""Features that grow with the length of the data: a split on them is a date, not a habit."""

AGES = ("number_age_days", "account_age_days", "pair_age_days")
"""Ages since the first sight: true up to the warm-up, beyond it they count the days of the data."""

PARTS = (0.75, 0.125, 0.125)
"""Shares of time and people for train, calibrate and test: a first model needs every fraud to learn from."""

COLD_WARMUP_DAYS = 3.0
"""Of the default model, which will meet a cold state: what it learns on may be nearly as cold."""

_ANY_KEY = b"only to build features offline"
"""Pseudonyms tie events together within one run; no model contains any."""


def history_of_town(town: Town) -> EventHistory:
    """A town's events, reports and people as history.

    >>> len(fw.history_of_town(town).transfers) == len(town.transfers)
    True

    Args:
        town: its reports to the police become outcomes, each known at its label time.
    """
    calls, transfers = (
        canonical(frame.rename({"arrival_ms": "appended_at_ms"}).lazy(), topic).collect()
        for topic, frame in (("calls", town.calls), ("transfers", town.transfers))
    )
    return EventHistory(calls, transfers, outcomes_of_reports(town.reports), town.people)


def dataset_of_town(town: Town, *, honest_share: float = 1.0, threads: int = 2) -> Dataset:
    """A town as a dataset, labelled by its reports only."""
    return dataset_of_history(
        history_of_town(town),
        Pseudonymiser(_ANY_KEY),
        report_share=town.scenario.report_share,
        honest_share=honest_share,
        threads=threads,
    )


def catalog_options(
    created_ms: int, *, seed: int = 0, signing_key: bytes = b"", warmup_days: float | None = None
) -> TrainOptions:
    """Options for datasets of the catalog: its monotone signs, a warm-up and no clocks.

    A history is read from its first day on, as if no person had been seen before it. Warmed up for a
    month (a third of a short period), windows and ages are what a worker will see.
    """
    signs = zip(CATALOG.names, CATALOG.monotone, strict=True)
    return TrainOptions(
        created_ms=created_ms,
        seed=seed,
        signing_key=signing_key,
        monotone={name: sign for name, sign in signs if sign},
        exclude=CLOCKS,
        ages=AGES,
        split=SplitOptions(warmup_days=warmup_days),
    )


def default_dataset(town: Town) -> Dataset:
    """What the default model is trained on: a sample of the honest people, with the weight of a calmer town."""
    dataset = dataset_of_town(town, honest_share=HONEST_SHARE)
    weight = np.where(dataset.label == 1, dataset.weight, dataset.weight * HONEST_WEIGHT)
    return replace(dataset, weight=weight)


def default_options(created_ms: int, *, signing_key: bytes = b"") -> TrainOptions:
    """Options of the default model's training."""
    options = catalog_options(created_ms, signing_key=signing_key, warmup_days=COLD_WARMUP_DAYS)
    parts = replace(options.split, time_shares=PARTS, people_shares=PARTS)
    # There is no team yet whose capacity could bound the warnings.
    costs = replace(options.costs, daily_capacity=1e9)
    return replace(options, split=parts, costs=costs)


def train_default(
    registry: Registry,
    *,
    now_ms: int,
    signing_key: bytes = b"",
    scenario: Scenario = SCENARIO,
    progress: Callable[[str], None] = lambda _: None,
) -> Trained:
    """Simulate, train, put the model into the registry and make it the champion.

    Takes about half a minute on two cores.
    """
    progress(f"simulating {scenario.subscribers} people over {scenario.days} days")
    town = simulate(scenario)
    progress(f"computing {len(CATALOG.names)} features of {town.event_count:,} events")
    dataset = default_dataset(town)
    options = default_options(now_ms, signing_key=signing_key)
    with TemporaryDirectory() as work:
        trained = train(
            dataset, options, Path(work), title="Forewarn default model", progress=progress
        )
        version = registry.add(trained.path)
    registry.point(
        "champion",
        version,
        by="forewarn",
        reason="first model, from a simulated town",
        now_ms=now_ms,
    )
    return Trained(registry.fetch(version), trained.metrics, trained.run)
