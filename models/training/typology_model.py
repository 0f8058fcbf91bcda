"""A small multiclass model that names the kind of fraud, for routing and for wording a warning."""

from collections import Counter

import lightgbm
import numpy as np
from numpy.typing import NDArray

from models.training.training_dataset import Dataset

LEAST_ROWS = 12
"""A kind with fewer labelled events is left out: better unknown than made up."""

_ROUNDS = 25


def train_typologies(
    part: Dataset, label: NDArray[np.int8], seed: int, num_threads: int
) -> tuple[str, tuple[str, ...]]:
    """Train on frauds of known kind; returns the booster's text and the names, or ("", ()).

    ``label`` is what was known when the part was used.
    """
    counts = Counter(str(name) for name in part.typology[label == 1] if name)
    names = tuple(sorted(name for name, count in counts.items() if count >= LEAST_ROWS))
    if len(names) < 2:
        return "", ()
    rows = np.flatnonzero((label == 1) & np.isin(part.typology, names))
    classes = np.searchsorted(names, part.typology[rows])
    balance = np.array([1.0 / np.sqrt(counts[name]) for name in names])[classes]
    data = lightgbm.Dataset(
        part.vectors[rows], classes, weight=balance / balance.mean(),
        feature_name=list(part.features), params={"max_bin": 63, "verbosity": -1},
    )  # fmt: skip
    booster = lightgbm.train(
        {
            "objective": "multiclass",
            "num_class": len(names),
            "num_leaves": 8,
            "min_data_in_leaf": 3,
            "learning_rate": 0.15,
            "feature_fraction": 0.5,
            "seed": seed,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": num_threads,
            "verbosity": -1,
        },
        data,
        _ROUNDS,
    )
    return booster.model_to_string(), names
