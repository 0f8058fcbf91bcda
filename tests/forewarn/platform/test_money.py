"""Amounts are written in the digits of their currency and read back as the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn.platform.money import (
    MINOR_MAX,
    compact,
    exact,
    major,
    minor_digits,
    parse_amount,
    written,
)

CURRENCIES = ("CNY", "JPY", "KRW", "KWD", "USD", "HKD", "LAK", "VND", "SGD", "XYZ")


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("CNY", 2), ("JPY", 0), ("KRW", 0), ("VND", 0), ("KWD", 3), ("LAK", 2), ("IQD", 3), ("CLF", 4)],
)  # fmt: skip
def test_minor_units_are_those_of_iso_4217(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


@pytest.mark.parametrize(
    ("currency", "symbol", "code"),
    [
        ("CNY", "¥52,000.00", "52,000.00 CNY"),
        ("JPY", "JP¥5,200,000", "5,200,000 JPY"),
        ("KRW", "₩5,200,000", "5,200,000 KRW"),
        ("KWD", "KWD 5,200.000", "5,200.000 KWD"),
    ],
)
def test_one_amount_reads_alike_on_pages_and_in_messages(
    currency: str, symbol: str, code: str
) -> None:
    assert exact(5_200_000, currency) == symbol
    assert exact(-5_200_000, currency) == f"-{symbol}"
    assert written(5_200_000, currency) == code
    assert written(-5_200_000, currency) == f"-{code}"


@pytest.mark.parametrize(
    ("minor", "currency", "english", "chinese"),
    [
        (42_000_000_000, "CNY", "¥420M", "¥4.2亿"),
        (99_995_000, "CNY", "¥1M", "¥100万"),
        (5_200_000, "KRW", "₩5.2M", "₩520万"),
        (9_999, "JPY", "JP¥9,999", "JP¥9,999"),
        (0, "CNY", "¥0", "¥0"),
    ],
)
def test_compact_amounts_keep_three_digits(
    minor: int, currency: str, english: str, chinese: str
) -> None:
    assert compact(minor, currency, "en") == english
    assert compact(minor, currency, "zh") == chinese


@given(st.integers(0, MINOR_MAX), st.sampled_from(CURRENCIES))
def test_what_was_written_is_read_as_the_same(minor: int, currency: str) -> None:
    assert parse_amount(exact(minor, currency), currency) == minor
    assert parse_amount(written(minor, currency), currency) == minor
    assert parse_amount(str(major(minor, currency)), currency) == minor


@pytest.mark.parametrize(
    ("typed", "currency"),
    [("48,00", "CNY"), ("0.5", "JPY"), ("1,2,3", "CNY"), ("1.234", "CNY")],
)
def test_amounts_that_are_finer_than_the_currency_or_badly_grouped_are_refused(
    typed: str, currency: str
) -> None:
    with pytest.raises(ValueError, match="amount"):
        parse_amount(typed, currency)
