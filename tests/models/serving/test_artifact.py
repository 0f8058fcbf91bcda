"""An artifact is verified before anything of it is used."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from forewarn.errors import ArtifactError
from models.serving.artifact import BOOSTER, SUMS, read_artifact, write_artifact
from models.serving.scorer import Scorer, load_scorer
from models.training.train_artifact import Trained

KEY = b"a signing key of this test"


def test_what_is_written_can_be_read_and_scores_alike(trained: Trained) -> None:
    scorer = load_scorer(trained.path, fingerprint="")
    test = trained.run.split.parts["test"]
    assert np.array_equal(scorer.predict(test.vectors), trained.run.probability["test"])
    assert scorer.version == trained.path.name


@pytest.mark.parametrize(
    "name", ["manifest.json", "calibration.json", "booster.txt", "metrics.json", "reference.json"]
)
def test_a_changed_or_missing_file_is_named(artifact_copy: Path, name: str) -> None:
    whole = (artifact_copy / name).read_bytes()
    (artifact_copy / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ArtifactError, match=name):
        read_artifact(artifact_copy)
    (artifact_copy / name).unlink()
    with pytest.raises(ArtifactError, match=f"{name} is missing"):
        read_artifact(artifact_copy)


def test_a_file_without_a_checksum_is_refused(artifact_copy: Path) -> None:
    (artifact_copy / "extra.pkl").write_bytes(b"surprise")
    with pytest.raises(ArtifactError, match=r"extra\.pkl"):
        read_artifact(artifact_copy)


def test_what_is_used_is_what_was_verified(artifact_copy: Path, trained: Trained) -> None:
    """A file that is changed after the verification changes nothing."""
    artifact = read_artifact(artifact_copy)
    for file in artifact_copy.iterdir():
        file.write_bytes(b"changed since")
    scorer = Scorer(artifact)
    rows = trained.run.split.parts["test"].vectors[:50]
    assert np.array_equal(scorer.predict(rows), trained.run.probability["test"][:50])
    assert "unknown" not in scorer.typology(rows)
    assert artifact.data("holdout.npz") == (trained.path / "holdout.npz").read_bytes()


def test_an_artifact_of_another_version_is_refused(trained: Trained) -> None:
    with pytest.raises(ArtifactError, match="says that it is"):
        load_scorer(trained.path, fingerprint="", version="20990101T000000Z-0123abcd")


def test_checksums_cannot_name_files_elsewhere(artifact_copy: Path) -> None:
    sums = artifact_copy / SUMS
    sums.write_text(sums.read_text() + "0" * 64 + "  ../../etc/passwd\n")
    with pytest.raises(ArtifactError, match="names no file"):
        read_artifact(artifact_copy)


def test_another_catalog_is_refused(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="was trained on a table, not on calls"):
        load_scorer(trained.path, fingerprint="f" * 64)
    artifact = read_artifact(trained.path)
    of_events = write_artifact(
        tmp_path,
        structs.replace(artifact.manifest, fingerprint="e" * 64),
        artifact.calibrator,
        {BOOSTER: artifact.text(BOOSTER)},
    )
    with pytest.raises(ArtifactError, match="was trained on catalog eeeeeeeeeeee, this is ffff"):
        load_scorer(of_events, fingerprint="f" * 64)
    with pytest.raises(ArtifactError, match="was trained on calls and transfers, not on a table"):
        load_scorer(of_events, fingerprint="")


def test_a_missing_artifact_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="forewarn train"):
        read_artifact(tmp_path / "nowhere")


def test_only_the_right_signature_is_accepted(trained: Trained, tmp_path: Path) -> None:
    plain = read_artifact(trained.path)
    files = {
        p.name: p.read_bytes()
        for p in trained.path.iterdir()
        if p.name not in (SUMS, "manifest.json", "calibration.json")
    }
    signed = write_artifact(tmp_path, plain.manifest, plain.calibrator, files, signing_key=KEY)
    assert read_artifact(signed, signing_key=KEY).version == plain.version
    for key, folder in ((b"another key of this test", signed), (KEY, trained.path)):
        with pytest.raises(ArtifactError, match="not signed"):
            read_artifact(folder, signing_key=key)


def test_an_unknown_format_is_refused(trained: Trained, tmp_path: Path) -> None:
    plain = read_artifact(trained.path)
    later = structs.replace(plain.manifest, format=99)
    booster = {"booster.txt": plain.text("booster.txt")}
    folder = write_artifact(tmp_path, later, plain.calibrator, booster)
    with pytest.raises(ArtifactError, match="format 99"):
        read_artifact(folder)


def test_coreutils_verify_an_artifact(
    trained: Trained, require: Callable[[bool, str], None]
) -> None:
    require(shutil.which("sha256sum") is not None, "coreutils are not installed")
    done = subprocess.run(["sha256sum", "-c", "--quiet", SUMS], cwd=trained.path, check=False)
    assert done.returncode == 0


def test_nothing_in_an_artifact_is_pickled(trained: Trained) -> None:
    with np.load(trained.path / "holdout.npz", allow_pickle=False) as arrays:
        assert "vectors" in arrays
    assert {p.suffix for p in trained.path.iterdir()} <= {
        ".json", ".txt", ".html", ".md", ".npz", "",
    }  # fmt: skip
