"""Read any column of times: report how it was understood, and ask for a unit where that is unclear.

A wrong guess does not fail: hours taken for days give an embargo, windows and weekdays of another
world, and figures that look fine. So numbers that could mean several things need ``--time-unit``.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forewarn.errors import ConfigurationError
from models.training.training_dataset import DAY_MS, HOUR_MS

TimeUnit = Literal[
    "auto", "months", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds",
    "yyyymmdd",
]  # fmt: skip
UNITS: tuple[TimeUnit, ...] = get_args(TimeUnit)

_MS = {
    "months": DAY_MS * 365.2425 / 12, "days": float(DAY_MS), "hours": float(HOUR_MS), "minutes": 60_000.0, "seconds": 1_000.0,
    "milliseconds": 1.0, "microseconds": 1e-3, "nanoseconds": 1e-6,
}  # fmt: skip

_TEXTS = (
    "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y",
)  # fmt: skip
"""Tried in this order where a column is not in ISO 8601; a format has to fit every row."""

_ISO = r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCKS = (" %H:%M:%S", " %H:%M", "")
_DAY_ORDERS = {"MM/DD/YYYY": "%m/%d/%Y", "DD/MM/YYYY": "%d/%m/%Y"}
"""Two readings that may both fit every row; then only the user knows."""

_LAST_MS = 4_102_444_800_000  # 2100-01-01
_LONGEST_DAYS = 50 * 365
"""No table holds fifty years of transactions: some of the times are placeholders."""

_UNIT_WORDS: dict[str, TimeUnit] = {
    "month": "months", "day": "days", "hour": "hours", "minute": "minutes", "second": "seconds",
}  # fmt: skip

_SIZES: tuple[tuple[float, TimeUnit], ...] = (
    (1e17, "nanoseconds"), (1e14, "microseconds"), (1e11, "milliseconds"),
)  # fmt: skip
"""Numbers above such a size are moments since 1970 in this unit; others above ``_EPOCH`` are in seconds."""

_SERIALS = (36_526.0, 73_051.0)
"""Days since 1900 as spreadsheets count them, from 2000 to 2100."""

_SERIAL_HINT = (
    "If they are dates of a spreadsheet, format the column as yyyy-mm-dd hh:mm:ss and export it again; otherwise say "
    "--time-unit days, hours, minutes or seconds."
)

_EPOCH = 1e8
"""From here on a number is a moment (1973 in seconds), below it counts from an unknown start."""


@dataclass(frozen=True, slots=True)
class Times:
    """UTC milliseconds of every row; ``meaning`` says how they were understood.

    ``dated`` is False for numbers that count from an unknown start. ``unit`` and ``form`` are those with which
    a later table of the same kind is read.
    """

    time_ms: NDArray[np.int64]
    dated: bool
    meaning: str
    unit: TimeUnit = "auto"
    form: str = ""

    def in_order(self, order: NDArray[np.int64]) -> "Times":
        """The times in another order of the rows."""
        return replace(self, time_ms=self.time_ms[order])


def no_times(rows: int) -> Times:
    """What stands for the times of a table that has none."""
    return Times(np.zeros(rows, np.int64), False, "no times")


def moment_ms(text: str, times: Times, option: str) -> int:
    """A moment of the command line on the scale of a table's times, in milliseconds.

    Args:
        text: a date or a moment in ISO 8601 (UTC unless it names a zone), or a number in the unit of times
            that count from an unknown start.
        times: of the table.
        option: which is read, for the error.

    Raises:
        ConfigurationError: if the text is neither.
    """
    try:
        if not times.dated and times.unit != "auto":
            return round(float(text) * _MS[times.unit])
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        wanted = "a date such as 2024-01-31" if times.dated else f"a number of {times.unit}"
        raise ConfigurationError(f"{option} is {text!r}.", hint=f"Give {wanted}.") from error
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(zoned.timestamp() * 1000)


def read_times(column: pl.Series, unit: TimeUnit = "auto", form: str = "") -> Times:
    """Read a column of times.

    Args:
        column: of dates, texts or numbers.
        unit: of numbers.
        form: of texts, as of ``strptime``; empty: ISO 8601, or the only usual form that fits every row.

    Dates and ISO texts are taken as UTC unless they name a zone. ``auto`` tells moments in seconds,
    milliseconds, microseconds and nanoseconds since 1970 apart by their size, and numbers such as
    20240131 by being dates; smaller numbers count from an unknown start, in the unit that the column's
    name gives, or in seconds if they span a day as seconds.

    Raises:
        ConfigurationError: for missing values, for a year that cannot be, if the unit is unclear, or if two
            forms of dates fit.
    """
    name = column.name
    if unit not in UNITS:
        raise ConfigurationError(f"--time-unit is one of {', '.join(UNITS)}")
    if column.dtype in (pl.Time, pl.Duration):
        raise ConfigurationError(
            f"{name} ({column.dtype}) has no date",
            hint="Put date and time of day into one column.",
        )
    if column.dtype.is_float():
        column = column.fill_nan(None)
    if column.dtype == pl.String:
        column, form = (_of_form(column, form), form) if form else _of_texts(column)
    else:
        form = ""
    if column.null_count():
        raise ConfigurationError(
            f"{column.null_count()} rows have no readable time in {name}",
            hint="Times are ISO texts, dates, or numbers; drop the rows without one.",
        )
    if column.dtype.is_temporal():
        if "%Y" in form and _short_years(column):
            raise ConfigurationError(
                f"{name} has years of two digits: say in which place.",
                hint=f"Give --time-form '{form.replace('%Y', '%y')}'.",
            )
        moments = column.cast(pl.Datetime("ms")).to_physical().to_numpy().astype(np.int64)
        return replace(_dated(name, moments, "dates"), form=form)
    if not column.dtype.is_numeric():
        raise ConfigurationError(f"{name} ({column.dtype}) is no column of times")
    return _of_numbers(name, column.cast(pl.Float64).to_numpy(), unit)


def _of_texts(column: pl.Series) -> tuple[pl.Series, str]:
    """Texts as moments with their form, or as numbers where all of them are digits; null where neither."""
    numbers = column.cast(pl.Float64, strict=False)
    if numbers.null_count() == column.null_count():
        return numbers, ""
    best, best_form = pl.Series(column.name, [None] * len(column), dtype=pl.Datetime("ms")), ""
    # Left to itself, polars takes 03/04/2026 for the third of April.
    iso = column.set(~column.str.contains(_ISO).fill_null(value=False), None)
    for form in (None, *_TEXTS):
        for zone in (None, "UTC"):
            try:
                read = (iso if form is None else column).str.to_datetime(
                    form, strict=False, time_unit="ms", time_zone=zone
                )
            except pl.exceptions.PolarsError:  # not one text looks like a time
                continue
            if read.null_count() < best.null_count():
                best = read.dt.replace_time_zone(None) if zone else read
                best_form = form or ""
        if best.null_count() == column.null_count():
            return best, best_form
    return _of_day_orders(column, best)


def _of_day_orders(column: pl.Series, best: pl.Series) -> tuple[pl.Series, str]:
    """Texts with the day or the month first: the one order that fits every row."""
    fitting = {}
    for name, order in _DAY_ORDERS.items():
        for clock in _CLOCKS:
            read = _of_form(column, order + clock)
            if read.null_count() == column.null_count():
                fitting[name] = (order + clock, read)
            elif read.null_count() < best.null_count():
                best = read
    if len(fitting) > 1:
        first, read = next(iter(fitting.values()))
        first = first.replace("%Y", "%y") if _short_years(read) else first
        raise ConfigurationError(
            f"{column.name} fits {' and '.join(fitting)}: say which.",
            hint=f"Give --time-form '{first}'.",
        )
    for form, read in fitting.values():
        return read, form
    return best, ""


def _short_years(column: pl.Series) -> bool:
    """Whether a form with four digits of the year read years such as 26."""
    years = column.dt.year().drop_nulls()
    return bool(len(years)) and bool((years < 100).all())


def _of_form(column: pl.Series, form: str) -> pl.Series:
    try:
        return column.str.to_datetime(form, strict=False, time_unit="ms")
    except pl.exceptions.PolarsError:  # not one text looks like it
        return pl.Series(column.name, [None] * len(column), dtype=pl.Datetime("ms"))


def _of_numbers(name: str, values: NDArray[np.float64], unit: TimeUnit) -> Times:
    largest = float(values.max()) if len(values) else 0.0
    if unit == "yyyymmdd" or (unit == "auto" and _look_like_dates(values)):
        return replace(_dated(name, _of_dates(name, values), "dates as numbers"), unit="yyyymmdd")
    if unit == "auto" and largest > _EPOCH:
        found: TimeUnit = next((one for size, one in _SIZES if largest > size), "seconds")
        return replace(_dated(name, _scaled(values, found), f"{found} since 1970"), unit=found)
    chosen = unit if unit != "auto" else _unit_of_name(name)
    if chosen == "auto" and np.ptp(values) * _MS["seconds"] < DAY_MS:
        raise ConfigurationError(
            f"numbers from {values.min():g} to {largest:g} in {name} count from an unknown start, and "
            "it is not clear what they count",
            hint=_SERIAL_HINT
            if _SERIALS[0] <= values.min() and largest <= _SERIALS[1]
            else "Say --time-unit days, hours, minutes or seconds.",
        )
    chosen = "seconds" if chosen == "auto" else chosen
    time_ms = _scaled(values, chosen)
    if abs(largest) * _MS[chosen] > _EPOCH * _MS["seconds"]:
        return replace(_dated(name, time_ms, f"{chosen} since 1970"), unit=chosen)
    days = np.ptp(time_ms) / DAY_MS if len(time_ms) else 0.0
    _plausible(name, time_ms, days)
    meaning = f"{chosen} since an unknown start, {days:,.1f} days in all"
    return Times(time_ms, False, meaning, unit=chosen)


def _scaled(values: NDArray[np.float64], unit: str) -> NDArray[np.int64]:
    return np.asarray(np.round(values * _MS[unit]), np.int64)


def _unit_of_name(name: str) -> TimeUnit:
    """The unit that a column's name gives, or auto."""
    plain = name.lower()
    return next((unit for word, unit in _UNIT_WORDS.items() if word in plain), "auto")


