"""A release is one version everywhere, the same bytes each time, and says what is in it."""

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path

import pytest

from deploy.sbom import JARS, jar_components, licence_lines
from forewarn import __version__
from forewarn.cli.version_option import identity

ROOT = Path(__file__).parents[2]
PARTS = ("alerting", "deploy", "features", "forewarn", "models", "streams")


def test_one_version_is_named_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__
    tags = (ROOT / "deploy/k8s/base/kustomization.yaml").read_text()
    assert set(re.findall(r"newTag: (\S+)", tags)) == {__version__}
    guide = (ROOT / "docs/operations.md").read_text()
    assert set(re.findall(r"forewarn-\$image:([\d.]+\d)", guide)) == {__version__}
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert re.findall(r"^## \[(\d.*?)\]", changes, re.MULTILINE)[0] == __version__


def test_the_version_names_what_other_parts_have_to_fit() -> None:
    found = dict(identity())
    assert set(found) == {"forewarn", "commit", "catalog", "events", "database"}
    assert all(found.values())
    assert found["events"] == "schema 1"
    assert re.fullmatch(r"[0-9a-f]{64}", found["catalog"])


def build(root: Path, *, seconds_ago: int) -> Path:
    """A wheel from a copy of the tree that was written at another time."""
    for part in PARTS:
        shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, root / name)
    then = time.time() - seconds_ago
    for path in root.rglob("*"):
        os.utime(path, (then, then))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(root / "dist")],
        cwd=root, check=True, capture_output=True,
        env=os.environ | {"SOURCE_DATE_EPOCH": "1764547200", "FOREWARN_COMMIT": "a" * 40},
    )  # fmt: skip
    [wheel] = (root / "dist").iterdir()
    return wheel


def test_a_wheel_is_the_same_bytes_each_time_and_names_its_commit(tmp_path: Path) -> None:
    first = build(tmp_path / "one", seconds_ago=0)
    second = build(tmp_path / "another", seconds_ago=86_400)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as wheel:
        assert wheel.read("forewarn/commit.txt").decode() == "a" * 40 + "\n"
        names = wheel.namelist()
    assert not [name for name in names if name.startswith(("tests/", "deploy/"))]
    for needed in (
        "forewarn/local/kafka.lock.toml",
        "forewarn/local/mirror.lock.toml",
        "models/policy/default.toml",
    ):
        assert needed in names


def test_the_list_of_contents_names_every_jar_with_its_hash() -> None:
    lock = tomllib.loads(JARS[0].read_text())
    jars = jar_components(lock)
    assert len(jars) == len(lock["jar"])
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar["hashes"][0]["content"]) for jar in jars)


@pytest.mark.parametrize(
    ("licences", "text"),
    [
        ([], "see the package"),
        ([{"expression": "MIT OR Apache-2.0"}], "MIT OR Apache-2.0"),
        ([{"license": {"id": "MIT"}}, {"license": {"id": "MIT"}}], "MIT"),
        ([{"license": {"name": "BSD\nwith its whole text"}}], "BSD"),
    ],
)
def test_a_licence_is_one_line(licences: list, text: str) -> None:
    document = {"components": [{"name": "a", "version": "1", "licenses": licences}]}
    assert list(licence_lines(document)) == [f"a 1: {text}"]
