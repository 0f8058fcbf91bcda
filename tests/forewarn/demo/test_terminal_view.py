"""What the terminal shows: every figure, and nothing that breaks without a terminal."""

import io
import re
from pathlib import Path

from rich.console import Console

from forewarn.demo.demo_figures import Snapshot
from forewarn.demo.demo_run import DemoResult
from forewarn.demo.demo_summary import DISPOSITIONS, print_summary
from forewarn.demo.ledger_money import Money
from forewarn.demo.terminal_view import LiveView, PlainView
from forewarn.demo.town_bank import BankFigures
from forewarn.demo.warning_truth import WarningTruth

SNAPSHOT = Snapshot(
    sent=45_000,
    per_second=1_176.0,
    event_time_ms=1_795_000_000_000,
    warnings={("task_scam", "high"): 3, ("task_scam", "medium"): 2, ("mule", "critical"): 1},
    messages=9,
    p50_seconds=0.0123,
    p99_seconds=0.0456,
    dispositions={"dissuaded": 2, "false_alarm": 1},
)
MONEY = Money(at_risk_minor=1_234_50, prevented_minor=999_00, lost_minor=1, open_cases=4)


README = Path(__file__).parents[3] / "README.md"


def _console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=terminal, width=110), out


def test_the_live_panel_shows_figures_money_and_addresses() -> None:
    console, out = _console(terminal=True)
    urls = {"console": "http://127.0.0.1:1234", "sign in as": "a person [here]"}
    with LiveView(console, urls) as view:
        view.show(SNAPSHOT, MONEY, 12.0)
        view.tell("a remark [with brackets]")
    text = out.getvalue()
    for expected in (
        *("45,000", "1,176", "12 ms", "46 ms", "1,234.50 CNY", "999.00 CNY", "task scam"),
        *("http://127.0.0.1:1234", "a person [here]", "a remark [with brackets]"),
    ):
        assert expected in text, expected


def test_plain_lines_come_at_most_every_few_seconds() -> None:
    console, out = _console(terminal=False)
    now = [0.0]
    with PlainView(console, lambda: now[0]) as view:
        for moment in (0.0, 1.0, 4.9, 5.1):
            now[0] = moment
            view.show(SNAPSHOT, MONEY, 60 - moment)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert "6 warnings  p50 12 ms p99 46 ms" in lines[0]


def test_the_summary_shows_every_outcome_and_error() -> None:
    console, out = _console(terminal=False)
    errors = tuple(f"case {number}: timed out" for number in range(7))
    truth = WarningTruth(people=4, in_a_fraud=3, losses_warned=2, lead_minutes=12.0)
    bank = BankFigures({"proceed": 90, "hold": 2}, {"overloaded": 1}, 3, 0.02, 0.09, 500, 400)
    result = DemoResult(SNAPSHOT, MONEY, truth, 60.0, errors, bank)
    print_summary(console, result, seconds_to_first_warning=20.5)
    text = out.getvalue()
    assert "45,000 in 60 s" in text
    assert "20.5 s after the command began" in text
    assert "3 of 4 warned (75 %)" in text
    assert "12 minutes before the loss that a fraud aims at, median of 2 frauds" in text
    assert re.search("cases closed +3 by the responders, of which", text)
    assert "2 people dissuaded" in text
    assert "1 false alarm\n" in "\n".join(line.rstrip() for line in text.splitlines())
    assert "case 4: timed out" in text
    assert "and 2 more" in text
    assert "92 payments: 90 proceed, 0 challenge, 2 hold, 0 refuse" in text
    assert "5.00 CNY, of which 4.00 CNY of frauds" in text
    assert "4 answered without a decision, or not at all" in text


def test_the_readme_shows_lines_that_the_summary_prints() -> None:
    """Its figures are of one day, so labels and words are compared, not numbers."""
    printed = _summary_lines(each_disposition=1) | _summary_lines(each_disposition=2)
    [example] = re.findall(r"```text\n(events streamed.*?)```", README.read_text(), re.DOTALL)
    assert len(example.splitlines()) > 15
    assert not [line for line in example.splitlines() if _words(line) not in printed]


def _summary_lines(each_disposition: int) -> set[str]:
    console, out = _console(terminal=False)
    console.width = 200
    every = Snapshot(
        dispositions=dict.fromkeys(DISPOSITIONS, each_disposition),
        messages=9,
        p50_seconds=0.1,
        p99_seconds=0.2,
    )
    truth = WarningTruth(people=4, in_a_fraud=3, losses_warned=2, lead_minutes=12.0)
    bank = BankFigures({"proceed": 90, "hold": 2}, {}, 0, 0.02, 0.09, 500, 400)
    print_summary(
        console, DemoResult(every, MONEY, truth, 60.0, (), bank), seconds_to_first_warning=20.5
    )
    return {_words(line) for line in out.getvalue().splitlines()}


def _words(line: str) -> str:
    return " ".join(re.sub(r"[\d.,:]+", " ", line).split())
