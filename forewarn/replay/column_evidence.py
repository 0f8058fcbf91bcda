"""Evidence of what a column of texts can be, from its first thousand cells: a time, an amount, a number, a word.

Nothing is chosen here. A column that two readings fit keeps both, so that the one who knows is asked.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from forewarn.replay.cell_conversion import NOTHING, amount, duration
from forewarn.replay.cell_error import CellError
from forewarn.replay.phone_numbers import withheld
from forewarn.replay.time_conversion import instant

FORMS = (
    "iso", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y%m%d%H%M%S",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M", "%Y年%m月%d日 %H:%M:%S", "%a, %d %b %Y %H:%M:%S %z", "epoch_s", "epoch_ms", "epoch_us",
    "%d-%m-%Y %H:%M:%S", "%m-%d-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%m-%d-%Y %H:%M", "%d/%m/%y %H:%M:%S",
    "%m/%d/%y %H:%M:%S", "%d/%m/%y %H:%M", "%m/%d/%y %H:%M", "%d.%m.%y %H:%M:%S", "%d.%m.%y %H:%M",
    "%m/%d/%Y %I:%M:%S %p", "%d/%m/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%d/%m/%Y %I:%M %p",
    "%m/%d/%Y, %I:%M:%S %p", "%d/%m/%Y, %I:%M:%S %p", "%d/%m/%Y, %H:%M:%S", "%m/%d/%Y, %H:%M:%S",
    "%d %b %Y %H:%M:%S", "%d %b %Y %H:%M", "%d-%b-%Y %H:%M:%S", "%d-%b-%Y %H:%M", "%b %d, %Y %I:%M:%S %p",
    "%b %d, %Y, %I:%M:%S %p", "%b %d, %Y %I:%M %p", "%b %d, %Y, %I:%M %p",
    "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y年%m月%d日",
    "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d", "%d %b %Y", "%d-%b-%Y",
    "%d-%b-%y", "%d %b %y", "%d %B %Y", "%d. %B %Y", "%b %d, %Y", "%B %d, %Y",
)  # fmt: skip
"""Forms that are tried; a form has to fit every cell."""

CLOCKS = ("%H:%M:%S", "%H:%M", "%H%M%S", "%I:%M:%S %p", "%I:%M %p")
"""Forms of the time of day, where it stands in a column beside the day."""

WORDS_MAX = 12
"""A column with more distinct texts is no column of codes."""

_PHONE = re.compile(r"\+?[\d\s().\-]{5,20}|sips?:.+|tel:.+")
_ZONED = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")
_SAMPLE_ZONE = ZoneInfo("UTC")
_DAY = ("%Y-%m-%d ", "2026-03-02 ")


@dataclass(frozen=True, slots=True)
class ColumnEvidence:
    """What the cells of a column allow.

    Attributes:
        name: of the column.
        rows: cells altogether.
        filled: cells that are not empty.
        distinct: of them.
        forms: forms of times that all of them fit.
        clock: form of the time of day that all of them fit.
        never: whether a 0 or nothing stands beside these times, as where a call was never answered.
        zoned: whether all of these times name their zone.
        signs: decimal signs with which all of them are amounts.
        decimals: most decimals of an amount.
        negative: whether an amount is negative.
        money: currency signs beside the amounts; empty where one has none.
        durations: whether all are durations, and some are no plain numbers.
        numbers: whether all are plain whole numbers.
        phones: share that looks like a telephone number or says that it was withheld.
        national: whether a number is written without a country code.
        words: the texts, where they are few.
        example: the first of them.
        spaced: whether one holds a blank between letters, as names do and accounts do not.
        ascii: whether all are printable ASCII, as accounts are and names often are not.
    """

    name: str
    rows: int
    filled: int
    distinct: int
    forms: tuple[str, ...] = ()
    clock: str = ""
    never: bool = False
    zoned: bool = False
    signs: tuple[str, ...] = ()
    decimals: int = 0
    negative: bool = False
    money: tuple[str, ...] = ()
    durations: bool = False
    numbers: bool = False
    phones: float = 0.0
    national: bool = False
    words: tuple[str, ...] = field(default=())
    example: str = ""
    spaced: bool = False
    ascii: bool = True


def evidence_of(name: str, cells: Sequence[str]) -> ColumnEvidence:
    """Look at the cells of a column.

    Args:
        name: of the column.
        cells: without the blanks around them.
    """
    texts = [cell for cell in cells if cell and cell.casefold() not in NOTHING]
    distinct = list(dict.fromkeys(texts))
    if not texts:
        return ColumnEvidence(name, len(cells), 0, 0)
    moments = [text for text in distinct if text != "0"] or distinct
    forms = tuple(form for form in FORMS if _all_times(moments, form))
    signs = tuple(sign for sign in (".", ",") if _all_amounts(distinct, sign))
    return ColumnEvidence(
        name,
        len(cells),
        len(texts),
        len(distinct),
        forms=forms,
        clock=next((form for form in CLOCKS if _all_times(distinct, form, before=_DAY)), ""),
        never=bool(forms) and (len(texts) < len(cells) or len(moments) < len(distinct)),
        zoned=bool(forms) and (forms[0].startswith("epoch") or all(map(_ZONED.search, moments))),
        signs=signs,
        decimals=max((_decimals(text, signs[0]) for text in distinct), default=0) if signs else 0,
        negative=bool(signs) and any(amount(text, 6, signs[0])[0] < 0 for text in distinct),
        money=_money(distinct, signs[0]) if signs else (),
        durations=_all_durations(distinct),
        numbers=all(text.isascii() and text.isdigit() for text in distinct),
        phones=sum(_like_phone(text) for text in texts) / len(texts),
        national=any(text[0].isdigit() and not text.startswith("00") for text in distinct),
        words=tuple(distinct) if len(distinct) <= WORDS_MAX else (),
        example=distinct[0],
        spaced=any(re.search(r"[^\W\d].*\s|\s.*[^\W\d]", text) for text in distinct),
        ascii=all(text.isascii() for text in distinct),
    )


def _all_times(texts: list[str], form: str, *, before: tuple[str, str] = ("", "")) -> bool:
    convert = instant(before[0] + form, _SAMPLE_ZONE)
    try:
        for text in texts:
            convert(before[1] + text)
    except CellError:
        return False
    return True


def _all_amounts(texts: list[str], sign: str) -> bool:
    try:
        for text in texts:
            amount(text, 6, sign)
    except CellError:
        return False
    return True


def _money(texts: list[str], sign: str) -> tuple[str, ...]:
    """The currency signs of amounts, if each has one."""
    found = sorted({amount(text, 6, sign)[1] for text in texts})
    return tuple(found) if all(found) else ()


def _decimals(text: str, sign: str) -> int:
    found = re.search(rf"{re.escape(sign)}(\d+)\D*$", text)
    return len(found[1]) if found else 0


def _all_durations(texts: list[str]) -> bool:
    try:
        for text in texts:
            duration(text, 1000)
    except CellError:
        return False
    return any(not text.replace(".", "").isdigit() for text in texts)


def _like_phone(text: str) -> bool:
    digits = sum(character.isdigit() for character in text)
    return withheld(text) or (3 <= digits <= 18 and _PHONE.fullmatch(text) is not None)
