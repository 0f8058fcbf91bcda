"""Telephone numbers as exchanges write them, to one spelling a party.

A thin layer over libphonenumber, which knows the numbering plans, and which misreads what this
module handles first: short codes (95588, 96110 and 12381 are no valid *numbers*), carrier prefixes
of long-distance calls in China (12593 is taken for a part of the number), ``+0...`` (raises), and
words or keypad spellings for a number that was not shown. Whether a number is valid in its plan is
never a reason to drop a call: swindlers show numbers that do not exist.
"""

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

import phonenumbers

from forewarn.replay.cell_error import CellError

_SHOWN_NOTHING = (
    "anonymous|anonym|anonyme|anónimo|anonimo|restricted|private|withheld|blocked|unavailable|unknown|unidentified|"
    "hidden|suppressed|outofarea|notavailable|presentationrestricted|clir|unbekannt(?:er?|e)?|unterdrückt(?:er?|e)?|"
    "verborgen(?:er?|e)?|privat(?:er?|e)?|masqué|inconnue?|privée?|privé|oculto|desconocido|privado|sconosciuto|nascosto|"
    "隐藏|未知|匿名|保密|私人|无显示|不显示|未显示|无主叫|无号码"
)
_NUMBER_WORDS = (
    "number|callerid|caller|cli|id|rufnummer|nummer|anrufer|anrufe|teilnehmer|numéro|numero|appel|appelant|número|"
    "llamada|chiamante|号码|主叫号码|主叫|来电"
)
_WITHHELD = re.compile(
    rf"(?:{_NUMBER_WORDS})?(?:{_SHOWN_NOTHING})(?:{_NUMBER_WORDS})?|no(?:{_NUMBER_WORDS})|keine(?:{_NUMBER_WORDS})|"
    "anonymousinvalid"
)
"""What stands for a number that the network did not show, without blanks and in lower case."""

_KEYPAD = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
_SPELT = frozenset(
    word.translate(_KEYPAD)
    for word in ("anonymous", "restricted", "blocked", "unknown", "unavailable", "private")
)
"""Gateways that allow digits only dial the word: ANONYMOUS is +266696687."""

_CARRIERS_CN = re.compile(
    r"^(?:179(?:00|01|08|09|11|31|50|51|61|68|69|91|95)|12593|12520|10193|12583[1-3])(?=0?\d{10})"
)
"""Prefixes that choose the long-distance carrier in China, or the second number of a line (12583 and its place, China
Mobile's 和多号); at least an area code and a number follow."""

_AREA_CN = r"(?:10|2\d|[3-9]\d\d)"
_SERVICE_CN = re.compile(
    rf"(?:(?:\+86|0086)(?:0?{_AREA_CN})?|0{_AREA_CN}|0)?"
    r"(11[0479]|12[02]|11[68]114|1118[35]|100\d\d|12[13]\d\d|12530|12580|95\d{3}|96110)"
)
"""Emergency calls, the services of operators and of the state, banks: short in the whole country, whatever is shown
before them. An area code counts only behind its 0 or the country code: 82395588 is a line of its own."""

_RELAY_CN = re.compile(r"(?:\+86|0086|86|0)?(950\d{6,10})")
"""Numbers of companies that relay calls, 95013 and its like: longer than 95588, and 950 is no area code."""

_SHARED_CN = re.compile(rf"(?:(?:\+86|0086|86)0?|0){_AREA_CN}([48]00\d{{7}})")
"""400 and 800 numbers belong to no area, yet some exchanges put one before them."""

_MOBILE_CN = re.compile(r"(?:\+?86|0086)?0?(1[3-9]\d{9})")
_FIXED_CN = re.compile(r"(?:\+86|0086|0)(10\d{8}|2\d{9}|[3-9]\d{9,10})")
"""Area code and number of a fixed line: libphonenumber says the same, forty times slower."""

_TWICE = re.compile(r"\+\d{1,3}?(?=00[1-9]\d{7})")
_EXTENSION = re.compile(
    r"(?i)(?:\s*(?:ext\.?|extension|x|#|转|分机)\s*\d{1,6}|(?<=^0\d\d-\d{8})-\d{1,5}|(?<=^0\d{3}-\d{8})-\d{1,5}"
    r"|(?<=^0\d{3}-\d{7})-\d{1,5})$"
)
"""Behind the number of an exchange: who of the party was meant is no other party."""

_HIDING = re.compile(r"^(?:\*67|\*82|[*#]31#)\s*(?=[+\d][\d\s.\-()]{5,}$)")
"""Codes that hide or show the own number, dialled before the number that is meant."""

_FLOAT = re.compile(r"(?<=^\d{7})\.0+$|(?<=\d{8})\.0+$")
"""What a spreadsheet makes of a column of numbers with gaps: 13800000017.0."""

_GAP = re.compile(r"\.{2,}\s?\d|\d\s?\.{2,}|\d[\-–—]{3,}\d|[xX]{2,}\s?\d")
"""Dots, dashes or crosses in the place of digits: without them, the rest would be a short code of its own."""

