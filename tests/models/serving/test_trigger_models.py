"""A model of its own for each trigger: the batch gives what each row alone gives, and a fallback has a name."""

from pathlib import Path

import lightgbm
import msgspec
import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray

from features.kinds import EventKind
from forewarn.errors import ArtifactError
from models.policy.event_status import KIND_OF_TRIGGER
from models.registry.candidate_comparison import HOLDOUT, Holdout, compare
from models.serving.artifact import (
    BOOSTER,
    Artifact,
    booster_of,
    calibration_of,
    read_artifact,
    write_artifact,
)
from models.serving.calibration import Calibrator
from models.serving.scorer import Scorer, load_scorer
from models.training.train_artifact import Trained

OWN = ("on_call", "attempted")


@pytest.fixture(scope="module")
def artifact(of_triggers: Trained) -> Artifact:
    return read_artifact(of_triggers.path)


@pytest.fixture(scope="module")
def scorer(artifact: Artifact) -> Scorer:
    return Scorer(artifact)


@pytest.fixture(scope="module")
def rows(of_triggers: Trained) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Some rows of the test part, kinds that raise nothing and missing values among them."""
    test = of_triggers.run.split.parts["test"].take(np.arange(120))
    vectors, kinds = test.vectors.copy(), test.kind.copy()
    kinds[100:110] = np.arange(EventKind.OUT_COMPLETED, EventKind.OUT_COMPLETED + 10) % 13
    vectors[5], vectors[6] = np.nan, 0.0
    return vectors, kinds


def file_of(kind: int) -> tuple[str, str]:
    """The booster and the calibration that score a kind, by the layout that the documentation names."""
    for name in OWN:
        if KIND_OF_TRIGGER[name] == kind:
            return f"booster.{name}.txt", f"calibration.{name}.json"
    return "booster.txt", "calibration.json"


def test_a_batch_scores_each_row_as_lightgbm_alone_does(
    artifact: Artifact, scorer: Scorer, rows: tuple[NDArray[np.float32], NDArray[np.uint8]]
) -> None:
    """The oracle: one row, the booster of its trigger, LightGBM's own prediction, its calibration."""
    vectors, kinds = rows
    raw, probability = scorer.raw(vectors, kinds), scorer.predict(vectors, kinds)
    shap = scorer.contributions(vectors, kinds)
    for row, kind in enumerate(kinds.tolist()):
        text, calibration = file_of(kind)
        booster = lightgbm.Booster(model_str=artifact.text(text))
        [expected] = booster.predict(vectors[row : row + 1], raw_score=True)
        assert raw[row] == expected
        calibrator = msgspec.json.decode(artifact.data(calibration), type=Calibrator)
        assert probability[row] == calibrator.apply(np.array([expected]))[0]
        [parts] = booster.predict(vectors[row : row + 1], pred_contrib=True)
        assert np.allclose(shap[row], parts[:-1], atol=1e-5)
        assert np.isclose(shap[row].sum() + parts[-1], expected)


def test_a_batch_of_one_kind_and_an_empty_one(
    scorer: Scorer, rows: tuple[NDArray[np.float32], NDArray[np.uint8]]
) -> None:
    vectors, kinds = rows
    whole = scorer.predict(vectors, kinds)
    for kind in np.unique(kinds).tolist():
        chosen = kinds == kind
        assert np.array_equal(scorer.predict(vectors[chosen], kinds[chosen]), whole[chosen])
    assert scorer.predict(vectors[:0], kinds[:0]).shape == (0,)
    assert scorer.contributions(vectors[:0], kinds[:0]).shape == (0, vectors.shape[1])


def test_triggers_differ_and_training_knew_the_same_probabilities(
    of_triggers: Trained, scorer: Scorer
) -> None:
    test = of_triggers.run.split.parts["test"]
    found = scorer.predict(test.vectors, test.kind)
    assert np.array_equal(found, of_triggers.run.probability["test"])
    as_call = np.full(len(test), EventKind.CALL_STARTED, np.uint8)
    assert not np.array_equal(scorer.predict(test.vectors, as_call), found)


def test_kinds_cannot_be_left_out(
    scorer: Scorer, rows: tuple[NDArray[np.float32], NDArray[np.uint8]]
) -> None:
    vectors, kinds = rows
    with pytest.raises(TypeError, match="models by trigger"):
        scorer.predict(vectors)
    with pytest.raises(TypeError, match="120 vectors need as many kinds of events, there are 3"):
        scorer.contributions(vectors, kinds[:3])


