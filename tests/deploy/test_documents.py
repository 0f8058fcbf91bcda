"""What the operations pages say exists: links, commands, options, settings of the compose file."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from forewarn.cli.table import COMMANDS, load
from tests.deploy.manifests import known_variables

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    DOCS / "operations.md",
    DOCS / "security.md",
    *sorted((DOCS / "tutorials").glob("*.md")),
    *sorted((DOCS / "runbooks").glob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_and_their_options_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
             for line in block.splitlines() if line.startswith("forewarn ")]  # fmt: skip
    named += [
        code for code in re.findall(r"`([^`\n]+)`", text) if re.match(r"forewarn [a-z]", code)
    ]
    for line in named:
        name, *words = shlex.split(line, comments=True)[1:]
        assert name in COMMANDS, line
        command = load(name)
        while words and hasattr(command, "commands"):
            assert words[0] in command.commands, line
            command, words = command.commands[words[0]], words[1:]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_the_compose_file_sets_what_exists_and_all_that_is_required() -> None:
    services = yaml.safe_load((ROOT / "deploy/local/compose.yaml").read_text())["services"]
    known = known_variables()
    targets = re.findall(
        r"^FROM \S+ AS (\w+)$", (ROOT / "deploy/Containerfile").read_text(), re.MULTILINE
    )
    ours = {name: service for name, service in services.items() if "build" in service}
    assert {"worker", "alerting", "topics"} <= ours.keys()
    for name, service in ours.items():
        assert set(service["environment"]) - {"FOREWARN_SECRETS_DIR"} <= known.keys(), name
        assert service["build"]["target"] in targets
        assert (ROOT / "deploy/local" / service["build"]["context"]).resolve() == ROOT
        assert service["read_only"] is True
        required = {key for key, field in known.items() if field.is_required()}
        assert required == {"FOREWARN_PRIVACY_PSEUDONYM_KEY"}
        assert service["secrets"] == [key.lower() for key in required], name