_PUNCTUATION = re.compile(r"[\s().\-‐‑–—/]+")
_SHORT_DIGITS = 6
_LONGEST = 19


@lru_cache(maxsize=100_000)
def party(text: str, region: str | None) -> str | None:
    """The one spelling of a number: E.164, or the digits of a short code or extension.

    Args:
        text: a number in any usual spelling, a SIP or tel URI, or a word such as ``anonymous``.
        region: ISO 3166 code of the country whose national spellings are meant; None: only
            international spellings are understood, and other digits stay as they are.

    Returns:
        None for a number that was withheld: it stands for no particular party.

    Raises:
        CellError: if the text is no number.
    """
    whole = _unwrapped(text)
    if _GAP.search(whole):
        raise CellError("is masked, so it stands for many numbers")
    plain = _HIDING.sub("", _EXTENSION.sub("", whole))
    digits = _PUNCTUATION.sub("", _FLOAT.sub("", plain))
    if withheld(plain) or digits.lstrip("+") in _SPELT or (digits and not digits.strip("+0")):
        return None
    _require_digits(digits)
    if digits.startswith("+0"):
        digits = digits[1:]
    if digits.startswith("000"):
        return _kept("+" + digits)  # no country has a code that begins with 0
    if region and (twice := _TWICE.match(digits)):
        digits = digits[twice.end() :]  # a prefix was put before a number that had one
    if region == "CN":
        digits = _CARRIERS_CN.sub("", digits, count=1)
        if found := _RELAY_CN.fullmatch(digits) or _SERVICE_CN.fullmatch(digits):
            return found[1]
        if found := (
            _MOBILE_CN.fullmatch(digits)
            or _FIXED_CN.fullmatch(digits)
            or _SHARED_CN.fullmatch(digits)
        ):
            return "+86" + found[1]
    if len(digits) <= _SHORT_DIGITS and digits[0] != "+":
        return _kept(digits)
    return _international(digits, region)


def _require_digits(digits: str) -> None:
    if "*" in digits or re.search(r"\d[xX]{2,}|[#•●?]{2,}", digits):
        raise CellError("is masked, so it stands for many numbers")
    if not re.fullmatch(r"\+?\d+", digits, re.ASCII):
        raise CellError("is no telephone number")


def withheld(text: str) -> bool:
    """Whether a text says that the number was not shown."""
    word = re.sub(r"[\s_.\-]+", "", text).casefold()
    return _WITHHELD.fullmatch(word) is not None


def region_of(prefix: str) -> str:
    """The ISO 3166 code of a country code such as ``+86``.

    Raises:
        CellError: if no country has it.
    """
    digits = prefix.strip().removeprefix("+").removeprefix("00")
    region = phonenumbers.region_code_for_country_code(int(digits)) if digits.isdigit() else "ZZ"
    if region in ("ZZ", "001"):
        raise CellError(f"{prefix} is the code of no country")
    return str(region)


@lru_cache(maxsize=100_000)
def valid(number: str) -> bool:
    """Whether the numbering plan knows the number; a short code counts as valid."""
    if not number.startswith("+"):
        return True
    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(number, None)))
    except phonenumbers.NumberParseException:
        return False


def _unwrapped(text: str) -> str:
    """The number within quotes, angle brackets, a URI or percent signs."""
    plain = (
        unicodedata.normalize("NFKC", text)
        .strip()
        .removeprefix("=")
        .strip("'\"\u200e\u202a\u202c\u202d")
        .strip()
    )
    if "<" in plain:
        plain = plain.rpartition("<")[2].rstrip("> ")
    if "%" in plain:
        plain = unquote(plain)
    scheme = re.match(r"(?i)(sips?|tel|h323|callto):", plain)
    if scheme:
        plain = plain[scheme.end() :]
        if "anonymous.invalid" in plain.casefold():
            return "anonymous"
    if scheme or "@" in plain or ";" in plain:
        plain = plain.partition("@")[0].partition(";")[0].partition(":")[0]
    return plain.strip()


def _international(digits: str, region: str | None) -> str:
    """E.164 by the numbering plans; what they do not know keeps its digits."""
    if region is None and digits.startswith("00"):
        digits = "+" + digits[2:]
    marked = digits[0] in "+0"
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is not None and (marked or phonenumbers.is_valid_number(number)):
        found = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
        if found.startswith("+521") and len(found) == 14:
            found = "+52" + found[4:]  # the same line in the spelling that Mexico gave up in 2019
        return found
    return _kept("+" + digits[2:] if digits.startswith("00") else digits)


def _kept(digits: str) -> str:
    """Digits that no numbering plan knows, as the network showed them."""
    if not 3 <= len(digits) <= _LONGEST:
        raise CellError("is no telephone number")
    if digits[0] == "+" and int(digits[1:]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        raise CellError("is the code of a country without a number")
    return digits
