"""LightGBM as a scikit-learn classifier, with the choices that fraud data ask for.

Follows scikit-learn's conventions (``check_estimator`` runs in the tests), so it goes into
pipelines, searches and calibration like any other classifier.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data


class ForewarnClassifier(ClassifierMixin, BaseEstimator):
    """Gradient-boosted trees for two classes; missing values are a value of their own.

    Depth is bounded because a worker walks every tree to its full depth, and the number of trees
    because twenty thousand events a second share one core with everything else.

    Parameters:
        n_estimators: most trees; early stopping usually takes fewer.
        learning_rate, num_leaves, max_depth, min_child_weight, feature_fraction,
        bagging_fraction, lambda_l2, max_bin: as in LightGBM.
        monotone: sign by feature name (or position): 1 rising, -1 falling, 0 free.
        exclude: features that are never split on.
        early_stopping_rounds: stop when log loss on the validation rows stood still (average precision jumps about with
            few frauds).
        random_state: seed of the bagging; the same seed gives the same trees.
        num_threads: of training; results do not depend on it. More than one only on cores that
            nothing else uses: OpenMP threads wait for each other, and one that lost its core made
            the same training seven times slower.
    """

    def __init__(
        self,
        *,
        n_estimators: int = 300,
        learning_rate: float = 0.06,
        num_leaves: int = 24,
        max_depth: int = 6,
        min_child_weight: float = 1.0,
        feature_fraction: float = 0.6,
        bagging_fraction: float = 0.8,
        lambda_l2: float = 5.0,
        max_bin: int = 127,
        monotone: Mapping[Any, int] | None = None,
        exclude: Sequence[str] = (),
        early_stopping_rounds: int = 40,
        random_state: int = 0,
        num_threads: int = 1,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.max_depth = max_depth
        self.min_child_weight = min_child_weight
        self.feature_fraction = feature_fraction
        self.bagging_fraction = bagging_fraction
        self.lambda_l2 = lambda_l2
        self.max_bin = max_bin
        self.monotone = monotone
        self.exclude = exclude
        self.early_stopping_rounds = early_stopping_rounds
        self.random_state = random_state
        self.num_threads = num_threads

    def fit(
        self,
        X: Any,  # noqa: N803  # scikit-learn's name
        y: Any,
        sample_weight: Any = None,
        *,
        validation: tuple[Any, Any, Any] | None = None,
        feature_names: list[str] | None = None,
    ) -> Self:
        """Fit on X [n, F] and y [n] of two classes.

        Args:
            X: vectors; NaN is allowed.
            y: labels; the greater of the two classes is the positive one.
            sample_weight: [n].
            validation: vectors, labels and weights of later rows, for early stopping.
            feature_names: written into the model; the columns' names or numbers otherwise.

        Raises:
            ValueError: if y has other than two classes.
        """
        X, y = validate_data(self, X, y, dtype=np.float32, ensure_all_finite="allow-nan")  # noqa: N806
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) > 2:
            raise ValueError(
                "Only binary classification is supported. The type of the target is multiclass."
            )
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class only: {self.classes_[0]!r}")
        weight = _check_sample_weight(sample_weight, X) if sample_weight is not None else None
        names = feature_names or _names(self, X.shape[1])
        options = self._parameters(names)
        data = lightgbm.Dataset(
            X, (y == self.classes_[1]).astype(np.int8), weight=weight, feature_name=names,
            params=options, free_raw_data=True,
        )  # fmt: skip
        callbacks, later = [], []
        if validation is not None:
            vectors, labels, weights = validation
            later = [
                data.create_valid(np.asarray(vectors, np.float32), np.asarray(labels), weights)
            ]
            callbacks = [lightgbm.early_stopping(self.early_stopping_rounds, verbose=False)]
        booster = lightgbm.train(
            options, data, self.n_estimators, valid_sets=later, callbacks=callbacks
        )
        self.n_trees_ = booster.best_iteration or booster.current_iteration()
        # The text form is all that is kept: it can be copied, compared and pickled by scikit-learn.
        self.model_ = booster.model_to_string(num_iteration=self.n_trees_)
        self.booster_ = lightgbm.Booster(model_str=self.model_)
        return self

    def decision_function(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Log-odds of the positive class, [n]."""
        check_is_fitted(self)
        X = validate_data(  # noqa: N806
            self, X, dtype=np.float32, ensure_all_finite="allow-nan", reset=False
        )
        return np.asarray(
            self.booster_.predict(X, raw_score=True, num_threads=self.num_threads), np.float64
        )

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Uncalibrated probabilities of both classes, [n, 2]."""
        positive = 1.0 / (1.0 + np.exp(-self.decision_function(X)))
        return np.column_stack([1.0 - positive, positive])

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The likelier class of each row."""
        check_is_fitted(self)
        return np.asarray(self.classes_[(self.decision_function(X) > 0).astype(np.intp)])

    def _parameters(self, names: list[str]) -> dict[str, Any]:
        signs = self.monotone or {}
        return {
            "objective": "binary",
            "metric": "binary_logloss",
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "max_depth": self.max_depth,
            "min_sum_hessian_in_leaf": self.min_child_weight,
            "min_data_in_leaf": 5,
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": 1,
            "lambda_l2": self.lambda_l2,
            "max_bin": self.max_bin,
            "monotone_constraints": [
                int(signs.get(name, signs.get(position, 0))) for position, name in enumerate(names)
            ],
            "monotone_constraints_method": "basic",
            "feature_contri": [0.0 if name in self.exclude else 1.0 for name in names],
            "seed": self.random_state,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": self.num_threads,
            "verbosity": -1,
        }

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in super().__getstate__().items() if k != "booster_"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "model_" in state:
            self.booster_ = lightgbm.Booster(model_str=self.model_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags


def _names(estimator: Any, n_features: int) -> list[str]:
    given = getattr(estimator, "feature_names_in_", None)
    if given is None:
        return [f"Column_{index}" for index in range(n_features)]
    # LightGBM refuses JSON's own characters in names.
    return ["".join(c if c not in '[]{}",: ' else "_" for c in str(name)) for name in given]
