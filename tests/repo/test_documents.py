"""What pages say exists: links, commands, options and their values, targets of make; none is an orphan."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from features.catalog import CATALOG
from forewarn.cli.command_table import COMMANDS, load
from forewarn.errors import ForewarnError
from tests.servers import missing_server

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy" / "local" / "compose.yaml"
USAGE_ERROR: Any = typer.BadParameter.__base__  # typer brings a click of its own
ENTRANCES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
"""Pages that a reader finds without a link."""


def _pages() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.md"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    if listed.returncode != 0:
        missing_server("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def _links(page: Path) -> Iterator[Path]:
    """Files of ours that a page links to."""
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            yield (page.parent / target).resolve()


def test_links_lead_somewhere() -> None:
    broken = [f"{p.relative_to(ROOT)}: {t}" for p in _pages() for t in _links(p) if not t.exists()]
    assert not broken


def test_every_page_is_found_from_the_readme() -> None:
    """Over links, where a link to a folder shows what is in it."""
    reached: set[Path] = set()
    waiting = [ROOT / name for name in ENTRANCES]
    while waiting:
        page = waiting.pop()
        if page in reached or not page.exists():
            continue
        reached.add(page)
        if page.is_dir():
            waiting += page.glob("*.md")
        elif page.suffix == ".md":
            waiting += _links(page)
    orphans = [str(page.relative_to(ROOT)) for page in _pages() if page not in reached]
    assert not orphans


_IN_A_POD = re.compile(r"^kubectl exec (-it )?deploy/\S+ -- ")


def test_decisions_are_numbered_once_and_without_gaps() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:3]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        assert page.read_text().startswith(f"# {page.name[:3]} "), page.name


def _command_lines(page: Path) -> Iterator[tuple[str, bool]]:
    """Command lines that a page shows, and whether each is one to be typed as it stands."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            command = _IN_A_POD.sub("", line.strip().removeprefix("$ "))
            if command.startswith("forewarn "):
                yield command, True
    for code in re.findall(r"`([^`\n]+)`", text):
        command = _IN_A_POD.sub("", code)
        if re.match(r"forewarn [a-z]", command):
            yield command, command != code  # with `kubectl exec` it is typed as it stands


def _check(line: str, *, whole: bool) -> None:
    """Raise AssertionError unless the command line exists with its options and their values."""
    name, *words = shlex.split(
        line.split(" | ", maxsplit=1)[0].split(" > ", maxsplit=1)[0], comments=True
    )[1:]
    assert name in COMMANDS, line
    command: Any = load(name)
    while words and hasattr(command, "commands"):
        for alternative in words[0].split("|"):
            assert alternative in command.commands, line
        command, words = command.commands[words[0].split("|")[0]], words[1:]
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {w.partition("=")[0] for w in words if w.startswith("--")} <= options, line
    if whole:
        try:
            command.make_context(name, words)
        except (USAGE_ERROR, ForewarnError) as error:
            if re.search(r"'/\S+' does not exist", str(error)):
                return  # a file of the pod, not of this machine
            raise AssertionError(f"{line}: {error}") from error


def test_commands_and_their_options_exist() -> None:
    checked = 0
    for page in _pages():
        if page.name != "CHANGELOG.md":  # tells of what once was
            for line, whole in _command_lines(page):
                _check(line, whole=whole)
                checked += 1
    assert checked > 30


def test_the_commands_of_the_compose_file_exist() -> None:
    for name, service in yaml.safe_load(COMPOSE.read_text())["services"].items():
        if "build" not in service:
            continue
        words = [*service.get("entrypoint", ["forewarn"]), *service.get("command", [])]
        if words[:2] != ["sh", "-c"]:
            if len(words) > 1:
                _check(shlex.join(words), whole=True)
            continue
        lines = [line.strip() for line in re.split(r"&&|\|\||[;{}]", words[2]) if line.strip()]
        for line in lines:
            if line.startswith("python -m "):
                assert find_spec(shlex.split(line)[2]) is not None, f"{name}: {line}"
            elif line.startswith("forewarn "):
                _check(line, whole=True)
            else:
                assert line.startswith("test "), f"{name}: {line} is not checked"


@pytest.mark.parametrize("line", ["forewarn train --data d --alias champion", "forewarn up --fast"])
def test_a_command_that_would_be_refused_is_found(line: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(line)):
        _check(line, whole=True)


def test_every_command_that_is_named_exists_and_every_command_is_named() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`forewarn ([a-z-]+)", readme)) == set(COMMANDS)
    table = "\n".join(line for line in readme.splitlines() if line.startswith("| `forewarn "))
    assert set(re.findall(r"`forewarn ([a-z-]+)", table)) == set(COMMANDS)


def test_pages_give_the_number_of_features_that_the_catalog_has() -> None:
    """Decisions and the changelog describe a day; every other page describes this version."""
    wrong = [
        f"{page.relative_to(ROOT)}: {count} features"
        for page in _pages()
        if page.parent.name != "decisions" and page.name != "CHANGELOG.md"
        for count in re.findall(r"\b(\d{3})\s+features\b", page.read_text(encoding="utf-8"))
        if int(count) != len(CATALOG.names)
    ]
    assert not wrong


def test_every_command_has_its_module() -> None:
    for entry in COMMANDS.values():
        assert (ROOT / "forewarn" / "cli" / f"{entry.module}.py").is_file(), entry.module


def test_every_make_target_that_is_named_exists_and_every_phony_one_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == targets
    for page in _pages():
        text = page.read_text(encoding="utf-8")
        named = set(re.findall(r"(?:`|^\$ )make ([a-z-]+)", text, re.MULTILINE))
        assert named <= targets, page


def test_the_page_of_the_manifests_names_every_overlay_and_component() -> None:
    folder = ROOT / "deploy" / "k8s"
    page = (folder / "README.md").read_text(encoding="utf-8")
    kept = [
        *folder.glob("overlays/*/kustomization.yaml"),
        *folder.glob("components/*/kustomization.yaml"),
    ]
    assert kept
    assert not {path.parent.name for path in kept if f"`{path.parent.name}`" not in page}
