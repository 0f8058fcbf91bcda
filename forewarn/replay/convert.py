"""Cells to field values: times, money, codes. Pure; no message repeats a value, which may be a
phone number."""

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

Convert = Callable[[Any], Any]

DIGITS_MAX = 18
"""Of a number: more fit no field, and ``1E+999999`` would be computed for seconds first."""


class CellError(ValueError):
    """A cell does not convert; the message says why without repeating the cell."""


def epoch_ms(form: str, zone: tzinfo) -> Convert:
    """Cells to UTC milliseconds.

    Args:
        form: ``iso``, ``epoch_s``, ``epoch_ms``, or a ``strptime`` format.
        zone: of times that do not name their own.
    """

    def convert(cell: Any) -> int:
        try:
            if form == "epoch_ms":
                return int(_number(cell))
            if form == "epoch_s":
                return int(_number(cell) * 1000)
            if isinstance(cell, datetime):
                moment = cell
            elif form == "iso":
                moment = datetime.fromisoformat(str(cell).strip())
            else:
                moment = datetime.strptime(str(cell).strip(), form)  # noqa: DTZ007  zone is below
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=zone)
            since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        except (ValueError, ArithmeticError):  # the year 1 east of Greenwich overflows
            raise CellError(f"not a time of the form {form}") from None
        return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000

    return convert


def minor_units(decimals: int) -> Convert:
    """Amounts such as ``1,234.50`` to integer minor units, exactly."""

    def convert(cell: Any) -> int:
        try:
            scaled = _number(str(cell).replace(",", "")).scaleb(decimals)
            whole = scaled == scaled.to_integral_value()
        except (ValueError, ArithmeticError):
            raise CellError("not an amount") from None
        if not whole:
            raise CellError(f"has more than {decimals} decimals")
        return int(scaled)

    return convert


def scaled(factor: int) -> Convert:
    """Numbers times a factor, as integers (seconds to milliseconds with 1000)."""

    def convert(cell: Any) -> int:
        try:
            return int(_number(cell) * factor)
        except (ValueError, ArithmeticError):
            raise CellError("not a number") from None

    return convert


def looked_up(values: dict[str, Any]) -> Convert:
    """Codes of the source to values of the contract."""

    def convert(cell: Any) -> Any:
        code = str(cell).strip()
        if code not in values:
            raise CellError(f"is none of {', '.join(sorted(values))}")
        return values[code]

    return convert


def prefixed(prefix: str) -> Convert:
    """Put a country code before numbers that have none."""

    def convert(cell: Any) -> str:
        text = str(cell).strip()
        return text if text.startswith("+") else prefix + text

    return convert


def _number(cell: Any) -> Decimal:
    """A finite number of a sane size; raises ValueError or ArithmeticError for anything else."""
    number = Decimal(str(cell).strip())
    if not number.is_finite() or number.adjusted() >= DIGITS_MAX:
        raise ValueError("not a number of a sane size")
    return number
