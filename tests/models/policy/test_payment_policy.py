"""Answers to banks: bounds by channel and amount, lists, rules and the fallback."""

import pytest

from forewarn.errors import ConfigurationError
from models.policy import DEFAULT_POLICY, Lists
from models.policy.party_lists import entry
from models.policy.payment_document import PaymentBounds, PaymentCase, PaymentFallback, Payments
from models.policy.payment_policy import STRICTNESS, PaymentFacts, PaymentPolicy
from models.policy.policy_document import parse_policy

NOW_MS = 1_780_000_000_000
PAYEE, PAYER = 77, 11
PAYMENTS = Payments(
    answer_seconds=60,
    hold_minutes=10,
    thresholds=PaymentBounds(challenge=0.1, hold=0.4, refuse=0.9),
    cases=(
        PaymentCase(from_minor=1_000_000, hold=0.2),
        PaymentCase(channels=("counter",), challenge=0.05, hold=0.15, refuse=0.3),
    ),
    fallback=(
        PaymentFallback(from_minor=0, decision="proceed"),
        PaymentFallback(from_minor=500, decision="challenge"),
        PaymentFallback(from_minor=9_000, decision="hold"),
    ),
)


def facts(**changes: object) -> PaymentFacts:
    values: dict[str, object] = {
        "tenant": "default", "subscriber": PAYER, "counterparty": PAYEE, "event_time_ms": NOW_MS,
        "amount_minor": 1_000, "channel": "app",
    }  # fmt: skip
    return PaymentFacts(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("probability", "changes", "decision", "reason"),
    [
        (0.09, {}, "proceed", "below_thresholds"),
        (0.1, {}, "challenge", "over_challenge"),
        (0.39, {}, "challenge", "over_challenge"),
        (0.4, {}, "hold", "over_hold"),
        (0.9, {}, "refuse", "over_refuse"),
        (0.25, {"amount_minor": 1_000_000}, "hold", "over_hold"),
        (0.25, {"amount_minor": 999_999}, "challenge", "over_challenge"),
        (0.25, {"channel": "counter", "amount_minor": 5_000_000}, "hold", "over_hold"),
        (0.3, {"channel": "counter"}, "refuse", "over_refuse"),
        (0.0, {"at_least": "hold"}, "hold", "by_rule"),
        (0.95, {"at_least": "hold"}, "refuse", "over_refuse"),
        (0.95, {"suppressed": True}, "proceed", "suppressed_by_rule"),
    ],
)
def test_the_last_case_that_fits_gives_the_bounds(
    probability: float, changes: dict[str, object], decision: str, reason: str
) -> None:
    verdict = PaymentPolicy(PAYMENTS, 0.5).decide(facts(**changes), probability, Lists())
    assert (verdict.decision, verdict.reason) == (decision, reason)


@pytest.mark.parametrize(
    ("names", "probability", "decision", "reason"),
    [
        (("allow", "block"), 0.99, "proceed", "allow_listed"),
        (("block", "pair"), 0.0, "refuse", "block_listed"),
        (("pair",), 0.99, "proceed", "pair_exception"),
        (("watch",), 0.2, "hold", "over_hold"),
        ((), 0.2, "challenge", "over_challenge"),
    ],
)
def test_allowing_beats_blocking_which_beats_what_one_person_vouched_for(
    names: tuple[str, ...], probability: float, decision: str, reason: str
) -> None:
    lists = Lists()
    for name in names:
        only = PAYER if name == "pair" else 0
        lists.add(entry(name, PAYEE, subscriber=only, kind="account"))  # type: ignore[arg-type]
    verdict = PaymentPolicy(PAYMENTS, 0.5).decide(facts(), probability, lists)
    assert (verdict.decision, verdict.reason) == (decision, reason)


def test_the_fallback_follows_the_amount() -> None:
    policy = PaymentPolicy(PAYMENTS, 0.5)
    answers = [policy.fallback(amount) for amount in (0, 499, 500, 8_999, 9_000, 10**12)]
    assert answers == ["proceed", "proceed", "challenge", "challenge", "hold", "hold"]


def test_an_answer_counts_as_long_as_its_kind() -> None:
    policy = PaymentPolicy(PAYMENTS, 0.5)
    until = [policy.counts_until_ms(decision, 0) for decision in STRICTNESS]
    assert until == [60_000, 60_000, 600_000, 600_000]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[payments.thresholds]\nchallenge = 0.5\nhold = 0.4", "payments.thresholds"),
        ("[[payments.cases]]\nhold = 0.99\nrefuse = 0.5", r"payments.cases\[0\]"),
        ("[[payments.fallback]]\nfrom_minor = 5\ndecision = 'hold'", "from_minor = 0"),
        ("[payments]\nfallback = []", "fallback"),
        ("[payments]\nhold_hours = 1", "hold_hours"),
    ],
)
def test_a_part_that_contradicts_itself_is_refused_by_name(text: str, named: str) -> None:
    whole = DEFAULT_POLICY.read_text()
    without = whole[: whole.index("[payments]")] + whole[whole.index("[budgets]") :]
    parse_policy(without.encode())
    with pytest.raises(ConfigurationError, match=named):
        parse_policy(f"{without}\n{text}\n".encode())
