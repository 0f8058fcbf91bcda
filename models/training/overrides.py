"""Options that the command line overrides, applied to a run's options."""

from dataclasses import dataclass, replace
from typing import get_args

from forewarn.errors import ConfigurationError
from models.training.calibration_fit import Method
from models.training.train_options import TrainOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """None leaves what suits the data."""

    seed: int = 0
    calibration: str = "auto"
    embargo_days: float | None = None
    warmup_days: float | None = None
    capacity: float = 200.0
    trials: int = 0
    search_seconds: float = 600.0
    trees: int | None = None
    threads: int = 1
    by_trigger: bool | None = None


def with_overrides(options: TrainOptions, choices: Overrides) -> TrainOptions:
    """Options with the choices of the command line.

    Raises:
        ConfigurationError: for an unknown calibration.
    """
    methods: dict[str, Method] = {name: name for name in get_args(Method)}
    if choices.calibration not in methods:
        raise ConfigurationError(f"--calibration is one of {', '.join(methods)}")
    split = options.split
    if choices.embargo_days is not None:
        split = replace(split, embargo_days=choices.embargo_days)
    if choices.warmup_days is not None:
        split = replace(split, warmup_days=choices.warmup_days)
    parameters = dict(options.parameters)
    if choices.trees is not None:
        parameters["n_estimators"] = choices.trees
    return replace(
        options,
        seed=choices.seed,
        calibration=methods[choices.calibration],
        split=split,
        costs=replace(options.costs, daily_capacity=choices.capacity),
        search_trials=choices.trials,
        search_seconds=choices.search_seconds,
        parameters=parameters,
        num_threads=choices.threads,
        by_trigger=options.by_trigger if choices.by_trigger is None else choices.by_trigger,
    )
