"""A directory with the user's own models.py and features.py changes nothing that Forewarn starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from forewarn.local.stack import Stack
from forewarn.platform.child_command import python_module
from forewarn.platform.settings import LocalSettings

REFUSES = "raise SystemExit('a module of the user was imported')\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Holds files of the user that are named like packages of Forewarn."""
    for name in ("models.py", "features.py"):
        (tmp_path / name).write_text(REFUSES)
    for name in ("streams", "alerting"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(REFUSES)
    return tmp_path


def run(command: list[str], directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=directory, env=os.environ | variables, capture_output=True, text=True, check=False
    )  # fmt: skip


@pytest.mark.parametrize(
    "module", ["forewarn.local.train_default", "forewarn.demo.town_history", "models.machine_code"]
)
def test_modules_that_children_run_are_forewarns_own(module: str, directory: Path) -> None:
    command = python_module(module)
    at = command.index("-m")
    command[at:] = ["-c", f"import importlib; print(importlib.import_module({module!r}).__file__)"]
    done = run(command, directory)
    assert done.returncode == 0, done.stderr
    assert str(directory) not in done.stdout


def test_commands_of_children_run_where_packages_are_hidden(directory: Path) -> None:
    for arguments in (("worker", "--help"), ("alerting", "serve", "--help"), ("train", "--help")):
        done = run(python_module("forewarn", *arguments), directory)
        assert done.returncode == 0, done.stderr


def test_every_child_of_a_stack_keeps_the_directory_out_of_its_search_path(tmp_path: Path) -> None:
    stack = Stack(LocalSettings(directory=tmp_path), tell=lambda _line: None)
    services = [service.child for service in stack.services]
    children = [stack.downloader, stack.compiler, *services]
    assert len(children) > 3
    for child in children:
        assert list(child.command[:3]) == [sys.executable, "-P", "-m"], child.name


def test_doctor_names_what_hides_packages_here_and_for_scripts(directory: Path) -> None:
    done = run(python_module("forewarn", "doctor"), directory)
    lines = [line for line in done.stdout.splitlines() if "package " in line]
    assert len([line for line in lines if line.startswith("note")]) == 4, done.stdout + done.stderr
    assert f"{directory}/models.py hides" in done.stdout.replace("\n", "")
    hidden = run(python_module("forewarn", "doctor"), directory, PYTHONPATH=str(directory))
    assert hidden.returncode == 1
    assert f"{directory}/models.py hides" in hidden.stdout.replace("\n", ""), hidden.stderr


def test_the_import_names_every_file_that_hides_a_package(directory: Path) -> None:
    done = run([sys.executable, "-c", "import forewarn.api"], directory)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    for name in ("features.py", "models.py", "streams", "alerting"):
        assert str(directory / name) in last, name
    assert "none of your own modules" in last
