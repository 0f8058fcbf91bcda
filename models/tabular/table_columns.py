"""Columns of any table as numbers that a tree can split on, and why one is left out.

Numbers stay as they are, texts that are amounts of money become numbers, dates become days before
the event, and texts with few values become codes in order of their share of fraud in the train part. How a
column is read is chosen once, in training, and kept in the artifact: a later table is read the same way.
"""

import re
from collections.abc import Iterable
from typing import Literal

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from forewarn.errors import ConfigurationError
from models.training.training_dataset import DAY_MS

Column = NDArray[np.float32]

Use = Literal["number", "truth", "money", "date", "codes"]

FEW_VALUES = 64
"""Up to so many different texts are categories; more are an entity or noise."""

PRIOR_ROWS = 20.0
"""How many average rows a category's share of fraud is smoothed with."""

MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?", "-")
"""Texts in a CSV that mean that there is no value."""

_GROUPED = r"\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})+,\d{3}"
"""Thousands, by threes or as in India; 0,50 is no fifty."""

_MONEY = rf"^\(?[-+]?\s*[$€£¥₹]?\s*[-+]?(?:{_GROUPED}|\d+)(\.\d+)?\s*[$€£¥₹]?\)?$"
_MARKS = r"[$€£¥₹,.]"


def money(column: pl.Series) -> pl.Series | None:
    """Texts such as ``$1,234.50`` as numbers; None if a single one is no amount.

    Texts of digits alone stay texts: they are numbers of cards and post codes.
    """
    text = column.cast(pl.String).str.strip_chars().replace("", None)
    known = text.drop_nulls()
    if not len(known) or not known.str.contains(_MONEY).all():
        return None
    if not known.str.contains(_MARKS).any():
        return None
    plain = text.str.replace_all(r"[$€£¥₹,\s()+]", "").cast(pl.Float64, strict=False)
    in_brackets = text.str.starts_with("(")  # how accountants write a negative amount
    signed = plain.to_frame("v").select(
        pl.when(in_brackets.fill_null(value=False)).then(-pl.col("v")).otherwise("v")
    )
    return signed.to_series().alias(column.name)


def codes(column: pl.Series) -> NDArray[np.int64]:
    """A number for each value in order of first appearance, -1 where it is missing."""
    text = column.cast(pl.String)
    seen = text.drop_nulls().unique(maintain_order=True)
    table = pl.DataFrame({"value": seen, "code": np.arange(len(seen))})
    joined = pl.DataFrame({"value": text}).join(
        table, on="value", how="left", maintain_order="left"
    )
    return joined["code"].fill_null(-1).to_numpy().astype(np.int64)


class ColumnSchema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a column of a table becomes numbers; part of ``table.json`` in an artifact.

    ``codes`` are those of texts: their rank by the share of fraud where the model was trained.
    """

    column: str
    use: Use
    codes: dict[str, float] = {}


def choose_schema(
    column: pl.Series,
    label: NDArray[np.int8],
    time_ms: NDArray[np.int64] | None,
    fitting: NDArray[np.bool_],
) -> tuple[ColumnSchema | None, str]:
    """How a column in order of time is read, or None and why it says nothing.

    Args:
        column: the values.
        label: 0/1 of each row, for the order of texts.
        time_ms: of each row; None if times count from an unknown start, or there are none.
        fitting: rows whose labels may be looked at, those of the train part.
    """
    known = column.drop_nulls()
    if column.dtype.is_float():
        known = known.drop_nans()
    if not len(known):
        return None, "has no values"
    if column.dtype == pl.Boolean:
        return ColumnSchema(column=column.name, use="truth"), ""
    if column.dtype in (pl.Date, pl.Datetime):
        return _dates(column, time_ms)
    if column.dtype.is_numeric():
        return _numbers(column, "number")
    if column.dtype in (pl.String, pl.Categorical, pl.Enum):
        return _texts(column, known.n_unique(), label, fitting)
    return None, f"is of a type ({column.dtype}) that is no number"


def values_of(
    schema: ColumnSchema, column: pl.Series, time_ms: NDArray[np.int64]
) -> tuple[Column, tuple[str, ...]]:
    """The numbers of a column, and its texts that have no code.

    Raises:
        ConfigurationError: if the column is not what it was when the schema was chosen.
    """
    if not column.null_count() < len(column):
        return np.full(len(column), np.nan, np.float32), ()
    if schema.use == "codes":
        return _coded(schema, column.cast(pl.String))
    if schema.use == "date":
        if column.dtype not in (pl.Date, pl.Datetime):
            raise _not_as_before(column, "dates")
        return _days_before(column, time_ms), ()
    values: pl.Series | None = column
    if column.dtype == pl.Boolean:
        values = column.cast(pl.Int8)
    elif schema.use == "money" and not column.dtype.is_numeric():
        values = money(column)
    if values is None or not values.dtype.is_numeric():
        raise _not_as_before(column, "numbers")
    numbers = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return np.where(np.isfinite(numbers), numbers, np.nan).astype(np.float32), ()


def plain_names(names: Iterable[str]) -> list[str]:
    """Names that LightGBM takes, each once: JSON's own characters and blanks become ``_``."""
    taken: set[str] = set()
    plain = []
    for name in names:
        base = re.sub(r'[\[\]{}",:\s]', "_", name) or "unnamed"
        given, number = base, 2
        while given in taken:
            given, number = f"{base}_{number}", number + 1
        taken.add(given)
        plain.append(given)
    return plain


