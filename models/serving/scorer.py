"""A loaded model: vectors in, calibrated probabilities out.

Compiled code walks the trees (``models.serving.forest``, ``models.serving.tree_shap``); LightGBM
itself only reads the artifact.
"""

from pathlib import Path

import lightgbm
import numpy as np
from numpy.typing import NDArray

from forewarn.errors import ArtifactError
from models.serving.artifact import BOOSTER, TYPOLOGY, Artifact, read_artifact
from models.serving.forest import Forest, compile_forest
from models.serving.model_dump import ModelDump
from models.serving.tree_shap import compile_tree_shap


class IncompatibleArtifactError(ArtifactError):
    """The artifact is whole and of no use here: to load it again comes to the same."""


class Scorer:
    """Scores vectors of one catalog with one artifact. Immutable: safe to use from threads."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.version = artifact.version
        self.fingerprint = artifact.manifest.fingerprint
        self.features = artifact.manifest.features
        self.thresholds = artifact.manifest.thresholds
        dump = _booster(artifact, BOOSTER).dump_model()
        self._forest = _forest(dump, len(self.features))
        self._tree_shap = compile_tree_shap(dump)
        self._typologies = (
            _forest(_booster(artifact, TYPOLOGY).dump_model(), len(self.features))
            if artifact.has(TYPOLOGY)
            else None
        )

    def predict(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated probabilities of fraud, float64 [n], for vectors float32 [n, F]."""
        return self.artifact.calibrator.apply(self.raw(vectors))

    def raw(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-odds before calibration, float64 [n]."""
        self._check(vectors)
        return self._forest.raw(vectors)

    def contributions(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Contribution of each feature to the log-odds (TreeSHAP), float64 [n, F]."""
        self._check(vectors)
        return self._tree_shap.contributions(vectors)

    def typology(self, vectors: NDArray[np.float32]) -> list[str]:
        """The likeliest kind of fraud of each vector; ``unknown`` where the model has no guess."""
        self._check(vectors)
        names = self.artifact.manifest.typologies
        if self._typologies is None or len(vectors) == 0:
            return ["unknown"] * len(vectors)
        return [names[i] for i in self._typologies.raw_classes(vectors).argmax(axis=1).tolist()]

    def check(self) -> None:
        """Use all of the model on a row of zeros and on one of nothing but missing values.

        Raises:
            IncompatibleArtifactError: a part of it fails, or gives what is no number or no known kind.
        """
        rows = np.zeros((2, len(self.features)), np.float32)
        rows[1] = np.nan
        try:
            sound = bool(
                np.isfinite(self.predict(rows)).all()
                and np.isfinite(self.contributions(rows)).all()
                and len(self.typology(rows)) == len(rows)
            )
        except ArtifactError:
            raise
        except Exception as error:
            raise IncompatibleArtifactError(
                f"model {self.version} fails on an empty row: {type(error).__name__}: {error}"
            ) from error
        if not sound:
            raise IncompatibleArtifactError(
                f"model {self.version} gives no numbers for an empty row"
            )

    def _check(self, vectors: NDArray[np.float32]) -> None:
        if vectors.dtype != np.float32 or vectors.ndim != 2:
            raise TypeError(f"vectors must be float32 [n, F], not {vectors.dtype} {vectors.shape}")
        if vectors.shape[1] != len(self.features):
            raise ArtifactError(
                f"vectors of {vectors.shape[1]} features, model {self.version} has "
                f"{len(self.features)}"
            )


def load_scorer(
    path: Path | str, *, fingerprint: str, signing_key: bytes = b"", version: str = ""
) -> Scorer:
    """Load and verify an artifact for the catalog with this fingerprint.

    Args:
        path: the artifact's folder.
        fingerprint: ``features.catalog.fingerprint``; empty for models over other tables.
        signing_key: if given, the artifact must be signed with it.
        version: if given, the artifact must be this one.

    Raises:
        IncompatibleArtifactError: if it is made for another catalog, or does not work.
        ArtifactError: if it is missing, corrupted or unsigned, which may pass while it is copied.
    """
    artifact = read_artifact(Path(path), signing_key=signing_key)
    if version and artifact.version != version:
        raise ArtifactError(f"the artifact under {version} says that it is {artifact.version}")
    if artifact.manifest.fingerprint != fingerprint:
        raise _of_other_features(artifact, fingerprint)
    scorer = Scorer(artifact)
    scorer.check()
    return scorer


def _of_other_features(artifact: Artifact, fingerprint: str) -> IncompatibleArtifactError:
    model, trained_on = f"model {artifact.version}", artifact.manifest.fingerprint
    if not trained_on:
        return IncompatibleArtifactError(
            f"{model} was trained on a table, not on calls and transfers.",
            hint="Score tables with it: `forewarn score`.",
        )
    if not fingerprint:
        return IncompatibleArtifactError(
            f"{model} was trained on calls and transfers, not on a table.",
            hint="Give the folder that `forewarn train --frame` printed.",
        )
    return IncompatibleArtifactError(
        f"{model} was trained on catalog {trained_on[:12]}, this is {fingerprint[:12]}.",
        hint="Train it again with this version's features.",
    )


def _booster(artifact: Artifact, name: str) -> lightgbm.Booster:
    try:
        return lightgbm.Booster(model_str=artifact.text(name))
    except lightgbm.basic.LightGBMError as error:
        raise IncompatibleArtifactError(
            f"LightGBM cannot read {name} of {artifact.version}: {error}"
        ) from None


def _forest(dump: ModelDump, n_features: int) -> Forest:
    forest = compile_forest(dump)
    if forest.n_features != n_features:
        raise IncompatibleArtifactError(
            f"the booster has {forest.n_features} features, the manifest names {n_features}"
        )
    forest.raw(np.zeros((1, forest.n_features), np.float32))  # compile now, not on the first event
    return forest
