"""Baselines that a model has to beat: a few written rules, logistic regression, and the last champion."""

import ast
import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer
from sklearn.tree import DecisionTreeClassifier

from models.evaluation.expert_rules import EXPERT_RULES
from models.policy.rule_expression import Rows, compile_expression
from models.training.training_dataset import Dataset

Floats = NDArray[np.float64]

_HONEST_ROWS = 20_000
"""Enough for a linear model; fitting it on everything would take longer than the trees."""


def rules_score(train: Dataset, test: Dataset, label: NDArray[np.int8], weight: Floats) -> Floats:
    """Points by written rules where the catalog has their features, else by a tree of depth 3.

    A tree of depth 3 is eight rules, which is what an analyst with the same data would write.
    """
    if expert_features() <= set(test.features):
        rows = Rows(test.vectors, np.zeros(len(test)), test.amount_minor)
        score = np.zeros(len(test))
        for points, text in EXPERT_RULES:
            score += points * compile_expression(text, test.features).matches(rows)
        return score
    tree = DecisionTreeClassifier(max_depth=3, min_samples_leaf=5, random_state=0)
    tree.fit(train.vectors, label, sample_weight=weight)
    return np.asarray(tree.predict_proba(test.vectors)[:, 1])


def logistic_score(
    train: Dataset, test: Dataset, label: NDArray[np.int8], weight: Floats, seed: int = 0
) -> Floats:
    """Logistic regression over ranks of the features, with indicators of missing values."""
    rng = np.random.default_rng(seed)
    honest, fraud = np.flatnonzero(label == 0), np.flatnonzero(label == 1)
    kept = rng.choice(honest, min(len(honest), _HONEST_ROWS), replace=False)
    rows = np.sort(np.r_[kept, fraud])
    scale = np.where(label[rows] == 1, 1.0, len(honest) / max(1, len(kept)))
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        QuantileTransformer(n_quantiles=200, subsample=20_000, random_state=seed),
        LogisticRegression(C=0.3, max_iter=200),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a baseline may stop a little short
        warnings.filterwarnings("ignore", message="n_quantiles")
        model.fit(
            train.vectors[rows], label[rows], logisticregression__sample_weight=weight[rows] * scale
        )
    return np.asarray(model.decision_function(test.vectors))


def expert_features() -> set[str]:
    """The features that the written rules look at."""
    trees = (ast.parse(text, mode="eval") for _, text in EXPERT_RULES)
    return {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
