"""Amounts of money as people write and read them; events and tables hold integer minor units."""

import re
from decimal import Decimal
from functools import cache, lru_cache
from typing import Final

from babel.numbers import (
    NumberFormatError,
    format_compact_decimal,
    get_currency_precision,
    get_currency_symbol,
    parse_decimal,
)

MINOR_MAX: Final = 10**13  # as in the event contracts

_ISO_4217_DIGITS: Final = {"IQD": 3} | dict.fromkeys(
    [
        "AFN",
        "ALL",
        "COP",
        "HUF",
        "IDR",
        "IRR",
        "KPW",
        "LAK",
        "LBP",
        "MGA",
        "MMK",
        "SLL",
        "SOS",
        "SYP",
        "YER",
    ],
    2,
)
"""Where ISO 4217, in whose minor units events count, has more digits than people write (CLDR)."""

_LOCALES: Final = {"zh": "zh_Hans_CN", "en": "en"}
_SYMBOL_LOCALE: Final = "zh_Hans_CN"  # ¥ is the yuan in both languages, the yen is JP¥
_EXACT_BELOW: Final = 10_000
_SUFFIXES: Final = {"万": 10_000, "亿": 100_000_000, "k": 1_000, "m": 1_000_000}
_TYPED: Final = re.compile(r"[0-9,]{1,20}(\.[0-9]{1,6})?", re.ASCII)


@cache
def minor_digits(currency: str) -> int:
    """Digits of the minor unit: 2 for CNY, 0 for JPY and KRW, 3 for KWD; 2 for unknown codes."""
    return _ISO_4217_DIGITS.get(currency, get_currency_precision(currency))


def major(amount_minor: int, currency: str) -> Decimal:
    """The amount in major units, exact, with the digits of the currency."""
    return Decimal(amount_minor).scaleb(-minor_digits(currency))


def written(amount_minor: int, currency: str) -> str:
    """The amount and the currency's code: ``52,000.00 CNY``."""
    return f"{major(amount_minor, currency):,f} {currency}"


def exact(amount_minor: int, currency: str) -> str:
    """The amount with the currency's symbol: ``¥52,000.00``."""
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{_symbol(currency)}{abs(major(amount_minor, currency)):,f}"


def compact(amount_minor: int, currency: str, language: str) -> str:
    """The amount at a glance in three digits: ``¥5.2万`` in Chinese, ``¥52K`` in English."""
    sign = "-" if amount_minor < 0 else ""
    value = abs(major(amount_minor, currency))
    if value < _EXACT_BELOW:
        return f"{sign}{_symbol(currency)}{value:,.0f}"
    three_digits = Decimal(f"{value:.2e}")
    return f"{sign}{_symbol(currency)}{_compact(three_digits, language)}"


@lru_cache(maxsize=8192)
def _compact(three_digits: Decimal, language: str) -> str:
    """The digits of ``compact``, kept: a page of the queue formats 200 amounts, each the same every time."""
    # Without two fraction digits 420 million would be 4亿 instead of 4.2亿.
    return format_compact_decimal(three_digits, locale=_LOCALES[language], fraction_digits=2)


def parse_amount(text: str, currency: str) -> int | None:
    """Minor units of what a person typed: ``52,000``, ``¥52000.50`` or ``5.2万``; None if empty.

    Raises:
        ValueError: if it is not an amount, or is finer than the currency's minor unit.
    """
    cleaned = text.strip().lower().replace("，", ",").replace("￥", "¥")
    for mark in (_symbol(currency).strip().lower(), currency.lower(), "¥", "$", "€", "£", "₩"):
        cleaned = cleaned.removeprefix(mark).removesuffix(mark).strip()
    if not cleaned:
        return None
    factor = _SUFFIXES.get(cleaned[-1], 1)
    number = cleaned[:-1].strip() if factor > 1 else cleaned
    if not _TYPED.fullmatch(number):
        raise ValueError(f"{text!r} is not an amount of money")
    try:
        # Strict: 48,00 is a mistake, not 4800.
        value = parse_decimal(number, locale="en", strict="," in number)
    except NumberFormatError:
        raise ValueError(f"{text!r} is not an amount of money") from None
    minor = (value * factor).scaleb(minor_digits(currency))
    if minor != minor.to_integral_value() or minor > MINOR_MAX:
        raise ValueError(f"{text!r} is not an amount in {currency}")
    return int(minor)


@cache
def _symbol(currency: str) -> str:
    symbol = get_currency_symbol(currency, _SYMBOL_LOCALE)
    return f"{currency} " if symbol == currency else symbol
