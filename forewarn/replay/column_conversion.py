"""Whole columns at once: the plain spellings by polars, every other cell by the one-cell functions.

A column of texts becomes a list of values in which a :class:`CellError` stands for a cell that does not
convert. What polars decides here, ``forewarn.replay.cell_conversion`` and ``time_conversion`` decide alike;
a test compares them.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from forewarn.contracts import EARLIEST_MS, LATEST_MS
from forewarn.replay import cell_conversion
from forewarn.replay.cell_error import CellError
from forewarn.replay.time_conversion import (
    EPOCHS,
    DayOrderError,
    Instant,
    instant,
    not_of,
    pattern_of,
)

Quick = Callable[[pl.Series], pl.Series]

REMEMBERED = 100_000
"""Cells of one column whose value is kept, since most cells repeat."""

WRONG = "?"
"""Stands for a number that is none where null means that it was withheld; no contract takes it."""

_VECTORISED = frozenset({"%Y", "%m", "%d", "%H", "%M", "%S"})


class Cached(dict[str, Any]):
    """Remembers what a one-cell function made of a text; refusals are values too."""

    def __init__(self, convert: Callable[[str], object]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, text: str) -> object:
        if len(self) >= REMEMBERED:
            self.clear()
        try:
            value = self._convert(text)
        except CellError as error:
            value = error
        self[text] = value
        return value


class ColumnConvert:
    """Converts the texts of a column.

    Args:
        cell: converts one text, or raises CellError.
        dtype: of the values as a polars column; None: as they come.
        quick: values of plain texts, null for all others.
        wrong: the value that stands for a refusal in a polars column.
    """

    def __init__(
        self,
        cell: Callable[[str], object],
        dtype: pl.DataType | type[pl.DataType] | None = None,
        quick: Quick | None = None,
        wrong: str | None = None,
    ) -> None:
        self._cached, self._dtype, self._quick, self._wrong = Cached(cell), dtype, quick, wrong

    def column(self, texts: Sequence[str]) -> list[Any]:
        """The value of each text, or the CellError that refuses it."""
        if self._quick is None:
            return [self._cached[text] for text in texts]
        found = self._quick(pl.Series(texts, dtype=pl.String))
        values = found.to_list()
        for place in found.is_null().arg_true().to_list():
            values[place] = self._cached[texts[place]]
        return values

    def series(self, texts: pl.Series) -> pl.Series:
        """The values that need nothing settled with other fields; null for all others.

        Texts that are null or empty have no value here.
        """
        found = None if self._quick is None else self._quick(texts)
        undecided = texts if found is None else texts.filter(found.is_null())
        distinct = undecided.drop_nulls().unique().to_list()
        if not distinct:
            return pl.Series([None] * len(texts)) if found is None else found
        values = [self._settled(self._cached[text]) if text else None for text in distinct]
        slow = pl.Series(values, dtype=self._dtype, strict=False)
        keys = pl.Series(distinct, dtype=pl.String)
        looked = texts.replace_strict(keys, slow, default=None, return_dtype=slow.dtype)
        return looked if found is None else found.zip_with(found.is_not_null(), looked)

    def _settled(self, value: object) -> object:
        if isinstance(value, CellError):
            return self._wrong
        return value if isinstance(value, int | str) else None


def by_cell(cell: Callable[[str], object], dtype: type[pl.DataType] | None = None) -> ColumnConvert:
    """A column by its cells, each distinct one once."""
    return ColumnConvert(cell, dtype)


def times(
    forms: Sequence[str], zone: tzinfo | None, zones: dict[str, str] | None = None
) -> ColumnConvert:
    """Texts to :class:`Instant`; the first form that a text fills exactly is the one that is meant."""
    converters = [instant(form, zone, zones) for form in forms]

    others = [instant(other, zone, zones) for other in map(_swapped, forms) if other]

    def cell(text: str) -> Instant:
        first: CellError | None = None
        for one in converters:
            try:
                return one(text)
            except CellError as error:
                first = first or error
        if any(_fits(other, text) for other in others):
            raise DayOrderError("has a date that only fits with day and month the other way round")
        if len(forms) == 1 and first:
            raise first
        raise not_of(", ".join(forms), text, several=len(forms) > 1)

    quick = [each for each in (_quick_time(form, zone) for form in forms) if each is not None]

    def column(texts: pl.Series) -> pl.Series:
        found = quick[0](texts)
        for other in quick[1:]:
            if not found.null_count():
                break
            found = found.zip_with(found.is_not_null(), other(texts))
        return found

    return ColumnConvert(cell, pl.Int64, column if quick else None)


def _fits(convert: Callable[[str], Instant], text: str) -> bool:
    try:
        convert(text)
    except CellError:
        return False
    return True


def _swapped(form: str) -> str:
    """A form with day and month in the other order, or nothing if the order is plain."""
    order = re.search(r"%d[./-]%m|%m[./-]%d", form)
    if order is None or "%d.%m" in form or form.startswith("%Y"):
        return ""
    first, second = order[0][:2], order[0][-2:]
    return form.replace(order[0], second + order[0][2] + first)


def amounts(decimals: int, decimal_sign: str, *, grouped: bool = True) -> ColumnConvert:
    """Texts to pairs of signed minor units and currency sign; plain unsigned ones to their minor units."""
    point = re.escape(decimal_sign)
    plain = rf"^[0-9]{{1,14}}(?:{point}[0-9]{{1,{decimals}}})?$" if decimals else r"^[0-9]{1,15}$"

    def quick(texts: pl.Series) -> pl.Series:
        kept = _matching(texts, plain).alias("t").to_frame()
        parts = kept.select(pl.col("t").str.split_exact(decimal_sign, 1).struct.unnest())
        minor: pl.Series = parts["field_0"].cast(pl.Int64, strict=False) * 10**decimals
        if not decimals:
            return minor
        fraction = parts["field_1"].fill_null("").str.pad_end(decimals, "0")
        return minor + fraction.cast(pl.Int64, strict=False)

    def cell(text: str) -> tuple[int, str]:
        if decimals == 0 and re.search(rf"{point}\d{{1,2}}(?!\d)", text):
            raise CellError(
                "has a fraction, and decimals = 0 says that amounts have none",
                repair="say decimals = 2 if the file counts in yuan, euro or dollars",
            )
        return cell_conversion.amount(text, decimals, decimal_sign, grouped=grouped)

    return ColumnConvert(cell, pl.Int64, quick)


def numbers(factor: int) -> ColumnConvert:
    """Texts to whole numbers times a factor."""
    return ColumnConvert(
        lambda text: cell_conversion.duration(text, factor),
        pl.Int64,
        lambda texts: texts.str.extract(r"^([0-9]{1,12})$").cast(pl.Int64, strict=False) * factor,
    )


def phones(region: str | None, *, may_be_withheld: bool) -> ColumnConvert:
    """Texts to one spelling a party; None for a number that was withheld."""
    quick = None
    if region == "CN":

        def quick(texts: pl.Series) -> pl.Series:
            found = "+86" + texts.str.extract(r"^(?:\+?86|0086|0)?(1[3-9][0-9]{9})$")
            if not found.null_count():
                return found
            fixed = "+86" + texts.str.extract(
                r"^(?:\+86|0086|0)(10[0-9]{8}|2[0-9]{9}|(?:[3-8][0-9]|9[0-46-9])[0-9]{8,9}|95[1-9][0-9]{7,8})$"
            )
            return found.zip_with(found.is_not_null(), fixed)

    cell = cell_conversion.phone(region, may_be_withheld=may_be_withheld)
    return ColumnConvert(cell, pl.String, quick, WRONG if may_be_withheld else None)


def accounts() -> ColumnConvert:
    """Texts to accounts, cards and wallets."""
    plain = r"^(?:[0-9]{1,64}|[A-Za-z][A-Za-z0-9@._-]{0,63})$"
    small_iban = r"^(?i:iban)|^[A-Za-z]{2}[0-9]{2}[A-Z0-9]*[a-z]|^[A-Z]?[a-z][A-Za-z]?[0-9]{2}"
    closer = f"{cell_conversion.MASKED}|{small_iban}"

    def quick(texts: pl.Series) -> pl.Series:
        found = _matching(texts, plain)
        return found.set(found.str.contains(closer).fill_null(value=False), None)

    return ColumnConvert(cell_conversion.account, pl.String, quick)


def _quick_time(form: str, zone: tzinfo | None) -> Quick | None:
    """Milliseconds of the texts whose time is plain and happened once; null for all others."""
    if form in EPOCHS:
        factor = EPOCHS[form]
        if factor < 1:
            return None
        return lambda texts: _in_bounds(
            texts.str.extract(r"^([0-9]{1,14})$").cast(pl.Int64, strict=False) * int(factor)
        )
    if form == "iso":
        return _quick_iso(zone)
    pieces = re.findall(r"%.|[^%]+", form)
    if (
        not {piece for piece in pieces if piece.startswith("%")} <= _VECTORISED
        or "%H" not in pieces
    ):
        return None
    local = _local(zone)
    if local is None:
        return None
    pattern = (
        f"^{pattern_of(form)}$".replace(r"\d{1,2}", r"\d{2}")
        .replace(r"\d", "[0-9]")
        .replace(r"\s+", " ")
    )
    return lambda texts: _in_bounds(
        local(_matching(texts, pattern).str.to_datetime(form, time_unit="ms", strict=False))
    )


def _quick_iso(zone: tzinfo | None) -> Callable[[pl.Series], pl.Series]:
    local = _local(zone)
    body = r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})"

    def convert(texts: pl.Series) -> pl.Series:
        naive = _matching(texts, f"^{body}$")
        if local is not None and naive.null_count() < len(texts):
            plain = naive.str.replace("T", " ", literal=True)
            return _in_bounds(
                local(plain.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="ms", strict=False))
            )
        aware = _matching(texts, rf"^{body}(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})$")
        if aware.null_count() == len(texts):
            return pl.Series([None] * len(texts), dtype=pl.Int64)
        plain = aware.str.replace("Z", "+00:00", literal=True).str.replace(" ", "T", literal=True)
        read = plain.str.to_datetime(
            "%Y-%m-%dT%H:%M:%S%:z", time_unit="ms", time_zone="UTC", strict=False
        )
        return _in_bounds(read.dt.epoch("ms"))

    return convert


def _local(zone: tzinfo | None) -> Callable[[pl.Series], pl.Series] | None:
    """Local times to milliseconds; null where the reading is doubled or missing."""
    if zone is UTC:
        return lambda moments: moments.dt.epoch("ms")
    if not isinstance(zone, ZoneInfo):
        return None
    offset = _steady_offset_ms(zone)
    if offset is not None:
        return lambda moments: moments.dt.epoch("ms") - offset
    return lambda moments: moments.dt.replace_time_zone(
        zone.key, ambiguous="null", non_existent="null"
    ).dt.epoch("ms")


def _steady_offset_ms(zone: ZoneInfo) -> int | None:
    """The offset of a zone whose clocks have not been changed since the first time that is accepted."""
    first = datetime.fromtimestamp(EARLIEST_MS / 1000, UTC)
    days = (datetime.fromtimestamp(LATEST_MS / 1000, UTC) - first).days
    offsets = {
        (first + timedelta(days=day)).astimezone(zone).utcoffset() for day in range(0, days, 20)
    }
    if len(offsets) != 1:
        return None
    only = offsets.pop()
    return None if only is None else int(only.total_seconds() * 1000)


def _matching(texts: pl.Series, pattern: str) -> pl.Series:
    return texts.to_frame("t").select(pl.when(pl.col("t").str.contains(pattern)).then(pl.col("t")))[
        "t"
    ]


def _in_bounds(moments: pl.Series) -> pl.Series:
    return moments.to_frame("t").select(
        pl.when(pl.col("t").is_between(EARLIEST_MS, LATEST_MS)).then(pl.col("t"))
    )["t"]
