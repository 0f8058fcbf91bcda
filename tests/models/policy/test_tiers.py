"""The tiers that a policy may name: a text for small losses, everything at once for very large ones."""

import pytest

from forewarn.errors import ConfigurationError
from models.policy import DEFAULT_POLICY, Policy, parse_policy
from models.policy.warning_history import OpenWarning, WarningHistory
from tests.models.policy.test_decide import FEATURES, decide, facts

FIVE = """
[tiers.extreme]
expected_loss_minor = 50_000_000
[tiers.low]
expected_loss_minor = 0
"""


def five(**changes: str) -> Policy:
    text = DEFAULT_POLICY.read_text(encoding="utf-8") + FIVE
    text = text.replace(
        "[tiers.medium]\nexpected_loss_minor = 0", "[tiers.medium]\nexpected_loss_minor = 100_000"
    )
    for old, new in changes.items():
        text = text.replace(old, new)
    document, version = parse_policy(text.encode())
    return Policy(document, version, FEATURES, {"raise": 0.2})


@pytest.mark.parametrize(
    ("loss", "severity"),
    [(99_999, "low"), (100_000, "medium"), (49_999_999, "critical"), (50_000_000, "extreme")],
)
def test_the_five_tiers_follow_the_expected_loss(loss: int, severity: str) -> None:
    assert five().severity(loss) == severity


def test_a_loss_that_is_not_worth_an_intervention_is_worth_a_text() -> None:
    small = facts(status="attempted", amount_minor=5_000)
    decision = decide(five(), small, 0.5)
    assert (decision.reason, decision.severity) == ("raised", "low")


def test_where_critical_is_exempt_from_budgets_so_is_extreme() -> None:
    budgets = five(**{'exempt = ["critical", "extreme"]': 'exempt = ["critical"]'}).document.budgets
    assert [name for name in ("low", "medium", "high", "critical", "extreme")
            if budgets.is_exempt(name)] == ["critical", "extreme"]  # fmt: skip


def test_tiers_out_of_order_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="must rise from low to extreme"):
        five(**{"expected_loss_minor = 50_000_000": "expected_loss_minor = 1"})


def test_the_bytes_of_the_first_three_severities_stay_what_they_were() -> None:
    """A state that an earlier version wrote is read by this one."""
    for code, severity in enumerate(("medium", "high", "critical")):
        one = WarningHistory().put(OpenWarning(subject=1, raised_ms=1, severity=severity))
        assert one.encode()[10 + 16] == code
