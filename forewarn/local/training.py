"""The default model: ``python -m forewarn.local.training REGISTRY``.

A town that differs from the demonstrated one in every person (another seed) is simulated, its
features are computed by the worker's own kernel, and the model is fitted and judged on times and
people that the fit never saw. It knows nothing of real fraud; it makes the pipeline complete until
``forewarn train`` has real history to work on.
"""

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from features.offline.tables import canonical
from forewarn.pseudonyms import Pseudonymiser
from forewarn.settings import ModelsSettings, load
from models.registry import open_registry
from models.simulator import Scenario, simulate
from models.training.events import History, dataset_of_history, outcomes_of_reports
from models.training.run import TrainOptions, fit, save

SUBSCRIBERS = 1_000
DAYS = 32
PREVALENCE = 0.02
"""Far above reality, so that a small town has frauds enough to learn from; probabilities are
calibrated on it and would have to be scaled for real traffic."""

REPORT_SHARE = 0.9
SEED = 42


def train_default(registry_url: str) -> str:
    """Train, add to the registry, and make it champion.

    Returns:
        The version.
    """
    began = time.monotonic()

    def tell(step: str) -> None:
        print(f"{time.monotonic() - began:5.1f} s  {step}", flush=True)  # noqa: T201  its log

    tell(f"simulating {SUBSCRIBERS} people over {DAYS} days")
    town = simulate(
        Scenario(
            seed=SEED,
            subscribers=SUBSCRIBERS,
            days=DAYS,
            start=datetime.now(UTC).date() - timedelta(days=DAYS + 10),
            prevalence=PREVALENCE,
            report_share=REPORT_SHARE,
        )
    )
    history = History(
        calls=canonical(town.calls.lazy(), "calls").collect(),
        transfers=canonical(town.transfers.lazy(), "transfers").collect(),
        outcomes=outcomes_of_reports(town.reports),
        people=town.people,
    )
    tell(f"computing features of {town.event_count:,} events")
    dataset = dataset_of_history(
        history, Pseudonymiser(b"of the default model"), report_share=REPORT_SHARE
    )
    settings = load(ModelsSettings, registry=registry_url)
    options = TrainOptions(
        created_ms=time.time_ns() // 1_000_000,
        signing_key=settings.signing_key.get_secret_value().encode(),
    )
    run = fit(dataset, options, tell)
    registry = open_registry(settings)
    with tempfile.TemporaryDirectory(prefix="forewarn-model-") as scratch:
        version = registry.add(save(run, Path(scratch), {}))
    registry.point(
        "champion",
        version,
        by="forewarn",
        reason="the first model of this registry, trained on a simulated town",
        now_ms=options.created_ms,
    )
    tell(f"{version} is champion")
    return version


if __name__ == "__main__":
    train_default(sys.argv[1])
