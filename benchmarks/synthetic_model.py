"""Models of realistic size for benchmarks and crash tests.

Trained on noise, so its opinions mean nothing; its cost and its determinism are those of a real one.
``large_amounts`` gives one whose opinion is known: it warns about large amounts and nothing else.
"""

from functools import cache
from pathlib import Path

import lightgbm
import numpy as np
from numpy.typing import NDArray

from benchmarks.traffic import LARGE_MINOR
from forewarn.platform.settings import ModelsSettings
from models.registry import open_registry
from models.serving.artifact import BOOSTER, TYPOLOGY, ArtifactManifest, write_artifact
from models.serving.calibration import Calibrator

TREES, LEAVES, ROWS = 300, 31, 4_000
DECISION, NOISE = 5.0, 1.5
"""Log-odds by which the model for large amounts decides, and the most by which its other trees change them."""
TYPOLOGIES = (
    "boss_acquaintance", "credit_loan", "fake_customer_service", "family_emergency",
    "investment_romance", "police_impersonation", "purchase_game", "task_scam",
)  # fmt: skip


@cache
def booster_text(features: tuple[str, ...], seed: int = 7) -> str:
    """A LightGBM model over these features, as text."""
    draw = np.random.default_rng(seed)
    # Counts, amounts and ratios are skewed and often nothing; so are these.
    values = draw.exponential(3.0, (ROWS, len(features))) * (
        draw.random((ROWS, len(features))) < 0.6
    )
    labels = (values[:, ::5].sum(axis=1) + draw.normal(0, 3, ROWS)) > np.quantile(
        values[:, ::5].sum(axis=1), 0.9
    )
    model = _booster(
        values, labels.astype(int), features, TREES, seed,
        objective="binary", num_leaves=LEAVES, learning_rate=0.05, min_data_in_leaf=5,
    )  # fmt: skip
    return str(model.model_to_string())


@cache
def large_amount_text(features: tuple[str, ...], seed: int = 7) -> str:
    """A model of the size that ``models.training.classifier`` trains, for ``LARGE_MINOR`` amounts.

    Its log-odds are above 3 for large amounts and below -3 for all others, whatever the other features are: the first
    tree decides, and the others, trained on noise, together change the result by ``NOISE`` at most.
    """
    draw = np.random.default_rng(seed)
    values = draw.exponential(3.0, (ROWS, len(features))) * (
        draw.random((ROWS, len(features))) < 0.6
    )
    large = draw.random(ROWS) < 0.2
    # Few different amounts, so that each has a bin of its own and no bin holds both sides of the bound.
    amounts = np.where(large, LARGE_MINOR, 0) + draw.integers(0, 100, ROWS) * (LARGE_MINOR // 200)
    values[:, features.index("amount")] = amounts
    labels = large | (draw.random(ROWS) < 0.03)
    model = _booster(
        values, labels.astype(int), features, TREES, seed,
        objective="binary", num_leaves=24, max_depth=6, learning_rate=0.06, min_data_in_leaf=5,
    )  # fmt: skip
    leaves = model.trees_to_dataframe()
    leaves = leaves[leaves["split_feature"].isna()]
    largest = leaves["value"].abs().groupby(leaves["tree_index"]).max()
    scale = NOISE / largest[1:].sum()
    for tree, number, value in zip(
        leaves["tree_index"],
        leaves["node_index"].str.split("L").str[1],
        leaves["value"],
        strict=True,
    ):
        model.set_leaf_output(tree, int(number), value * scale)
    _decide_by_amount(model, features.index("amount"))
    return str(model.model_to_string())


def _decide_by_amount(model: lightgbm.Booster, amount: int) -> None:
    """Let the first tree, whose root divides the amounts, give the leaves of either side one value."""
    root = model.dump_model(num_iteration=1)["tree_info"][0]["tree_structure"]
    if root["split_feature"] != amount:
        raise ValueError("the first tree does not begin with the amount")
    for side, value in (("left_child", -DECISION), ("right_child", DECISION)):
        waiting = [root[side]]
        while waiting:
            node = waiting.pop()
            if "leaf_index" in node:
                model.set_leaf_output(0, node["leaf_index"], value)
            else:
                waiting += [node["left_child"], node["right_child"]]


@cache
def typology_text(features: tuple[str, ...], seed: int = 7) -> str:
    """A multiclass model of the size that ``models.training.typology_model`` trains, as text."""
    draw = np.random.default_rng(seed)
    values = draw.exponential(3.0, (600, len(features)))
    classes = draw.integers(0, len(TYPOLOGIES), len(values))
    model = _booster(
        values, classes, features, 25, seed,
        objective="multiclass", num_class=len(TYPOLOGIES), num_leaves=8, min_data_in_leaf=3,
    )  # fmt: skip
    return str(model.model_to_string())


def _booster(
    values: NDArray[np.float64],
    labels: NDArray[np.int64],
    features: tuple[str, ...],
    trees: int,
    seed: int,
    **parameters: float | str,
) -> lightgbm.Booster:
    """A model; the same arguments give the same one."""
    repeatable = {"verbose": -1, "seed": seed, "deterministic": True, "num_threads": 1}
    data = lightgbm.Dataset(values, labels, feature_name=list(features))
    return lightgbm.train(parameters | repeatable, data, trees)


def make_registry(
    directory: Path,
    features: tuple[str, ...],
    fingerprint: str,
    *,
    intercept: float = 0.0,
    large_amounts: bool = False,
) -> Path:
    """A registry folder whose champion is such a model.

    Args:
        directory: where the registry goes.
        features: names, in the catalog's order.
        fingerprint: of the catalog.
        intercept: shifts every probability down, which sets how many events become warnings.
        large_amounts: warn about large amounts, and name a kind of fraud by a model of its own.
    """
    manifest = ArtifactManifest(
        created_ms=0,
        fingerprint=fingerprint,
        features=features,
        rows=ROWS,
        positives=ROWS // 10,
        data_from_ms=0,
        data_until_ms=0,
        seed=7,
        typologies=TYPOLOGIES if large_amounts else (),
    )
    calibrator = Calibrator(method="platt", slope=-1.0, intercept=intercept)
    files = {BOOSTER: booster_text(features)}
    if large_amounts:
        files = {BOOSTER: large_amount_text(features), TYPOLOGY: typology_text(features)}
    folder = write_artifact(directory / "made", manifest, calibrator, files)
    registry = open_registry(ModelsSettings(registry=str(directory / "registry")))
    version = registry.add(folder)
    registry.point("champion", version, by="benchmark", reason="synthetic", now_ms=0)
    return directory / "registry"