def _texts(
    column: pl.Series, distinct: int, label: NDArray[np.int8], fitting: NDArray[np.bool_]
) -> tuple[ColumnSchema | None, str]:
    amounts = money(column)
    if amounts is not None:
        return _numbers(amounts, "money")
    if distinct > FEW_VALUES:
        return None, f"has {distinct:,} different texts; --entity would give them histories"
    ranks = _ranks(column.cast(pl.String), label, fitting)
    if not ranks:
        return None, "has no values in the train part"
    return ColumnSchema(column=column.name, use="codes", codes=ranks), ""


def _numbers(column: pl.Series, use: Use) -> tuple[ColumnSchema | None, str]:
    n, distinct = len(column), column.n_unique()
    values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
    grows = bool(np.all(np.diff(values) >= 0))
    if column.dtype.is_integer() and distinct == n > 1:
        dense = int(values.max()) - int(values.min()) < 2 * n
        if grows or dense or column.name.lower().endswith("id"):
            return None, "is a number of the row"
    if distinct > 1 and grows:
        return None, "only grows with time: a split on it is a date, which never comes again"
    return ColumnSchema(column=column.name, use=use), ""


def _dates(column: pl.Series, time_ms: NDArray[np.int64] | None) -> tuple[ColumnSchema | None, str]:
    if time_ms is None:
        return None, "is a date, while the times of the events have none"
    days = _days_before(column, time_ms)
    if np.nanmax(days) - np.nanmin(days) < 1.0:
        return None, "is the time of the event once more"
    return ColumnSchema(column=column.name, use="date"), ""


def _days_before(column: pl.Series, time_ms: NDArray[np.int64]) -> Column:
    moment = column.cast(pl.Datetime("ms")).to_physical().cast(pl.Float64).fill_null(np.nan)
    return np.asarray((time_ms - moment.to_numpy()) / DAY_MS, np.float32)


def _ranks(
    text: pl.Series, label: NDArray[np.int8], fitting: NDArray[np.bool_]
) -> dict[str, float]:
    """Texts in order of their share of fraud in the train part, so that one split parts the worse half."""
    usual = float(label[fitting].mean()) if fitting.any() else 0.0
    counted = (
        pl.DataFrame({"text": text, "fraud": label})
        .filter(pl.Series(fitting) & pl.col("text").is_not_null())
        .group_by("text")
        .agg(share=(pl.col("fraud").sum() + PRIOR_ROWS * usual) / (pl.len() + PRIOR_ROWS))
        .sort("share", "text")
    )
    return {text: float(rank) for rank, text in enumerate(counted["text"].to_list())}


def _coded(schema: ColumnSchema, text: pl.Series) -> tuple[Column, tuple[str, ...]]:
    table = pl.DataFrame(
        {"text": list(schema.codes), "rank": list(schema.codes.values())},
        schema={"text": pl.String, "rank": pl.Float64},
    )
    joined = pl.DataFrame({"text": text}).join(table, on="text", how="left", maintain_order="left")
    unknown = joined.filter(pl.col("rank").is_null() & pl.col("text").is_not_null())["text"]
    column = joined["rank"].fill_null(np.nan).to_numpy().astype(np.float32)
    return column, tuple(unknown.unique(maintain_order=True).to_list())


def _not_as_before(column: pl.Series, what: str) -> ConfigurationError:
    some = ", ".join(repr(value) for value in column.drop_nulls().unique()[:3])
    return ConfigurationError(
        f"{column.name} held {what} where the model was trained, it holds: {some}.",
        hint="Give the column as it was, or train again.",
    )