def test_one_model_needs_no_kinds_and_ignores_them(trained: Trained) -> None:
    scorer = load_scorer(trained.path, fingerprint="")
    test = trained.run.split.parts["test"].vectors[:40]
    kinds = np.full(40, EventKind.CALL_STARTED, np.uint8)
    assert scorer.by_trigger == ()
    assert np.array_equal(scorer.predict(test), scorer.predict(test, kinds))
    assert read_artifact(trained.path).manifest.format == 1  # earlier versions read it


def test_a_trigger_with_too_few_frauds_is_named(of_triggers: Trained, artifact: Artifact) -> None:
    manifest = artifact.manifest
    assert manifest.format == 2
    assert manifest.own() == OWN
    fallback = manifest.triggers["call_ended"]
    assert fallback.model == "common"
    assert fallback.trees == 0
    assert f"{fallback.frauds} of its own" in fallback.why
    assert not artifact.has(booster_of("call_ended"))
    assert "the common model: " + fallback.why in artifact.text("report.html")
    assert "- call_ended: the common model; " in artifact.text("model_card.md")
    figures = {row["trigger"]: row for row in of_triggers.metrics["triggers"]}
    assert list(figures) == ["on_call", "call_ended", "attempted"]
    assert figures["on_call"]["average_precision"] > figures["on_call"]["common_average_precision"]


def rewritten(artifact: Artifact, folder: Path, *without: str, **changes: object) -> Path:
    """The artifact again, with another manifest or without some files."""
    files = {
        name: data
        for name, data in artifact.files.items()
        if name not in ("manifest.json", "calibration.json", *without)
    }
    manifest = structs.replace(artifact.manifest, **changes)
    return write_artifact(folder, manifest, artifact.calibrator, files)


@pytest.mark.parametrize("name", [booster_of("attempted"), calibration_of("attempted")])
def test_a_missing_model_of_a_trigger_is_named(
    artifact: Artifact, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ArtifactError, match=f"{name} is not among the checksums"):
        read_artifact(rewritten(artifact, tmp_path, name))


def test_a_model_that_the_manifest_does_not_name_is_refused(
    artifact: Artifact, tmp_path: Path
) -> None:
    """It would be left out without a word."""
    with pytest.raises(ArtifactError, match=r"booster\.on_call\.txt, which its manifest does not"):
        read_artifact(rewritten(artifact, tmp_path, triggers={}))
    others = {"line_changed": artifact.manifest.triggers["on_call"]}
    with pytest.raises(ArtifactError, match="names a trigger 'line_changed'"):
        read_artifact(rewritten(artifact, tmp_path, triggers=others))


def test_the_first_format_has_no_models_by_trigger(artifact: Artifact, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="which format 1 has not"):
        read_artifact(rewritten(artifact, tmp_path, format=1))


def test_a_broken_model_of_a_trigger_is_refused(artifact: Artifact, tmp_path: Path) -> None:
    files = {**artifact.files, booster_of("on_call"): b"tree\nno trees\n"}
    files = {k: v for k, v in files.items() if k not in ("manifest.json", "calibration.json")}
    folder = write_artifact(tmp_path, artifact.manifest, artifact.calibrator, files)
    with pytest.raises(ArtifactError, match=r"booster\.on_call\.txt"):
        load_scorer(folder, fingerprint="")


def test_models_are_compared_on_rows_with_their_kinds(artifact: Artifact, tmp_path: Path) -> None:
    kept = Holdout.decode(artifact.data(HOLDOUT))
    assert kept.kind is not None
    assert set(OWN) <= {k for k, v in KIND_OF_TRIGGER.items() if v in kept.kind}
    same = compare(artifact, artifact)
    assert same.low == same.high == 0.0
    before = structs.replace(artifact, files={**artifact.files, HOLDOUT: without_kinds(kept)})
    with pytest.raises(ArtifactError, match="keeps no kinds of events"):
        compare(before, artifact)


def without_kinds(kept: Holdout) -> bytes:
    """The rows as earlier versions kept them."""
    return Holdout(kept.vectors, kept.label, kept.weight, kept.group, None).encode()


def test_a_common_model_alone_is_the_fallback_of_all(artifact: Artifact, tmp_path: Path) -> None:
    """An artifact without its models by trigger is a whole artifact."""
    names = [file for name in OWN for file in (booster_of(name), calibration_of(name))]
    folder = rewritten(artifact, tmp_path, *names, triggers={}, format=1)
    scorer = load_scorer(folder, fingerprint="")
    booster = lightgbm.Booster(model_str=artifact.text(BOOSTER))
    zeros = np.zeros((3, len(scorer.features)), np.float32)
    assert np.array_equal(scorer.raw(zeros), booster.predict(zeros, raw_score=True))
