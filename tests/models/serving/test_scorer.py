"""What a loaded model promises its worker."""

import numpy as np
import pytest

from forewarn.errors import ArtifactError
from models.serving.scorer import load_scorer
from models.training.train_artifact import Trained


def test_contributions_add_up_to_the_log_odds(trained: Trained) -> None:
    """TreeSHAP is exact: contributions and the base value are the score."""
    scorer = load_scorer(trained.path, fingerprint="")
    rows = trained.run.split.parts["test"].vectors[:50]
    base = scorer.raw(rows) - scorer.contributions(rows).sum(axis=1)
    assert np.allclose(base, base[0], atol=1e-4)


def test_typologies_are_names_of_the_manifest(trained: Trained) -> None:
    scorer = load_scorer(trained.path, fingerprint="")
    test = trained.run.split.parts["test"]
    fraud = test.vectors[test.label == 1]
    guesses = scorer.typology(fraud)
    truth = test.typology[test.label == 1]
    assert set(guesses) <= {"task_scam", "credit_loan"}
    assert np.mean(np.array(guesses) == truth) > 0.7  # a coin would have 0.5
    assert scorer.typology(fraud[:0]) == []


def test_wrong_vectors_are_refused(trained: Trained) -> None:
    scorer = load_scorer(trained.path, fingerprint="")
    with pytest.raises(TypeError, match="float32"):
        scorer.predict(np.zeros((2, 8)))  # type: ignore[arg-type]
    with pytest.raises(ArtifactError, match="features"):
        scorer.predict(np.zeros((2, 7), np.float32))
