"""The page of commands shows every default, and what a group does without a subcommand."""

import re

from forewarn.reference.commands_page import commands_page


def test_a_default_of_zero_is_shown() -> None:
    page = commands_page()
    assert re.search(r"\| `--trials` \| `0` \|", page)
    assert re.search(r"\| `--jitter-seconds` \| `0.0` \|", page)
    assert re.search(r"\| `--plain` \|  \|", page), "a flag has no default worth showing"


def test_a_group_that_does_something_alone_has_its_own_section() -> None:
    assert "### forewarn formats\n" in commands_page()
    assert "### forewarn alerting\n" not in commands_page()
