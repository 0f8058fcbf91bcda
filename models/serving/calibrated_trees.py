"""One booster with its calibration, compiled: what scores an event and explains its score."""

from dataclasses import dataclass

import lightgbm
import numpy as np
from numpy.typing import NDArray

from forewarn.errors import ArtifactError
from models.serving.artifact import Artifact
from models.serving.calibration import Calibrator
from models.serving.forest import Forest, compile_forest
from models.serving.model_dump import ModelDump
from models.serving.tree_shap import TreeShap, compile_tree_shap


class IncompatibleArtifactError(ArtifactError):
    """The artifact is whole and of no use here: to load it again comes to the same."""


@dataclass(frozen=True, slots=True)
class CalibratedTrees:
    """Trees of two classes; vectors are float32 [n, F]."""

    forest: Forest
    tree_shap: TreeShap
    calibrator: Calibrator

    def raw(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-odds before calibration, float64 [n]."""
        return self.forest.raw(vectors)

    def predict(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated probabilities, float64 [n]."""
        return self.calibrator.apply(self.forest.raw(vectors))

    def contributions(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Contribution of each feature to the log-odds, float64 [n, F]."""
        return self.tree_shap.contributions(vectors)


def load_trees(artifact: Artifact, name: str, calibrator: Calibrator) -> CalibratedTrees:
    """Compile the booster in a file of an artifact.

    Raises:
        IncompatibleArtifactError: LightGBM cannot read it, or it has other features than the manifest.
        ArtifactError: there is no such file, or it has splits that only LightGBM itself walks.
    """
    dump = read_dump(artifact, name)
    forest = forest_of(dump, len(artifact.manifest.features))
    return CalibratedTrees(forest, compile_tree_shap(dump), calibrator)


def read_dump(artifact: Artifact, name: str) -> ModelDump:
    """The trees in a file of an artifact; raises as ``load_trees``."""
    try:
        dump: ModelDump = lightgbm.Booster(model_str=artifact.text(name)).dump_model()
    except lightgbm.basic.LightGBMError as error:
        raise IncompatibleArtifactError(
            f"LightGBM cannot read {name} of {artifact.version}: {error}"
        ) from None
    return dump


def forest_of(dump: ModelDump, n_features: int) -> Forest:
    """The compiled forest of a dump; raises as ``load_trees``."""
    forest = compile_forest(dump)
    if forest.n_features != n_features:
        raise IncompatibleArtifactError(
            f"the booster has {forest.n_features} features, the manifest names {n_features}"
        )
    forest.raw(np.zeros((1, forest.n_features), np.float32))  # compile now, not on the first event
    return forest
