"""``forewarn doctor`` names each thing that is missing, and what to do about it."""

import importlib.util
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from forewarn.errors import ConfigurationError
from forewarn.local import diagnosis
from forewarn.platform.settings import LocalSettings


def _findings(directory: Path, **settings: int) -> dict[str, diagnosis.MachineFinding]:
    given = LocalSettings(directory=directory, **settings)
    return {finding.what: finding for finding in diagnosis.diagnose(given)}


@pytest.mark.parametrize("extra", diagnosis.EXTRAS)
def test_a_package_that_is_not_installed_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: str
) -> None:
    lacking = diagnosis.EXTRAS[extra][0]
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == lacking else find(name)
    )
    finding = _findings(tmp_path)[f"packages of [{extra}]"]
    assert (finding.grade, finding.found) == ("missing", f"no {lacking}")
    assert f"forewarn[{extra}]" in finding.remedy


@pytest.mark.parametrize(
    ("what", "name"), [("Java for Kafka", "java"), ("redis-server", "redis_binary")]
)
def test_a_missing_program_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, name: str
) -> None:
    def nowhere() -> Path:
        raise ConfigurationError("it is not there.", hint="Install it.")

    monkeypatch.setattr(diagnosis, name, nowhere)
    finding = _findings(tmp_path)[what]
    assert (finding.grade, finding.remedy) == ("missing", "Install it.")


@pytest.mark.parametrize(
    ("what", "name"), [("Java for Kafka", "java"), ("redis-server", "redis_binary")]
)
def test_a_program_that_does_not_run_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, name: str
) -> None:
    monkeypatch.setattr(diagnosis, name, lambda: Path("/bin/false"))
    finding = _findings(tmp_path)[what]
    assert finding.grade == "missing"
    assert "does not run" in finding.found
    assert finding.remedy


def test_a_directory_that_cannot_be_written_to_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis.os, "access", lambda path, mode: False)
    finding = _findings(tmp_path)["directory"]
    assert finding.grade == "missing"
    assert "--dir" in finding.remedy


def test_a_port_that_another_program_uses_is_reported(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finding = _findings(tmp_path, redis_port=port)[f"port {port}"]
    assert finding.grade == "missing"
    assert "FOREWARN_LOCAL_REDIS_PORT" in finding.remedy


def test_a_scarce_or_automatically_installed_part_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1))
    monkeypatch.setattr(diagnosis, "jars_are_here", lambda: False)
    found = _findings(tmp_path)
    for what in ("disk", "stack", "model", f"jars of Kafka {diagnosis.KAFKA_VERSION}"):
        assert found[what].grade == "note", what
        assert found[what].remedy, what


def test_the_diagnosis_works_where_only_the_base_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert "memory" not in _findings(tmp_path)


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_a_command_for_a_base_installation_needs_no_extra(command: str) -> None:
    lacking = [module for modules in diagnosis.EXTRAS.values() for module in modules]
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({lacking}))\n"
        f"from forewarn.cli.command_table import load; load({command!r})"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_machine_that_has_everything_lacks_nothing(tmp_path: Path) -> None:
    assert not [f for f in _findings(tmp_path).values() if f.grade == "missing"]


@pytest.mark.parametrize(("version", "grade"), [("6.2.18", "note"), ("7.0.15", "ok")])
def test_the_bundled_redis_is_named_as_one_for_demonstrations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, grade: str
) -> None:
    program = tmp_path / "redis-server"
    program.write_text(f"#!/bin/sh\necho Redis server v={version} bits=64\n")
    program.chmod(0o755)
    monkeypatch.setattr(diagnosis, "redis_binary", lambda: program)
    finding = _findings(tmp_path)["redis-server"]
    assert finding.grade == grade
    assert ("demonstration and tests only" in finding.remedy) == (grade == "note")
