"""README names commands, targets and files that exist."""

import re
from pathlib import Path

from forewarn.cli.table import COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "deploy" / "local" / "README.md"]


def test_every_command_that_is_named_exists_and_every_command_is_named() -> None:
    named = set(re.findall(r"`forewarn ([a-z-]+)", README))
    assert named == set(COMMANDS)


def test_every_command_has_its_module() -> None:
    for entry in COMMANDS.values():
        assert (ROOT / "forewarn" / "cli" / f"{entry.module}.py").is_file(), entry.module


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"`?\$? ?make ([a-z]+)", page.read_text(encoding="utf-8")))
        assert {name for name in named if name != "it"} - targets <= {"up", "every"}, page


def test_every_link_to_a_file_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"