def _look_like_dates(values: NDArray[np.float64]) -> bool:
    if not len(values) or values.min() < 19_700_101 or values.max() > 21_001_231:
        return False
    whole = values.astype(np.int64)
    month, day = whole // 100 % 100, whole % 100
    sound = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (whole == values)
    return bool(sound.all())


def _of_dates(name: str, values: NDArray[np.float64]) -> NDArray[np.int64]:
    texts = pl.Series(name, values.astype(np.int64)).cast(pl.String)
    dates = texts.str.to_date("%Y%m%d", strict=False)
    if dates.null_count():
        raise ConfigurationError(f"{dates.null_count()} numbers in {name} are no dates (20240131)")
    return dates.cast(pl.Datetime("ms")).to_physical().to_numpy().astype(np.int64)


def _dated(name: str, time_ms: NDArray[np.int64], what: str) -> Times:
    days = np.ptp(time_ms) / DAY_MS if len(time_ms) else 0.0
    _plausible(name, time_ms, days)
    if not len(time_ms):
        return Times(time_ms, True, what)
    return Times(
        time_ms, True, f"{what}: {_written(time_ms.min())} to {_written(time_ms.max())} UTC"
    )


def _plausible(name: str, time_ms: NDArray[np.int64], days: float) -> None:
    """Refuse a period that cannot be."""
    odd = int(((time_ms < 0) | (time_ms >= _LAST_MS)).sum())
    if odd or days > _LONGEST_DAYS:
        span = f"{_written(time_ms.min())} to {_written(time_ms.max())}"
        raise ConfigurationError(
            f"{name} would be a period from {span}",
            hint="Give the unit with --time-unit, and drop rows whose time is a placeholder.",
        )


def _written(time_ms: float) -> str:
    try:
        return f"{datetime.fromtimestamp(int(time_ms) / 1000, UTC):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return f"{int(time_ms)} ms since 1970"
