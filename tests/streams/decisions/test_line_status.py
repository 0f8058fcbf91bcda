"""A fact about a line has one name, in a decision, in the status of a line and in the guide for banks."""

from pathlib import Path

from forewarn.contracts.payment_answer import LineNow
from streams.decisions.line_status import LineStatus

BANKS = Path(__file__).parents[3] / "docs" / "banks.md"


def test_a_decision_and_a_status_call_each_fact_of_a_line_the_same() -> None:
    assert set(LineNow.__struct_fields__) < set(LineStatus.__struct_fields__)


def test_the_guide_for_banks_explains_every_field_of_a_line() -> None:
    text = BANKS.read_text(encoding="utf-8")
    assert not [name for name in LineStatus.__struct_fields__ if f"`{name}`" not in text]
