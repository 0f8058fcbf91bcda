"""Lag and dead letters are tables at a terminal and plain lines in pipes."""

import base64
import io

import pytest
from rich.console import Console
from rich.table import Table

from forewarn.cli.dead_letters_command import _line, dead_letter_table
from forewarn.cli.lag_command import PartitionLag, lag_table, plain_lines
from forewarn.cli.terminal_table import print_table
from forewarn.contracts import DeadLetter
from forewarn.platform.kafka.dead_letter_replay import Filed

LAG = [
    PartitionLag("g", "calls", 0, None, 7, 7, None),
    PartitionLag("g", "transfers", 1, 5, 5, 0, 0.0),
]
LETTER = DeadLetter(
    reason="not_json",
    detail="[bold]no markup[/]",
    topic="calls",
    partition=2,
    offset=11,
    appended_at_ms=1,
    rejected_at_ms=1_772_413_928_000,
    key="",
    value=base64.b64encode(b"{broken").decode(),
)  # fmt: skip


def shown(table: Table, lines: list[str], *, terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=160, color_system=None)
    print_table(table, lines, console)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("table", "lines"),
    [
        (lag_table(LAG), list(plain_lines(LAG))),
        (dead_letter_table([Filed(3, LETTER)]), [_line(Filed(3, LETTER), False)]),
    ],
    ids=["lag", "dead letters"],
)
def test_borders_are_drawn_for_people_only(table: Table, lines: list[str]) -> None:
    assert "─" in shown(table, lines, terminal=True)
    assert shown(table, lines, terminal=False).splitlines() == lines


def test_a_table_of_lag_says_what_was_never_committed_and_what_could_not_be_read() -> None:
    first = shown(lag_table(LAG), [], terminal=True).splitlines()[3]
    assert [cell.strip() for cell in first.strip("│").split("│")] == [
        "calls",
        "0",
        "-",
        "7",
        "7",
        "?",
    ]


def test_the_value_of_a_dead_letter_is_shown_without_markup() -> None:
    table = dead_letter_table([Filed(3, LETTER)], show_value=True)
    text = shown(table, [], terminal=True)
    assert "[bold]no markup[/]" in text
    assert "{broken" in text
    assert _line(Filed(3, LETTER), True).splitlines()[1].strip() == "{broken"
