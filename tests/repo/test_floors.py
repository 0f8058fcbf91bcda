"""The floors of pyproject.toml keep versions out that are known to be bad, and the lock is above them."""

import re
import tomllib
from pathlib import Path

import pytest
from kafka.record import util
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]

KNOWN_BAD = {
    "kafka-python": ("3.0.8", "no test ever ran with a release of 3.0 before 3.0.9"),
    "redis": (
        "8.0.1",
        "8.0.0 does not recover stale connections with hiredis (redis/redis-py#4128)",
    ),
}
"""The newest version that may not be installed, and why."""


def _requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        lines += extra
    return [Requirement(line) for line in lines]


def _locked() -> dict[str, list[Version]]:
    text = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8")
    found: dict[str, list[Version]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE):
        found.setdefault(name.lower(), []).append(Version(version))
    return found


@pytest.mark.parametrize("name", KNOWN_BAD)
def test_a_version_known_to_be_bad_cannot_be_installed(name: str) -> None:
    bad, why = KNOWN_BAD[name]
    asked = [one for one in _requirements() if one.name == name]
    assert asked
    assert not any(bad in one.specifier for one in asked), why


def test_the_lock_meets_every_requirement() -> None:
    locked = _locked()
    below = [
        f"{one} is locked at {version}"
        for one in _requirements()
        if one.name != "forewarn"
        for version in locked[one.name.lower().replace("_", "-")]
        if not one.specifier.contains(version, prereleases=True)
    ]
    assert not below


def test_kafka_python_computes_checksums_in_c() -> None:
    """It falls back to a loop in Python without a word."""
    assert util.crc32c_c is not None
