"""The options of a training run."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.training.calibration_fit import Method
from models.training.dataset_checks import Finding
from models.training.dataset_split import SplitOptions
from models.training.threshold_advice import CostModel


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """Choices of a run; see ``forewarn train --help``.

    ``parameters`` go to ``make_classifier``; ``monotone`` is the sign by feature name where it
    is known, and features in ``exclude`` are never split on. Features in ``ages`` are split on only
    below the days of the warm-up. With ``by_trigger`` each trigger gets a model of its own where it has enough
    frauds; tables without kinds of events have no triggers. ``created_ms`` is given, not read from a clock, so that a run
    can be repeated. ``findings`` are what is known about the data already. ``files`` go into the artifact
    as they are.
    """

    seed: int = 0
    split: SplitOptions = field(default_factory=SplitOptions)
    costs: CostModel = field(default_factory=CostModel)
    calibration: Method = "auto"
    parameters: Mapping[str, object] = field(default_factory=dict)
    monotone: Mapping[str, int] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    ages: tuple[str, ...] = ()
    by_trigger: bool = False
    search_trials: int = 0
    search_seconds: float = 600.0
    created_ms: int
    signing_key: bytes = b""
    parent: str = ""
    num_threads: int = 1
    findings: tuple[Finding, ...] = ()
    files: Mapping[str, str | bytes] = field(default_factory=dict)
