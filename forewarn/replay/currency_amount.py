"""Amounts whose decimals or currency another cell of the row decides."""

import re
from collections.abc import Sequence

from forewarn.replay import cell_conversion, column_conversion
from forewarn.replay.cell_error import CellError
from forewarn.replay.currencies import AMBIGUOUS_SIGNS, CURRENCY_SIGNS, DECIMALS
from forewarn.replay.currency_code import currency

_NOT_ZERO = re.compile(r"[1-9１-９]")


def two_amounts(
    texts: Sequence[str],
    others: Sequence[str],
    positions: Sequence[int],
    bad: dict[int, CellError],
    columns: Sequence[str],
) -> None:
    """Refuse rows with different amounts in two columns: which of them was meant is not said."""
    for text, other, position in zip(texts, others, positions, strict=True):
        if text != other and _NOT_ZERO.search(text) and _NOT_ZERO.search(other):
            reason = (
                f"amount_minor (column {', '.join(columns)}): two of the columns have an amount"
            )
            repair = "give each column an event of its own, with when, or correct the row"
            bad.setdefault(position, CellError(reason, repair=repair))


def amounts_by_currency(
    decimal_sign: str, texts: list[str], currencies: Sequence[object], *, grouped: bool = True
) -> list[object]:
    """Amounts in the minor units of the currency of each row, or the CellError that refuses one."""
    converters: dict[int, column_conversion.ColumnConvert] = {}
    values = []
    for text, code in zip(texts, currencies, strict=True):
        decimals = DECIMALS.get(str(code), 2)
        if decimals not in converters:
            converters[decimals] = column_conversion.by_cell(
                lambda cell, n=decimals: cell_conversion.amount(
                    cell, n, decimal_sign, grouped=grouped
                )  # type: ignore[misc]
            )
        values.extend(converters[decimals].column([text]))
    return values


def currency_of_sign(
    sign: str, currencies: list[object], place: int, *, said: bool
) -> CellError | None:
    """Compare the sign beside an amount with the currency, or take the currency from it."""
    meant = CURRENCY_SIGNS.get(sign, (sign,))
    if not said:
        if sign in AMBIGUOUS_SIGNS:
            return CellError(
                "amount_minor: its currency sign stands for several currencies",
                repair='say currency = { value = "..." }',
            )
        try:
            currencies[place] = currency(meant[0])
        except CellError as error:
            return CellError(f"amount_minor: its currency sign {error}", repair=error.repair)
        return None
    if currencies[place] not in {"CNY" if one in ("RMB", "CNH") else one for one in meant}:
        return CellError("amount_minor: its currency sign is not that of currency")
    return None
