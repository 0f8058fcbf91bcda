"""What is shown does not distinguish masked numbers, and role and case decide on clear ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.access import Principal, Role, Scope, mask_account, mask_phone, may_unmask
from alerting.access.masking import HIDDEN

HENGYANG = Scope.of(["*"], ["4304*"])


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+8613812345678", "+86 138****5678"),
        ("+85230112233", "+852****2233"),
        ("13812345678", "138****5678"),
        ("96110", "96110"),
        ("", ""),
        (None, ""),
    ],
)
def test_masked_phones_keep_the_digits_that_distinguish_them(
    number: str | None, shown: str
) -> None:
    assert mask_phone(number) == shown


@given(st.from_regex(r"\A\+?[0-9]{7,19}\Z"))
def test_at_least_three_digits_of_a_phone_are_hidden(number: str) -> None:
    digits = number.lstrip("+")
    shown = [character for character in mask_phone(number) if character.isdigit()]
    assert HIDDEN in mask_phone(number)
    assert len(digits) - len(shown) >= 2 if len(digits) < 10 else len(digits) - len(shown) >= 3


@given(st.from_regex(r"\A[!-~]{1,64}\Z"))
def test_at_least_half_of_a_short_account_and_four_of_a_long_one_are_hidden(account: str) -> None:
    masked = mask_account(account)
    assert account not in masked or account in HIDDEN
    assert len(masked.replace(HIDDEN, "").replace(" ", "")) <= max(2, len(account) - 4)


def person(*roles: Role, scope: Scope = HENGYANG) -> Principal:
    return Principal("local:li", "Li", frozenset(roles), scope, "session")


@pytest.mark.parametrize(
    ("who", "holder", "is_open", "allowed", "reason"),
    [
        (person("responder"), "local:li", True, True, "holds_the_case"),
        (person("responder"), "local:wang", True, False, "not_the_holder"),
        (person("responder"), None, True, False, "not_the_holder"),
        (person("responder"), "local:li", False, False, "case_closed"),
        (person("supervisor"), "local:wang", True, True, "supervises"),
        (person("supervisor"), "local:wang", False, False, "case_closed"),
        (person("analyst"), "local:li", True, False, "not_permitted"),
        (person("auditor"), "local:li", True, False, "not_permitted"),
        (person("administrator"), "local:li", True, False, "not_permitted"),
        (person("service"), "local:li", True, False, "not_permitted"),
        (person("patrol_terminal"), "local:li", True, False, "not_permitted"),
        (
            person("supervisor", scope=Scope.of(["*"], ["110101"])),
            "local:li",
            True,
            False,
            "out_of_scope",
        ),
    ],
)
def test_role_scope_holder_and_state_decide(
    who: Principal, holder: str | None, is_open: bool, allowed: bool, reason: str
) -> None:
    decision = may_unmask(who, tenant="default", district="430405", holder=holder, is_open=is_open)
    assert (decision.allowed, decision.reason) == (allowed, reason)
