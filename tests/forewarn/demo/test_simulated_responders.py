"""What simulated responders conclude, and that the money shown is the service's own."""

import pytest

from forewarn.demo.demo_figures import Figures
from forewarn.demo.demo_summary import found_by_responders
from forewarn.demo.ledger_money import Money, read_money
from forewarn.demo.simulated_responders import ATTEMPT, Talk, outcome, talk_of
from forewarn.demo.town_producer import Truth

FRAUD = Truth(("task_scam",), 500_000)
HONEST = Truth((), 0)
TRIED = Truth((), 0, attempted=True)


@pytest.mark.parametrize(
    ("talk", "truth", "paid", "expected"),
    [
        (Talk(True, True), HONEST, 0, {"disposition": "false_alarm"}),
        (Talk(False, True), HONEST, 0, {"disposition": "unreachable"}),
        (Talk(True, False), TRIED, 0, {"disposition": "dissuaded", "prevented_minor": 0}),
        (Talk(False, True), TRIED, 0, {"disposition": "unreachable"}),
        (Talk(True, True), FRAUD, 0, {"disposition": "dissuaded", "prevented_minor": 500_000}),
        (Talk(True, False), FRAUD, 700, {"disposition": "loss_occurred", "lost_minor": 700}),
        (Talk(False, True), FRAUD, 0, None),
    ],
)
def test_every_contact_has_its_outcome(
    talk: Talk, truth: Truth, paid: int, expected: dict[str, object] | None
) -> None:
    assert outcome(talk, truth, paid) == expected


def test_an_attempt_is_a_fraud_to_the_responders() -> None:
    closed = {"dissuaded": 3, ATTEMPT: 4, "loss_occurred": 1, "false_alarm": 2, "unreachable": 9}
    assert found_by_responders(closed) == (8, 10)
    assert found_by_responders({}) == (0, 0)


def test_talks_are_drawn_from_the_case_alone_and_of_every_kind() -> None:
    talks = [talk_of(f"case-{number}", 7) for number in range(500)]
    assert talks == [talk_of(f"case-{number}", 7) for number in range(500)]
    assert {Talk(True, True), Talk(True, False), Talk(False, True)} <= set(talks)


def test_money_sums_over_labels_and_subtracts_what_was_taken_back() -> None:
    page = """
# TYPE forewarn_alerting_prevented_loss_minor_total counter
forewarn_alerting_prevented_loss_minor_total{typology="a",currency="CNY"} 700.0
forewarn_alerting_prevented_loss_minor_total{typology="b",currency="CNY"} 400.0
# TYPE forewarn_alerting_prevented_loss_taken_back_minor_total counter
forewarn_alerting_prevented_loss_taken_back_minor_total{typology="b",currency="CNY"} 100.0
# TYPE forewarn_alerting_at_risk_minor gauge
forewarn_alerting_at_risk_minor{severity="high",currency="CNY"} 9.0
# TYPE forewarn_alerting_lost_minor_total counter
forewarn_alerting_lost_minor_total{typology="b",currency="CNY"} 3.0
"""
    money = read_money(page)
    assert money == Money(at_risk_minor=9, prevented_minor=1000, lost_minor=3)
    assert money.since(Money(at_risk_minor=5, prevented_minor=400)).prevented_minor == 600
    assert money.since(Money(at_risk_minor=5)).at_risk_minor == 9


def test_figures_count_a_warning_once_and_its_latency_each_time() -> None:
    figures = Figures()
    figures.began(100.0)
    for sent, now in ((100, 101.0), (300, 102.0), (500, 103.0)):
        figures.sent(sent, 1, now)
    figures.warned("task_scam", "high", new=True, latency=0.020, now=104.0)
    figures.warned("task_scam", "high", new=False, latency=0.040, now=105.0)
    snapshot = figures.snapshot()
    assert snapshot.per_second == 200
    assert snapshot.warnings == {("task_scam", "high"): 1}
    assert snapshot.messages == 2
    assert snapshot.p50_seconds == pytest.approx(0.030)
    assert snapshot.first_warning_seconds == 4.0
