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
from forewarn.replay.time_conversion import EPOCHS, Instant, instant, pattern_of

ColumnConvert = Callable[[Sequence[str]], list[Any]]

REMEMBERED = 100_000
"""Cells of one column whose value is kept, since most cells repeat."""

_VECTORISED = frozenset({"%Y", "%m", "%d", "%H", "%M", "%S"})


class Cached(dict[str, Any]):
    """Remembers what a one-cell function made of a text; refusals are values too."""

    def __init__(self, convert: Callable[[str], Any]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, text: str) -> Any:
        if len(self) >= REMEMBERED:
            self.clear()
        try:
            value = self._convert(text)
        except CellError as error:
            value = error
        self[text] = value
        return value

    def column(self, texts: Sequence[str]) -> list[Any]:
        """The values of a column."""
        return [self[text] for text in texts]


def by_cell(convert: Callable[[str], Any]) -> ColumnConvert:
    """A column by its cells, each distinct one once."""
    return Cached(convert).column


def times(
    forms: Sequence[str], zone: tzinfo | None, zones: dict[str, str] | None = None
) -> ColumnConvert:
    """Texts to :class:`Instant`; the first form that a text fills exactly is the one that is meant."""
    converters = [instant(form, zone, zones) for form in forms]

    def convert(text: str) -> Instant:
        first: CellError | None = None
        for one in converters:
            try:
                return one(text)
            except CellError as error:
                first = first or error
        raise (
            first
            if len(forms) == 1 and first
            else CellError(f"not a time of the forms {', '.join(forms)}")
        )

    cached = Cached(convert)
    quick = _quick_time(forms[0], zone)
    if quick is None:
        return cached.column

    def column(texts: Sequence[str]) -> list[Any]:
        return _completed(quick(pl.Series(texts, dtype=pl.String)), texts, cached)

    return column


def amounts(decimals: int, decimal_sign: str) -> ColumnConvert:
    """Texts to pairs of signed minor units and currency sign; plain unsigned ones to their minor units."""
    cached = Cached(lambda text: cell_conversion.amount(text, decimals, decimal_sign))
    point = re.escape(decimal_sign)
    plain = rf"^\d{{1,14}}(?:{point}\d{{1,{decimals}}})?$" if decimals else r"^\d{1,15}$"

    def column(texts: Sequence[str]) -> list[Any]:
        series = pl.Series(texts, dtype=pl.String)
        kept = series.to_frame("t").select(
            pl.when(pl.col("t").str.contains(plain)).then(pl.col("t")).alias("t")
        )
        parts = kept.select(pl.col("t").str.split_exact(decimal_sign, 1).struct.unnest())
        whole = parts["field_0"].cast(pl.Int64, strict=False)
        fraction = parts["field_1"].fill_null("").str.pad_end(decimals, "0").str.head(decimals)
        minor = whole * 10**decimals + (fraction.cast(pl.Int64, strict=False) if decimals else 0)
        return _completed(minor, texts, cached)

    return column


def numbers(factor: int) -> ColumnConvert:
    """Texts to whole numbers times a factor."""
    cached = Cached(lambda text: cell_conversion.duration(text, factor))

    def column(texts: Sequence[str]) -> list[Any]:
        series = pl.Series(texts, dtype=pl.String)
        plain = series.str.extract(r"^(\d{1,12})$").cast(pl.Int64, strict=False) * factor
        return _completed(plain, texts, cached)

    return column


def phones(region: str | None, *, may_be_withheld: bool) -> ColumnConvert:
    """Texts to one spelling a party; None for a number that was withheld."""
    cached = Cached(cell_conversion.phone(region, may_be_withheld=may_be_withheld))
    if region != "CN":
        return cached.column

    def column(texts: Sequence[str]) -> list[Any]:
        series = pl.Series(texts, dtype=pl.String)
        mobile = "+86" + series.str.extract(r"^(?:\+?86|0086|0)?(1[3-9]\d{9})$")
        return _completed(mobile, texts, cached)

    return column


def _completed(quick: pl.Series, texts: Sequence[str], cached: Cached) -> list[Any]:
    """The quick values, and the slow ones where there is none."""
    values = quick.to_list()
    if quick.null_count():
        for place in quick.is_null().arg_true().to_list():
            values[place] = cached[texts[place]]
    return values


def _quick_time(form: str, zone: tzinfo | None) -> Callable[[pl.Series], pl.Series] | None:
    """Milliseconds of the texts whose time is plain and happened once; null for all others."""
    if form in EPOCHS:
        factor = EPOCHS[form]
        if factor < 1:
            return None
        return lambda texts: _in_bounds(
            texts.str.extract(r"^(\d{1,14})$").cast(pl.Int64, strict=False) * int(factor)
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
    pattern = f"^{pattern_of(form)}$".replace(r"\d{1,2}", r"\d{2}").replace(r"\s+", " ")
    return lambda texts: _in_bounds(
        local(_matching(texts, pattern).str.to_datetime(form, time_unit="ms", strict=False))
    )


def _quick_iso(zone: tzinfo | None) -> Callable[[pl.Series], pl.Series]:
    local = _local(zone)
    body = r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})"

    def convert(texts: pl.Series) -> pl.Series:
        naive = _matching(texts, f"^{body}$")
        if local is not None and naive.null_count() < len(texts):
            plain = naive.str.replace("T", " ", literal=True)
            return _in_bounds(
                local(plain.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="ms", strict=False))
            )
        aware = _matching(texts, rf"^{body}(?:Z|[+-]\d{{2}}:\d{{2}})$")
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
