"""The default model of a local stack: trained once on a simulated town."""

from collections.abc import Callable
from typing import Literal

from forewarn.local.child_process import Child
from forewarn.local.stack_layout import Layout
from forewarn.platform.child_command import python_module
from forewarn.platform.settings import ModelsSettings, load

TRAINING_SECONDS_MAX = 600.0

DEFAULT_BY = "forewarn"
"""Who promoted the default model, as the registry's history names it."""

Champion = Literal["none", "fits", "outdated"]


def ensure_model(layout: Layout, trainer: Child, tell: Callable[[str], None]) -> None:
    """Train a model and make it champion if the registry has none.

    Training runs in a process of its own, so that Ctrl-C ends it at once and its memory is given
    back.

    Args:
        layout: names the registry.
        trainer: the child to run it with.
        tell: receives each step.

    Raises:
        DependencyUnavailableError: with the end of the training's log, if it failed.
    """
    state = champion(layout)
    if state == "fits":
        tell("model: the registry has a champion")
        return
    tell(
        "model: none yet, training one on a simulated town"
        if state == "none"
        else "model: the features have changed, training a new default model"
    )
    trainer.command = python_module("forewarn.local.train_default", str(layout.registry))
    trainer.run(
        TRAINING_SECONDS_MAX, progress=lambda s: tell(f"model: still training after {s:.0f} s")
    )
    tell("model: trained and promoted to champion")


def champion(layout: Layout) -> Champion:
    """Whether workers have a model to load.

    A champion that was promoted by hand is never replaced here, also when it does not fit the
    catalog: the worker refuses it and says what to do.
    """
    from features.catalog import CATALOG  # noqa: PLC0415  a second to import, for one question
    from models.registry import open_registry  # noqa: PLC0415

    registry = open_registry(load(ModelsSettings, registry=str(layout.registry)))
    pointer = registry.pointer("champion")
    if pointer is None or not pointer.version:
        return "none"
    fits = registry.manifest(pointer.version).fingerprint == CATALOG.fingerprint
    ours = pointer.moves[-1].by == DEFAULT_BY
    return "fits" if fits or not ours else "outdated"
