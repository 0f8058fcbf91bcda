"""Which type a column of texts has, where the type loses nothing of any text.

Account numbers keep their leading zeros and all their digits; a column is only a number if every text of it can be
written back from the number. Dates are those of ISO 8601; what fits two readings stays text.
"""

import polars as pl

_WHOLE = r"^-?(?:0|[1-9][0-9]{0,17})$"
_FRACTION = r"^-?(?:0|[1-9][0-9]{0,14})?(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,3})?$"
_SHORTENED = r"^-?[0-9](?:\.([0-9]+))?E\+([0-9]{2,3})$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}"


def typed(texts: pl.Series, missing: tuple[str, ...]) -> pl.Series:
    """A column of texts as numbers, truth values or dates, if all of its texts are such.

    Args:
        texts: of the column, without the blanks around them.
        missing: texts that mean that there is no value.
    """
    column = texts.replace(list(missing), None)
    known = column.drop_nulls()
    if not len(known):
        return column
    if known.str.contains(_WHOLE).all():
        return column.cast(pl.Int64)
    if (
        known.str.contains(_FRACTION).all()
        and known.str.contains(r"[0-9]").all()
        and not shortened(known).any()
    ):
        numbers = column.cast(pl.Float64, strict=False)
        return column if numbers.is_infinite().any() else numbers
    if known.str.to_lowercase().is_in(["true", "false"]).all():
        return column.str.to_lowercase() == "true"
    return _dated(column, known)


def shortened(texts: pl.Series) -> pl.Series:
    """Which texts a spreadsheet has shortened: 4.53E+15 has lost the last digits of an account; bool [rows]."""
    parts = texts.str.extract_groups(_SHORTENED).struct.unnest()
    kept = parts["1"].fill_null("").str.len_chars().cast(pl.Int64)
    return (kept < parts["2"].cast(pl.Int64)).fill_null(value=False)


def _dated(column: pl.Series, known: pl.Series) -> pl.Series:
    """The column as dates or moments, if all of its texts are such."""
    if known.str.contains(_DATE).all():
        read = column.str.to_date("%Y-%m-%d", strict=False)
        return read if read.null_count() == column.null_count() else column
    return _moments(column) if known.str.contains(_MOMENT).all() else column


def _moments(column: pl.Series) -> pl.Series:
    for zone in (None, "UTC"):
        try:
            read = column.str.to_datetime(strict=False, time_unit="us", time_zone=zone)
        except pl.exceptions.PolarsError:  # some name a zone and others do not
            continue
        if read.null_count() == column.null_count():
            return read
    return column
