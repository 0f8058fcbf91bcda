"""A loaded model: vectors in, calibrated probabilities out.

Compiled code walks the trees (``models.serving.forest``, ``models.serving.tree_shap``); LightGBM
itself only reads the artifact. Where a trigger has a model of its own, the rows of a batch are scored and
explained by the model of their event's kind, all others by the common one.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forewarn.errors import ArtifactError
from models.policy.event_status import KIND_OF_TRIGGER
from models.serving.artifact import BOOSTER, TYPOLOGY, Artifact, booster_of, read_artifact
from models.serving.calibrated_trees import (
    CalibratedTrees,
    IncompatibleArtifactError,
    forest_of,
    load_trees,
    read_dump,
)

__all__ = ["IncompatibleArtifactError", "Scorer", "load_scorer"]

_COMMON = 0
"""Place of the common model; the kind of an event that has none, too."""

_KINDS = 256
"""A kind is one byte."""


class Scorer:
    """Scores vectors of one catalog with one artifact. Immutable: safe to use from threads.

    ``kinds`` (``features.kinds.EventKind`` of each row, uint8 [n]) choose the model of a row. They may be left
    out only where one model scores everything (``by_trigger`` is empty): a guess would be another score.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.version = artifact.version
        self.fingerprint = artifact.manifest.fingerprint
        self.features = artifact.manifest.features
        self.thresholds = artifact.manifest.thresholds
        self.by_trigger = artifact.manifest.own()
        self._models = [load_trees(artifact, BOOSTER, artifact.calibrator)]
        self._place = np.full(_KINDS, _COMMON, np.uint8)
        for name in self.by_trigger:
            self._place[KIND_OF_TRIGGER[name]] = len(self._models)
            own = load_trees(artifact, booster_of(name), artifact.own_calibrators[name])
            self._models.append(own)
        self._typologies = (
            forest_of(read_dump(artifact, TYPOLOGY), len(self.features))
            if artifact.has(TYPOLOGY)
            else None
        )

    def predict(
        self, vectors: NDArray[np.float32], kinds: NDArray[np.uint8] | None = None
    ) -> NDArray[np.float64]:
        """Calibrated probabilities of fraud, float64 [n], for vectors float32 [n, F]."""
        return self._by_model(CalibratedTrees.predict, vectors, kinds)

    def raw(
        self, vectors: NDArray[np.float32], kinds: NDArray[np.uint8] | None = None
    ) -> NDArray[np.float64]:
        """Log-odds before calibration, float64 [n]; those of different models have different scales."""
        return self._by_model(CalibratedTrees.raw, vectors, kinds)

    def ranking(
        self, vectors: NDArray[np.float32], kinds: NDArray[np.uint8] | None = None
    ) -> NDArray[np.float64]:
        """A score that orders all rows, float64 [n]: log-odds, which have no ties, of one model.

        Only calibrated probabilities have one scale for several.
        """
        return self.predict(vectors, kinds) if self.by_trigger else self.raw(vectors, kinds)

    def contributions(
        self, vectors: NDArray[np.float32], kinds: NDArray[np.uint8] | None = None
    ) -> NDArray[np.float64]:
        """Contribution of each feature to the log-odds of the model that scores the row, float64 [n, F]."""
        return self._by_model(CalibratedTrees.contributions, vectors, kinds)

    def typology(self, vectors: NDArray[np.float32]) -> list[str]:
        """The likeliest kind of fraud of each vector; ``unknown`` where the model has no guess."""
        self._check(vectors)
        names = self.artifact.manifest.typologies
        if self._typologies is None or len(vectors) == 0:
            return ["unknown"] * len(vectors)
        return [names[i] for i in self._typologies.raw_classes(vectors).argmax(axis=1).tolist()]

    def check(self) -> None:
        """Use all models on a row of zeros and on one of nothing but missing values.

        Raises:
            IncompatibleArtifactError: a part of it fails, or gives what is no number or no known kind.
        """
        rows = np.zeros((2, len(self.features)), np.float32)
        rows[1] = np.nan
        try:
            sound = len(self.typology(rows)) == len(rows)
            for model in self._models:
                sound &= bool(np.isfinite(model.predict(rows)).all())
                sound &= bool(np.isfinite(model.contributions(rows)).all())
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

    def _by_model(
        self,
        apply: Callable[[CalibratedTrees, NDArray[np.float32]], NDArray[np.float64]],
        vectors: NDArray[np.float32],
        kinds: NDArray[np.uint8] | None,
    ) -> NDArray[np.float64]:
        """Apply to each row the model of its kind; rows of one model are walked together."""
        self._check(vectors)
        if not self.by_trigger:
            return apply(self._models[_COMMON], vectors)
        if kinds is None or len(kinds) != len(vectors):
            given = "none" if kinds is None else str(len(kinds))
            raise TypeError(
                f"model {self.version} has models by trigger: {len(vectors)} vectors need as many "
                f"kinds of events, there are {given}"
            )
        place = self._place[kinds]
        parts: list[tuple[NDArray[np.intp], NDArray[np.float64]]] = []
        for number, model in enumerate(self._models):
            rows = np.flatnonzero(place == number)
            if len(rows) == len(vectors):  # no copy of the vectors
                return apply(model, vectors)
            if len(rows):
                parts.append((rows, apply(model, vectors[rows])))
        found = np.empty((len(vectors), *parts[0][1].shape[1:]), np.float64)
        for rows, part in parts:
            found[rows] = part
        return found

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
