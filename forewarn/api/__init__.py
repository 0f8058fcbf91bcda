"""Everything that a data scientist needs, under names that stay: ``import forewarn.api as fw``.

The import loads nothing; each name loads its part at its first use. All examples continue this one, with
a town of 150 people, and the tests run them.

>>> import forewarn.api as fw
>>> town = fw.simulate(fw.Scenario(seed=11, subscribers=150, days=12, prevalence=0.1,
...                                report_share=1.0, report_delay_hours=3.0))
>>> history = fw.history_of_town(town)
>>> dataset = fw.build_dataset(history, report_share=1.0)
>>> parts = fw.split(dataset, fw.SplitOptions(embargo_days=0.5, warmup_days=1.0))
>>> trained = fw.train(dataset, "artifacts", split=fw.SplitOptions(embargo_days=0.5, warmup_days=1.0))
>>> model = fw.load_model(trained.path)
>>> registry = fw.open_registry("registry")
>>> version = registry.add(trained.path)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from forewarn.platform.shadowed_packages import require_own_packages

if TYPE_CHECKING:
    from features.catalog import CATALOG
    from features.offline.backfill import BackfillSummary
    from features.offline.export_manifest import ExportManifest
    from features.offline.feature_table import build as build_features
    from features.offline.parity import ParityReport
    from forewarn.api.decision_backtest import Backtest, backtest
    from forewarn.api.event_dataset import build_dataset
    from forewarn.api.feature_history import backfill, parity
    from forewarn.api.model_access import (
        last_champion,
        load_model,
        load_policy,
        load_table_model,
        open_registry,
        promote,
        rollback,
    )
    from forewarn.api.model_fit import train
    from forewarn.api.topic_export import export
    from forewarn.errors import ConfigurationError, DependencyUnavailableError, ForewarnError
    from forewarn.simulator import (
        DeliveryFaults,
        LiveTown,
        Scenario,
        Town,
        iter_events,
        simulate,
        write_town,
    )
    from forewarn.simulator.default_training import history_of_town
    from models.policy import Policy
    from models.registry import Registry
    from models.registry.promotion import GateError
    from models.registry.promotion_gates import GateVerdict
    from models.serving.scorer import Scorer
    from models.tabular.table_dataset import (
        TableDataset,
        TableOptions,
        dataset_of_table,
        table_options,
    )
    from models.tabular.table_scores import TableScores, score_table
    from models.training.dataset_split import Split, SplitOptions, split
    from models.training.history_dataset import EventHistory, read_history
    from models.training.threshold_advice import CostModel
    from models.training.train_artifact import Trained
    from models.training.train_options import TrainOptions
    from models.training.training_dataset import Dataset

SECTIONS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "Simulate": {
        "forewarn.simulator": (
            "Scenario",
            "DeliveryFaults",
            "Town",
            "LiveTown",
            "simulate",
            "iter_events",
            "write_town",
        ),
        "forewarn.simulator.default_training": ("history_of_town",),
    },
    "Read history": {
        "forewarn.api.topic_export": ("export",),
        "forewarn.api.feature_history": ("backfill", "parity"),
        "models.training.history_dataset": ("EventHistory", "read_history"),
        "features.offline.export_manifest": ("ExportManifest",),
        "features.offline.backfill": ("BackfillSummary",),
        "features.offline.parity": ("ParityReport",),
    },
    "Build a dataset": {
        "features.catalog": ("CATALOG",),
        "features.offline.feature_table": ("build_features",),
        "forewarn.api.event_dataset": ("build_dataset",),
        "models.training.training_dataset": ("Dataset",),
        "models.training.dataset_split": ("Split", "SplitOptions", "split"),
        "models.tabular.table_dataset": (
            "TableDataset",
            "TableOptions",
            "dataset_of_table",
            "table_options",
        ),
        "models.tabular.table_scores": ("TableScores", "score_table"),
    },
    "Train": {
        "forewarn.api.model_fit": ("train",),
        "models.training.train_options": ("TrainOptions",),
        "models.training.threshold_advice": ("CostModel",),
        "models.training.train_artifact": ("Trained",),
    },
    "Backtest": {
        "forewarn.api.decision_backtest": ("Backtest", "backtest"),
        "models.policy": ("Policy",),
    },
    "Register and promote": {
        "forewarn.api.model_access": (
            "last_champion",
            "load_model",
            "load_policy",
            "load_table_model",
            "open_registry",
            "promote",
            "rollback",
        ),
        "models.registry": ("Registry",),
        "models.registry.promotion": ("GateError",),
        "models.registry.promotion_gates": ("GateVerdict",),
        "models.serving.scorer": ("Scorer",),
    },
    "Errors": {
        "forewarn.errors": ("ForewarnError", "ConfigurationError", "DependencyUnavailableError"),
    },
}
"""Heading of docs/api.md -> module -> the names that this package takes from it."""

_MODULES: Final = {
    name: module
    for modules in SECTIONS.values()
    for module, names in modules.items()
    for name in names
}
_OTHER_NAMES: Final = {"build_features": "build"}
"""Names that are called otherwise where they are defined."""

__all__ = [
    "CATALOG",
    "BackfillSummary",
    "Backtest",
    "ConfigurationError",
    "CostModel",
    "Dataset",
    "DeliveryFaults",
    "DependencyUnavailableError",
    "EventHistory",
    "ExportManifest",
    "ForewarnError",
    "GateError",
    "GateVerdict",
    "LiveTown",
    "ParityReport",
    "Policy",
    "Registry",
    "Scenario",
    "Scorer",
    "Split",
    "SplitOptions",
    "TableDataset",
    "TableOptions",
    "TableScores",
    "Town",
    "TrainOptions",
    "Trained",
    "backfill",
    "backtest",
    "build_dataset",
    "build_features",
    "dataset_of_table",
    "export",
    "history_of_town",
    "iter_events",
    "last_champion",
    "load_model",
    "load_policy",
    "load_table_model",
    "open_registry",
    "parity",
    "promote",
    "read_history",
    "rollback",
    "score_table",
    "simulate",
    "split",
    "table_options",
    "train",
    "write_town",
]


def __getattr__(name: str) -> Any:
    """Import a name at its first use; see PEP 562.

    Raises:
        ConfigurationError: if a file of the user, such as ``models.py``, hides a package of Forewarn.
        AttributeError: if there is no such name.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require_own_packages()
    value = getattr(import_module(_MODULES[name]), _OTHER_NAMES.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_MODULES)


require_own_packages()
