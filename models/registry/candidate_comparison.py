"""Comparing a candidate with the champion on rows that both can be judged on.

An artifact keeps the rows of its test part that matter for a comparison (``holdout.npz``: vectors, labels,
weights, groups, kinds of events, a sample of the honest rows weighted up), so that a later champion can be compared
on them without the data at hand. The champion may have been trained on some of these people; that
favours the champion, so a candidate that wins anyway has won.
"""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forewarn.errors import ArtifactError
from models.evaluation.bootstrap import PrecisionDifference, compare_average_precision
from models.serving.artifact import Artifact
from models.serving.scorer import Scorer

HOLDOUT = "holdout.npz"
HONEST_ROWS = 8_000


@dataclass(frozen=True, slots=True)
class Holdout:
    """Rows of a test part; arrays of equal length. ``kind`` is None in artifacts of earlier versions."""

    vectors: NDArray[np.float32]
    label: NDArray[np.int8]
    weight: NDArray[np.float64]
    group: NDArray[np.uint64]
    kind: NDArray[np.uint8] | None

    def encode(self) -> bytes:
        """As compressed numpy arrays, without pickle."""
        out = io.BytesIO()
        arrays: dict[str, Any] = {
            "vectors": self.vectors, "label": self.label, "weight": self.weight, "group": self.group,
        }  # fmt: skip
        if self.kind is not None:
            arrays["kind"] = self.kind
        np.savez_compressed(out, **arrays)
        return out.getvalue()

    @classmethod
    def decode(cls, data: bytes) -> "Holdout":
        """Read what ``encode`` wrote; raises ArtifactError."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                return cls(
                    arrays["vectors"], arrays["label"], arrays["weight"], arrays["group"],
                    arrays.get("kind"),
                )  # fmt: skip
        except (ValueError, KeyError, OSError, EOFError) as error:
            raise ArtifactError(f"{HOLDOUT} cannot be read: {error}") from error


def make_holdout(
    vectors: NDArray[np.float32],
    label: NDArray[np.int8],
    weight: NDArray[np.float64],
    group: NDArray[np.uint64],
    kind: NDArray[np.uint8],
    seed: int,
) -> Holdout:
    """All frauds, and a sample of honest rows weighted up.

    Groups become numbers of this file: pseudonyms of people have no place in an artifact.
    """
    rng = np.random.default_rng(seed)
    honest, fraud = np.flatnonzero(label == 0), np.flatnonzero(label == 1)
    kept = rng.choice(honest, min(len(honest), HONEST_ROWS), replace=False)
    rows = np.sort(np.r_[kept, fraud])
    scale = np.where(label[rows] == 1, 1.0, len(honest) / max(1, len(kept)))
    _, numbers = np.unique(group[rows], return_inverse=True)
    return Holdout(
        vectors[rows], label[rows], weight[rows] * scale, numbers.astype(np.uint64), kind[rows]
    )


def comparable(candidate: Artifact, champion: Artifact) -> bool:
    """Whether both read the same features, by name and by meaning."""
    one, other = candidate.manifest, champion.manifest
    return (one.fingerprint, one.features) == (other.fingerprint, other.features)


def compare(candidate: Artifact, champion: Artifact) -> PrecisionDifference:
    """Candidate minus champion in average precision on the candidate's own test rows.

    One model ranks by log-odds: a calibration in steps would make ties of what its trees tell apart. Models by
    trigger rank by probability.

    Raises:
        ArtifactError: if the two do not read the same features, or there are no rows, or no kinds of events
            for a model by trigger.
    """
    if not comparable(candidate, champion):
        raise ArtifactError(
            f"{candidate.version} and {champion.version} do not read the same features",
            hint="Only models of the same catalog can be compared.",
        )
    if not candidate.has(HOLDOUT):
        raise ArtifactError(f"{candidate.version} keeps no rows to compare on")
    rows = Holdout.decode(candidate.data(HOLDOUT))
    for one in (candidate, champion):
        if rows.kind is None and one.manifest.own():
            raise ArtifactError(
                f"{candidate.version} keeps no kinds of events, which {one.version} scores by",
                hint="Train the candidate again with this version.",
            )
    return compare_average_precision(
        Scorer(candidate).ranking(rows.vectors, rows.kind),
        Scorer(champion).ranking(rows.vectors, rows.kind),
        rows.label,
        rows.weight,
        rows.group,
    )
