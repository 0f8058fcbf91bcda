"""Cells to UTC milliseconds: forms, zones, the doubled hour, and bounds. Pure.

A text that two readings fit is read as the mapping says and never by trial; a text that does not fill
its form exactly (12 digits for 14) is refused. Of the two instants of a doubled hour the first is meant,
unless the row contradicts it (``forewarn.replay.event_check``).
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

from forewarn.contracts import EARLIEST_MS, LATEST_MS
from forewarn.replay.cell_conversion import number
from forewarn.replay.cell_error import CellError
from forewarn.replay.month_names import english_month

EPOCHS = {"epoch_s": 1000, "epoch_ms": 1, "epoch_us": 0.001, "epoch_ns": 0.000001}
"""Forms of numbers since 1970, with the milliseconds of one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARTS = {
    "%Y": r"\d{4}", "%y": r"\d{2}", "%m": r"\d{1,2}", "%d": r"\d{1,2}", "%H": r"\d{1,2}", "%I": r"\d{1,2}",
    "%M": r"\d{1,2}", "%S": r"\d{1,2}", "%f": r"\d{1,6}", "%p": r"[AaPp]\.?[Mm]\.?", "%b": r"[^\W\d]+\.?",
    "%B": r"[^\W\d]+", "%a": r"[^\W\d]+\.?", "%A": r"[^\W\d]+", "%z": r"(?:Z|[+-]\d{2}:?\d{2})",
    "%Z": r"[A-Za-z+\-:0-9]+", "%j": r"\d{3}", "%%": "%",
}  # fmt: skip
_ISO = re.compile(
    r"(?:\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?|\d{8}T\d{6}(?:[.,]\d{1,9})?)"
    r"\s?(?:Z|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)


_WORD = re.compile(r"[^\W\d_]{3,}\.?")
_NAMED_ZONE = re.compile(
    r"(?<=Z)\[[A-Za-z][A-Za-z0-9_/+\-]*\]$|(?<=[+-]\d\d:\d\d)\[[A-Za-z][A-Za-z0-9_/+\-]*\]$"
)
"""What Java puts behind an offset: 2026-03-02T09:58:12+08:00[Asia/Shanghai]."""

_MIDNIGHT = re.compile(r"(?<=[T ])24(:00(?::00(?:[.,]0+)?)?)(?!:?\d)")
"""The end of a day (ISO 8601): 24:00:00 is the first instant of the next."""


@dataclass(frozen=True, slots=True)
class Instant:
    """UTC milliseconds; ``later_ms`` is the other instant with the same reading of the clock."""

    time_ms: int
    later_ms: int


class ZoneMissingError(CellError):
    """A time names no zone, and neither does the mapping."""


class DayOrderError(CellError):
    """A date has a thirteenth month: day and month stand the other way round in the whole file."""


def epoch_ms(
    form: str, zone: tzinfo | None, zones: Mapping[str, str] | None = None
) -> Callable[[object], int]:
    """Cells to UTC milliseconds; of a doubled hour the first.

    Args:
        form: ``iso``, ``epoch_s``, ``epoch_ms``, ``epoch_us``, ``epoch_ns``, or a ``strptime`` format.
        zone: of times that do not name their own; None: they are refused.
        zones: what abbreviations mean that the form reads by ``%Z``: names of zones or offsets.
    """
    convert = instant(form, zone, zones)
    return lambda cell: convert(cell).time_ms


def instant(
    form: str, zone: tzinfo | None, zones: Mapping[str, str] | None = None
) -> Callable[[object], Instant]:
    """As :func:`epoch_ms`, with both instants of a doubled hour."""
    exact = None if form == "iso" or form in EPOCHS else re.compile(pattern_of(form), re.ASCII)
    named = {name: _offset(offset) for name, offset in (zones or {}).items()}

    def convert(cell: Any) -> Instant:
        try:
            if form in EPOCHS:
                return _bounded(int(number(cell) * _factor(form)))
            if isinstance(cell, datetime):
                return _located(cell, zone)
            plain = _plain(str(cell).strip(), form)
            text, days = _MIDNIGHT.subn("00\\1", plain, count=1)
            moment = _parsed(text, form, exact, named)
            return _located(moment + timedelta(days=days), zone)
        except CellError:
            raise
        except (ValueError, ArithmeticError, TypeError):  # the year 1 east of Greenwich overflows
            raise not_of(form, str(cell)) from None

    return convert


def _plain(text: str, form: str) -> str:
    """Digits, colons and blanks in ASCII, and months of other languages in English where the form has a month."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if "%b" in form or "%B" in form:
        text = _WORD.sub(lambda word: english_month(word[0], whole="%B" in form), text)
    return text


def pattern_of(form: str) -> str:
    """A regular expression of the texts that a ``strptime`` format fills exactly.

    Raises:
        CellError: for a directive that is not read.
    """
    pieces = re.findall(r"%.|[^%]+", form)
    if not pieces or "".join(pieces) != form:
        raise CellError(f"{form} is no form of times")
    found = []
    for place, piece in enumerate(pieces):
        if not piece.startswith("%"):
            found.append(re.escape(piece).replace(r"\ ", r"\s+"))
            continue
        if piece not in _PARTS:
            raise CellError(f"{form} has a directive that is not read: {piece}")
        beside = pieces[place - 1 : place] + pieces[place + 1 : place + 2]
        packed = any(other in _PARTS and other not in {"%p", "%z", "%Z"} for other in beside)
        part = _PARTS[piece]
        found.append(r"\d{2}" if packed and part == r"\d{1,2}" else part)
    return "".join(found)


def names_zone(form: str) -> bool:
    """Whether times of the form name their zone; of ``iso`` some do."""
    return form in EPOCHS or "%z" in form or "%Z" in form


def _parsed(
    text: str, form: str, exact: re.Pattern[str] | None, named: Mapping[str, tzinfo]
) -> datetime:
    if exact is None:
        text = _NAMED_ZONE.sub("", text)
        if not _ISO.fullmatch(text):
            day_only = re.fullmatch(r"\d{4}-\d{2}-\d{2}", text)
            raise CellError(
                "not a time of the form iso" + (": it is a day without a time" if day_only else ""),
                repair='if only the day is known, say time = ["iso", "%Y-%m-%d"]'
                if day_only
                else "",
            )
        return datetime.fromisoformat(re.sub(r"\s(?=Z|[+-])", "", text).replace(",", "."))
    if not exact.fullmatch(text):
        raise not_of(form, text)
    zone = None
    if "%Z" in form:
        # strptime knows the abbreviations of this machine only, and forgets which one it read.
        name = text.rsplit(maxsplit=1)[-1]
        if name not in named:
            raise CellError("names a zone that zones does not explain", repair="add it to zones")
        zone, text, form = named[name], text[: -len(name)].strip(), form.replace("%Z", "").strip()
    moment = datetime.strptime(text, form)  # noqa: DTZ007  the zone is found below
    return moment.replace(tzinfo=zone) if zone else moment


def not_of(form: str, text: str, *, several: bool = False) -> CellError:
    """Why a text is no time of a form, with advice by what it looks like."""
    reason = f"not a time of the form{'s' if several else ''} {form}"
    if re.fullmatch(r"[34567]\d{4}(?:\.\d+)?", text.strip()):
        return CellError(
            f"{reason}: it is a day number of a spreadsheet",
            repair="format the column as date and time, and export again",
        )
    return CellError(
        reason,
        repair='if the file has several forms, list them: time = ["...", "..."]',
    )


def _located(moment: datetime, zone: tzinfo | None) -> Instant:
    if moment.tzinfo is not None:
        return _bounded(_since(moment))
    if zone is None:
        raise ZoneMissingError("names no zone", repair='say zone = "..." in the mapping')
    first, second = (_since(moment.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    back = (_EPOCH + timedelta(milliseconds=first)).astimezone(zone).replace(tzinfo=None, fold=0)
    if back != moment.replace(microsecond=moment.microsecond // 1000 * 1000):
        raise CellError("does not exist in the zone: the clocks went forward over it")
    return _bounded(first, second)


def _since(moment: datetime) -> int:
    since = moment.astimezone(UTC) - _EPOCH
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


def _bounded(time_ms: int, later_ms: int | None = None) -> Instant:
    if not EARLIEST_MS <= time_ms <= LATEST_MS:
        when = "before the year 2000" if time_ms < EARLIEST_MS else "after the year 2100"
        raise CellError(
            f"gives a time {when}",
            repair="0 stands for never, and seconds, milliseconds and microseconds differ by thousands: "
            "check time = in the mapping",
        )
    return Instant(time_ms, time_ms if later_ms is None else later_ms)


def _factor(form: str) -> Any:
    factor = EPOCHS[form]
    return number(f"{factor:.9f}") if factor < 1 else factor


def _offset(text: str) -> tzinfo:
    found = re.fullmatch(r"([+-])(\d{2}):?(\d{2})", text)
    if found is None:
        raise CellError(f"zones: {text} is no offset such as +01:00")
    minutes = int(found[2]) * 60 + int(found[3])
    return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))
