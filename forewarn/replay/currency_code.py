"""Currencies as banks write them: codes, numbers, and the words of Chinese statements."""

from forewarn.replay.cell_error import CellError
from forewarn.replay.currencies import CURRENCIES

_WORDS = {
    "人民币": "CNY", "人民币元": "CNY", "rmb": "CNY", "cny": "CNY", "156": "CNY", "元": "CNY", "¥": "CNY",
    "￥": "CNY", "cnh": "CNY", "美元": "USD", "840": "USD", "us$": "USD", "港币": "HKD",
    "港元": "HKD", "344": "HKD", "欧元": "EUR", "978": "EUR", "€": "EUR", "日元": "JPY", "392": "JPY",
    "英镑": "GBP", "826": "GBP", "£": "GBP", "澳元": "AUD", "036": "AUD", "加元": "CAD", "124": "CAD",
    "新台币": "TWD", "901": "TWD", "韩元": "KRW", "410": "KRW", "404": "KES", "ksh": "KES", "756": "CHF",
    "356": "INR", "643": "RUB", "702": "SGD",
}  # fmt: skip
"""Names and ISO 4217 numbers. Codes of one bank, such as 01 for the renminbi, are for values = to say."""


def currency(cell: str) -> str:
    """The ISO 4217 code of a currency.

    Raises:
        CellError: if it is none that is known here.
    """
    text = cell.strip()
    if text.upper() in CURRENCIES:
        return text.upper()
    found = _WORDS.get(text.casefold())
    if found is None:
        raise CellError(
            "is no currency that is known",
            repair='say what it means with values = { "..." = "CNY" }',
        )
    return found
