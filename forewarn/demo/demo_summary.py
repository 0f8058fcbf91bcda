"""The summary of a demonstration."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from forewarn.demo.demo_run import DemoResult
from forewarn.demo.ledger_money import CURRENCY, Money
from forewarn.demo.simulated_responders import ATTEMPT
from forewarn.demo.terminal_view import milliseconds, warnings_table
from forewarn.demo.town_bank import BankFigures
from forewarn.platform.money import written
from models.policy.payment_policy import STRICTNESS

DISPOSITIONS = {
    ATTEMPT: (
        "attempt of a swindler, no money at stake",
        "attempts of swindlers, no money at stake",
    ),
    "dissuaded": (
        "person dissuaded before (more) money left",
        "people dissuaded before (more) money left",
    ),
    "false_alarm": ("false alarm", "false alarms"),
    "loss_occurred": ("loss in spite of the warning", "losses in spite of the warning"),
    "unreachable": ("person not reached", "people not reached"),
}
"""What the summary calls a closed case, and several of them."""


def found_by_responders(dispositions: Mapping[str, int]) -> tuple[int, int]:
    """Closed cases that were a fraud, an attempt included, and all in which that became known."""
    found = sum(dispositions.get(name, 0) for name in ("dissuaded", ATTEMPT, "loss_occurred"))
    return found, found + dispositions.get("false_alarm", 0)


def print_summary(
    console: Console, result: DemoResult, *, seconds_to_first_warning: float | None
) -> None:
    """Print the results of a demonstration."""
    figures, money = result.figures, result.money
    console.rule("Summary")
    table = Table.grid(padding=(0, 3))
    rate = figures.sent / max(result.streamed_seconds, 1e-9)
    table.add_row("events streamed", f"{figures.sent:,} in {result.streamed_seconds:.0f} s")
    table.add_row("events/s", f"{rate:,.0f} (paced by event time; see docs/performance.md)")
    table.add_row("warnings raised", f"{sum(figures.warnings.values()):,}")
    truth = result.truth
    if truth.people:
        table.add_row(
            "people in a fraud",
            f"{truth.in_a_fraud:,} of {truth.people:,} warned "
            f"({100 * truth.in_a_fraud / truth.people:.0f} %), by the town's own truth",
        )
    if truth.lead_minutes is not None:
        table.add_row(
            "lead",
            f"{truth.lead_minutes:,.0f} minutes before the loss that a fraud aims at, median of "
            f"{truth.losses_warned:,} frauds, by the town's own truth",
        )
    found, known = found_by_responders(figures.dispositions)
    if known:
        table.add_row(
            "cases that were a fraud",
            f"{found:,} of {known:,} ({100 * found / known:.0f} %), as the responders closed them",
        )
    table.add_row(
        "append to warning",
        f"p50 {milliseconds(figures.p50_seconds)}, p99 {milliseconds(figures.p99_seconds)} "
        f"over {figures.messages:,} messages",
    )
    for name, value in bank_rows(result.bank):
        table.add_row(name, value)
    if seconds_to_first_warning is not None:
        table.add_row("first warning", f"{seconds_to_first_warning:.1f} s after the command began")
    for name, value in ledger_rows(money, figures.dispositions):
        table.add_row(name, value)
    console.print(table)
    console.print()
    console.print(warnings_table(figures))
    for error in result.errors[:5]:
        console.print(f"responder: {error}", style="yellow", markup=False)
    if len(result.errors) > 5:
        console.print(f"and {len(result.errors) - 5} more", style="yellow")


def ledger_rows(money: Money, dispositions: Mapping[str, int]) -> list[tuple[str, str]]:
    """What the alerting service's ledger says of money and cases; the town's own truth may differ."""
    prevented = written(money.prevented_minor, CURRENCY)
    lost, at_risk = written(money.lost_minor, CURRENCY), written(money.at_risk_minor, CURRENCY)
    rows = [
        ("loss prevented", f"{prevented}, as the ledger confirmed it when cases were closed"),
        ("lost after a warning", f"{lost}, as it was reported to the ledger"),
        ("cases still open", f"{money.open_cases:,}, with {at_risk} that can still be saved"),
        ("cases closed", f"{sum(dispositions.values()):,} by the responders, of which"),
    ]
    for disposition, count in sorted(dispositions.items()):
        one, several = DISPOSITIONS.get(disposition, (disposition, disposition))
        rows.append(("", f"{count:,} {one if count == 1 else several}"))
    return rows


def bank_rows(bank: BankFigures) -> list[tuple[str, str]]:
    """What the bank that asked about each attempted transfer was answered; empty if none was asked."""
    asked = sum(bank.decisions.values())
    if not asked:
        return []
    counts = ", ".join(f"{bank.decisions.get(name, 0):,} {name}" for name in STRICTNESS)
    held = written(bank.held_minor, CURRENCY)
    of_frauds = written(bank.held_of_frauds_minor, CURRENCY)
    rows = [
        ("asked by the bank", f"{asked:,} payments: {counts}"),
        (
            "",
            f"p50 {milliseconds(bank.p50_seconds)}, p99 {milliseconds(bank.p99_seconds)} to the answer",
        ),
        ("held by the bank", f"{held}, of which {of_frauds} of frauds"),
    ]
    without = sum(bank.fallbacks.values()) + bank.failed
    if without:
        rows.append(("", f"{without:,} answered without a decision, or not at all"))
    return rows
