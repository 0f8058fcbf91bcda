"""The default model of a local stack: trained once on a simulated town."""

import sys
from collections.abc import Callable

from forewarn.local.layout import Layout
from forewarn.local.process import Child
from forewarn.settings import ModelsSettings, load

TRAINING_SECONDS_MAX = 600.0


def ensure_model(layout: Layout, trainer: Child, tell: Callable[[str], None]) -> None:
    """Train a model and make it champion if the registry has none.

    Training runs in a process of its own, so that Ctrl-C ends it at once and its memory is given
    back.

    Args:
        layout: names the registry.
        trainer: the child to run it with.
        tell: told of the steps.

    Raises:
        DependencyUnavailableError: with the end of the training's log, if it failed.
    """
    if has_champion(layout):
        tell("model: the registry has a champion")
        return
    tell("model: none yet, training one on a simulated town")
    trainer.command = [sys.executable, "-m", "forewarn.local.training", str(layout.registry)]
    trainer.run(TRAINING_SECONDS_MAX)
    tell("model: trained and promoted to champion")


def has_champion(layout: Layout) -> bool:
    """Whether workers have a model to load."""
    from models.registry import open_registry  # noqa: PLC0415  numpy and more, for one question

    settings = load(ModelsSettings, registry=str(layout.registry))
    return open_registry(settings).current("champion") is not None
