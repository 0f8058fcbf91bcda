"""The page of commands shows every default, and what a group does without a subcommand."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from forewarn.cli.command_table import COMMANDS, load
from forewarn.reference.commands_page import commands_page, leaves


def test_a_default_of_zero_is_shown() -> None:
    page = commands_page()
    assert re.search(r"\| `--trials` \| `0` \|", page)
    assert re.search(r"\| `--jitter-seconds` \| `0.0` \|", page)
    assert re.search(r"\| `--plain` \|  \|", page), "a flag has no default worth showing"


def test_a_group_that_does_something_alone_has_its_own_section() -> None:
    assert "### forewarn formats\n" in commands_page()
    assert "### forewarn alerting\n" not in commands_page()


def test_completion_is_an_option_of_the_program_and_of_no_command() -> None:
    options = {option for name in COMMANDS for one in load(name).params for option in one.opts}
    assert not {option for option in options if "completion" in option}


def _parameters(name: str) -> Iterator[tuple[str, Any]]:
    for path, command in leaves(name, load(name)):
        for parameter in command.params:
            if not getattr(parameter, "hidden", False):
                yield path, parameter


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_says_what_it_is(name: str) -> None:
    """A help that begins with `Of the town.` names no thing: its reader has to guess the noun."""
    for path, parameter in _parameters(name):
        meaning = getattr(parameter, "help", None) or ""
        assert meaning, f"{path} {parameter.name}"
        assert not re.match(r"(Of|In|From|Between|Before|Times|For) ", meaning), (
            f"{path}: {meaning}"
        )


@pytest.mark.parametrize("name", COMMANDS)
def test_the_terminal_breaks_the_lines_of_a_help_and_not_the_source(name: str) -> None:
    for path, command in leaves(name, load(name)):
        paragraphs = (command.help or "").split("\n\n")
        assert not [part for part in paragraphs if "\n" in part], path
        assert paragraphs[0], path
