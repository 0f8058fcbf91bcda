"""Cells to field values, one cell at a time: money, numbers, codes, parties. Pure.

``forewarn.replay.column_conversion`` does the same to whole columns where the spelling is plain, and asks
these functions for every other cell, so they are the one definition of what a cell means.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from forewarn.replay.cell_error import CellError
from forewarn.replay.currencies import CURRENCY_SIGNS
from forewarn.replay.phone_numbers import party

Convert = Callable[[Any], Any]

DIGITS_MAX = 18
"""Of a number: more fit no field, and ``1E+999999`` would be computed for seconds first."""

NOTHING = frozenset(
    {
        "-", "--", "---", "—", "–", "/", "\\", "\\n", ".", "*", "n/a", "n.a.", "na", "#n/a", "null", "(null)",
        "<null>", "none", "nil", "nan", "-1", "unknown", "undefined", "无", "空", "未知", "暂无", "无数据",
    }
)  # fmt: skip
"""What exports write where a party is missing, in lower case: one name for many strangers."""

NO_ACCOUNT = r"^(?:0+|9{8,}|[xX]{2,}|[*•]+|现金)$"
"""What fills the field of an account where there is none, in the syntax of both ``re`` and polars."""

MASKED = (
    r"[*•●＊∙⋅·×■█░]|[0-9][ ./-]*[xX]{2,}[ ./-]*[0-9]|^(?:.*[0-9 ./-])?[xX]{2,}[ ./-]*[0-9]{2,6}$|^x[ -]?[0-9]{4}$|"
    r"[0-9][ -]*[xX]{3,}$|\.{2,} ?[0-9]|[0-9] ?\.{2,}|#{2,}|\?{2,}|(?:^|[0-9])_{2,}[0-9]|^[-(][0-9]{2,6}\)?$|"
    r"(?i:^(?:visa|master ?card|mc|amex|american express|maestro|unionpay|discover|debit|credit|card)"
    r"(?: card)?[ -]*[0-9]{4}$|\b(?:ending|last (?:4|four)|endziffern?|finissant|terminada)\b)|尾号|末四位|后四位"
)
"""What hides digits of an account, or leaves only its last ones, in the syntax of both ``re`` and polars."""

_SIGNS = "|".join(re.escape(sign) for sign in sorted(CURRENCY_SIGNS, key=len, reverse=True))
_AMOUNT = re.compile(
    rf"(?P<open>\()?(?P<minus>[-+])?\s*(?P<before>(?:{_SIGNS})\.?|[A-Z]{{3}})?\s*(?P<minus2>[-+])?\s*"
    rf"(?P<digits>\d[\d.,'’\s]*?|[.,]\d+?)(?P<exponent>[eE][-+]?\d{{1,3}})?\s*"
    rf"(?P<after>(?:{_SIGNS})\.?|[A-Z]{{3}})?\s*(?P<minus3>[-+])?(?P<close>\))?"
)
_UNITS_SECONDS: dict[str, int | Decimal] = {
    "天": 86400, "小时": 3600, "时": 3600, "分钟": 60, "分": 60, "秒": 1, "d": 86400, "day": 86400,
    "h": 3600, "hr": 3600, "hour": 3600, "std": 3600, "m": 60, "min": 60, "minute": 60, "s": 1,
    "sec": 1, "second": 1, "sek": 1, "sekunde": 1, "sekunden": 1, "seconde": 1, "segundo": 1, "secondi": 1, "secondo": 1,
    "minuten": 60, "minuto": 60, "minuti": 60, "stunde": 3600, "stunden": 3600, "heure": 3600, "hora": 3600, "ora": 3600,
    "ore": 3600, "uur": 3600, "tag": 86400, "tage": 86400, "'": 60, "\"": 1, "ms": Decimal("0.001"), "毫秒": Decimal("0.001"), "時間": 3600,
}  # fmt: skip
_WORDS = re.compile(r"(\d+(?:\.\d+)?)\s*(天|小时|時間|毫秒|分钟|时|分|秒|['\"]|[a-z]+)")
_ROUNDED = re.compile(r"\d(?:\.\d+)?[eE]\+?\d+")
_SHORTENED = re.compile(r"-?\d(?:[.,](\d+))?E\+(\d{2,3})")
"""How a spreadsheet shows a number that is wider than its column: 1.77E+09."""
_MARKED = re.compile(r".*\d\s*[CD]R?\.?", re.IGNORECASE)


def number(cell: Any) -> Decimal:
    """A finite number of a sane size.

    Raises:
        ValueError, ArithmeticError: for anything else.
    """
    text = str(cell).strip()
    shown = _SHORTENED.fullmatch(text)
    if shown is not None and len(shown[1] or "") < int(shown[2]):
        raise CellError(
            "was shortened by a spreadsheet: digits are missing",
            repair="widen the column or format it as text, and export again",
        )
    found = Decimal(text)
    if not found.is_finite() or found.adjusted() >= DIGITS_MAX:
        raise ValueError("not a number of a sane size")
    return found


def amount(
    cell: Any, decimals: int, decimal_sign: str = ".", *, grouped: bool = True
) -> tuple[int, str]:
    """An amount in minor units, with its sign, and the currency sign it was written with.

    Args:
        cell: such as ``1,234.50``, ``¥86.40``, ``(48.00)`` or ``48.00-``; thousands have to be grouped by
            threes (or as in India), or the cell is refused: ``48,50`` is no whole number.
        decimals: of the currency.
        decimal_sign: ``.`` or ``,``; the other one groups thousands.
        grouped: whether thousands may be grouped; where they never are, ``12.340`` is no thousands.

    Raises:
        CellError: if it is no amount, or has more decimals than the currency.
    """
    text = unicodedata.normalize("NFKC", as_text(str(cell))).strip().replace("−", "-")
    found = _AMOUNT.fullmatch(text)
    if found is None or (found["open"] is None) != (found["close"] is None):
        raise _no_amount(text)
    minuses = [found[name] for name in ("minus", "minus2", "minus3") if found[name]]
    if len(minuses) + (found["open"] is not None) > 1:
        raise CellError("not an amount: it has two signs")
    plain = _ungrouped(found["digits"], decimal_sign)
    if not grouped and not re.fullmatch(rf"\d*(?:{re.escape(decimal_sign)}\d+)?", found["digits"]):
        raise CellError("not an amount: this format groups no thousands")
    if grouped and decimals == 2 and re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", plain):
        raise CellError(
            f"may be thousands or a fraction of three digits behind {decimal_sign!r}",
            repair='say decimal_sign = "," or "." if it groups thousands, or extract = \'^(.+)0$\' for a fraction',
        )
    try:
        scaled = number(plain + (found["exponent"] or "")).scaleb(decimals)
        whole = scaled == scaled.to_integral_value() and scaled.adjusted() < DIGITS_MAX
    except CellError:
        raise
    except (ValueError, ArithmeticError):
        raise CellError("not an amount") from None
    if not whole:
        raise CellError(f"has more than {decimals} decimals")
    negative = found["open"] is not None or "-" in minuses
    sign = (found["before"] or found["after"] or "").strip().rstrip(".")
    return (-int(scaled) if negative else int(scaled)), sign


def _no_amount(text: str) -> CellError:
    if _MARKED.fullmatch(text):
        return CellError(
            "has a mark of credit or debit behind it",
            repair="cut it off with extract = '^([\\d.,]+)', and read it for direction with "
            "extract = '([CD]R?)$' and values",
        )
    return CellError("not an amount")


def minor_units(decimals: int, decimal_sign: str = ".") -> Convert:
    """Amounts such as ``1,234.50`` to integer minor units, exactly."""

    def convert(cell: Any) -> int:
        return amount(cell, decimals, decimal_sign)[0]

    return convert


def _ungrouped(digits: str, decimal_sign: str) -> str:
    """Digits with a point, if the marks between thousands stand where they belong."""
    whole, point, fraction = digits.strip().partition(decimal_sign)
    if re.search(r"\D", fraction):
        raise CellError(
            f"not an amount: what follows {decimal_sign!r} is no fraction",
            repair='say decimal_sign = "," or "." as the file writes it',
        )
    marks = set(re.findall(r"\D", whole))
    if marks:
        mark = re.escape(marks.pop()) if len(marks) == 1 else "(?!)"
        by_threes = rf"\d{{1,3}}(?:{mark}\d{{3}})+"
        indian = rf"\d{{1,2}}(?:{mark}\d{{2}})+{mark}\d{{3}}"
        if not re.fullmatch(f"{by_threes}|{indian}", whole):
            raise CellError(
                "not an amount: its thousands are not grouped by threes",
                repair='if the comma is the decimal sign of this file, say decimal_sign = ","',
            )
        whole = re.sub(r"\D", "", whole)
    return f"{whole or '0'}.{fraction}" if point and fraction else whole


def duration(cell: object, factor: int) -> int:
    """A duration times a factor: a plain number, ``02:33``, ``1:15:34``, ``1小时15分34秒`` or ``PT2M33S``.

    Args:
        cell: a number without unit counts in the unit of the factor.
        factor: milliseconds in that unit; with it, ``02:33`` is minutes and seconds.

    Raises:
        CellError: if it is no duration.
    """
    text = unicodedata.normalize("NFKC", str(cell)).strip().casefold()
    try:
        return int(number(text) * factor)
    except CellError:
        raise
    except (ValueError, ArithmeticError):
        pass
    if clock := re.fullmatch(r"(?:(\d+):)?(\d{1,3}):(\d{1,2})(?:\.(\d{1,3}))?", text):
        hours, minutes, seconds = (int(part or 0) for part in clock.group(1, 2, 3))
        if seconds > 59 or (clock[1] is not None and minutes > 59):
            raise CellError("not a duration")
        fraction = int((clock[4] or "0").ljust(3, "0"))
        return (hours * 3600 + minutes * 60 + seconds) * 1000 + fraction
    words = re.sub(
        r"^pt|[\s,]|and|und(?!e)|(?<=[a-z])\.|\bet\b|\by\b",
        "",
        text.replace("′′", '"').replace("′", "'"),
    )
    total, place = Decimal(0), 0
    for part in _WORDS.finditer(words):
        unit = part[2] if part[2] in _UNITS_SECONDS else part[2].removesuffix("s")
        if part.start() != place or unit not in _UNITS_SECONDS:
            break
        total, place = total + Decimal(part[1]) * _UNITS_SECONDS[unit], part.end()
    if not words or place != len(words) or total.adjusted() >= DIGITS_MAX:
        raise CellError("not a duration" if factor >= 1000 else "not a number")
    return int(total * 1000)


def scaled(factor: int) -> Convert:
    """Numbers times a factor, as integers (seconds to milliseconds with 1000)."""

    def convert(cell: Any) -> int:
        return duration(cell, factor)

    return convert


def looked_up(values: Mapping[str, object]) -> Convert:
    """Codes of the source to values of the contract; ``*`` stands for every other code."""

    def convert(cell: Any) -> Any:
        code = str(cell).strip()
        if code in values:
            return values[code]
        if "*" in values and code:
            return values["*"]
        raise CellError(
            f"is none of {', '.join(sorted(values))}",
            repair="add the code to values, or correct the cell",
        )

    return convert


def phone(region: str | None, *, may_be_withheld: bool) -> Convert:
    """Numbers to one spelling a party; None for a caller whose number was not shown."""

    def convert(cell: Any) -> str | None:
        found = party(str(cell), region)
        if found is None and not may_be_withheld:
            raise CellError("stands for a number that was not shown")
        return found

    return convert


def as_text(cell: str) -> str:
    """What stands within ``="..."`` or behind an apostrophe, by which spreadsheets are made to keep all digits."""
    text = cell.strip()
    if kept := re.fullmatch(r'="([^"]*)"', text):
        return kept[1]
    return text.removeprefix("'")


def account(cell: object) -> str:
    """An account, card, or wallet: blanks between groups fall away, leading zeros stay, an IBAN has capitals.

    Raises:
        CellError: for masks, and for what a spreadsheet has rounded.
    """
    text = as_text(unicodedata.normalize("NFKC", str(cell))).strip("'\t ")
    if _ROUNDED.fullmatch(text) or re.fullmatch(r"\d+\.0+", text):
        raise CellError("was rounded by a spreadsheet", repair="export the account numbers as text")
    if re.search(MASKED, text) and not is_iban(text):
        raise CellError(
            "is masked: it stands for many accounts",
            repair="take the whole number, or make an identifier of name and mask together with "
            'template = "{name}|{account}" and digest = "..."',
        )
    if re.fullmatch(r"[0-9A-Za-z]+(?:[ \u00a0][0-9A-Za-z]+)+", text):
        text = re.sub(r"\s", "", text)
    if re.fullmatch(r"\d{4}(?:-\d{4}){2,}(?:-\d{1,4})?", text):
        text = text.replace("-", "")
    capitals = text.upper().removeprefix("IBAN")
    return capitals if is_iban(capitals) else text


def is_iban(text: str) -> bool:
    """Whether a text in capitals is an IBAN whose check digits are right (ISO 13616, ISO 7064 mod 97-10)."""
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", text):
        return False
    return int("".join(str(int(sign, 36)) for sign in text[4:] + text[:4])) % 97 == 1


def digest(label: str) -> Convert:
    """Names to identifiers: the contract has room for printable ASCII only.

    Args:
        label: put before the digest, so that a reader sees that it is no account number.
    """

    def convert(cell: Any) -> str:
        # A line break or a second blank within a name is the layout of its source and no other name.
        text = " ".join(unicodedata.normalize("NFKC", str(cell)).split())
        return f"{label}-{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"

    return convert


def extracted(pattern: str) -> Convert:
    """The first group of a regular expression, or its whole match if it has none.

    Raises:
        re.error: if the expression is none.
    """
    compiled = re.compile(pattern)

    def convert(cell: Any) -> str:
        found = compiled.search(str(cell))
        if found is None:
            raise CellError("does not have the form that extract asks for")
        return str(found[1] if compiled.groups else found[0])

    return convert


def nothing(text: str) -> bool:
    """Whether a text says that there is no such party."""
    return not text or text.casefold() in NOTHING


def no_account(text: str) -> bool:
    """Whether a text says that there is no such account: zeros, nines and crosses fill a field that has to be."""
    return nothing(text) or re.search(NO_ACCOUNT, text) is not None
