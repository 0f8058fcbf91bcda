"""Fields of forms: amounts as people type them, and text that may be empty."""

from alerting.service_errors import InvalidRequestError
from forewarn.platform.money import parse_amount


def optional(text: str) -> str | None:
    """What was typed, or None for an empty field."""
    return text.strip() or None


def amount_minor(text: str, currency: str, field: str) -> int | None:
    """The amount in minor units of the currency, or None for an empty field; ``field`` is its name.

    Raises:
        InvalidRequestError: if it is no amount.
    """
    try:
        return parse_amount(text, currency)
    except ValueError:
        raise InvalidRequestError(
            "This is not an amount of money.", code="not_an_amount", field=field
        ) from None
