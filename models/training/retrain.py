"""Retraining: train on history, keep the result as challenger, promote it if the gates agree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from models.registry import Registry, champion_scorer
from models.registry.promotion import promote, verdicts_of
from models.registry.promotion_gates import GateVerdict, passed
from models.training.train_artifact import train
from models.training.train_options import TrainOptions
from models.training.training_dataset import Dataset


@dataclass(frozen=True, slots=True)
class Retrained:
    """What came of it; ``promoted`` tells whether the new version is champion now."""

    version: str
    path: Path
    promoted: bool
    verdicts: Sequence[GateVerdict]
    metrics: dict[str, object]


def retrain(
    dataset: Dataset,
    options: TrainOptions,
    registry: Registry,
    *,
    may_promote: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> Retrained:
    """Train, add to the registry, judge against the champion and promote or challenge.

    A refused model becomes challenger: workers score with it beside the champion and log both, so
    that the next decision rests on live figures.

    Raises:
        ConfigurationError: for data that cannot be trained on.
    """
    champion = champion_scorer(registry, dataset.fingerprint)
    with TemporaryDirectory(prefix="forewarn-retrain-") as work:
        trained = train(dataset, options, Path(work), champion=champion, progress=progress)
        version = registry.add(trained.path)
    verdicts = verdicts_of(registry, version)
    good = passed(verdicts) and may_promote
    if good:
        promote(
            registry, version, by="forewarn retrain", reason="passed the gates",
            now_ms=options.created_ms,
        )  # fmt: skip
    else:
        registry.point(
            "challenger", version, by="forewarn retrain", reason="not promoted: scored beside",
            now_ms=options.created_ms,
        )  # fmt: skip
    return Retrained(version, registry.fetch(version), good, verdicts, trained.metrics)
