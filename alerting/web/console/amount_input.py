"""Amounts as people type them: ``52,000``, ``52000.50`` or ``5.2万``, in minor units without floats."""

import re
from decimal import Decimal, InvalidOperation

from alerting.service_errors import InvalidRequestError

_UNITS = {"万": 10_000, "亿": 100_000_000, "k": 1_000, "m": 1_000_000}
_MAX_MINOR = 10**13  # as in the event contract
_SHAPE = re.compile(r"^[0-9]{1,15}(\.[0-9]{1,6})?$")


def optional(text: str) -> str | None:
    """What was typed, or None for an empty field."""
    return text.strip() or None


def amount_minor(text: str, *, minor_per_major: int = 100) -> int | None:
    """The amount in minor units, or None for an empty field.

    Raises:
        InvalidRequestError: if it is no amount.
    """
    cleaned = text.strip().lower().replace(",", "").replace("，", "").lstrip("¥$€£").strip()
    if not cleaned:
        return None
    factor = 1
    if cleaned[-1] in _UNITS:
        factor, cleaned = _UNITS[cleaned[-1]], cleaned[:-1].strip()
    if not _SHAPE.match(cleaned):
        raise _not_an_amount()
    try:
        value = Decimal(cleaned) * factor * minor_per_major
    except InvalidOperation:
        raise _not_an_amount() from None
    if value != value.to_integral_value() or value > _MAX_MINOR:
        raise _not_an_amount()
    return int(value)


def _not_an_amount() -> InvalidRequestError:
    return InvalidRequestError("That is not an amount of money.", code="not_an_amount")
