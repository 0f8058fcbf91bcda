"""Columns of any table as numbers that a tree can split on, and why one is left out.

Numbers stay as they are, texts that are amounts of money become numbers, dates become days before
the event, and texts with few values become codes in order of their early share of fraud.
"""

import re
from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.training.training_dataset import DAY_MS

Column = NDArray[np.float32]

FEW_VALUES = 64
"""Up to so many different texts are categories; more are an entity or noise."""

SEEN_SHARE = 0.5
"""Categories that do not occur in the first half of the period count as missing: unseen later. Their
order comes from the labels of that half, too."""

PRIOR_ROWS = 20.0
"""How many average rows a category's share of fraud is smoothed with."""

MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?", "-")
"""Texts in a CSV that mean that there is no value."""

_MONEY = r"^\(?[-+]?\s*[$€£¥₹]?\s*[-+]?\d[\d,]*(\.\d+)?\s*[$€£¥₹]?\)?$"
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


def as_numbers(
    column: pl.Series, label: NDArray[np.int8], time_ms: NDArray[np.int64] | None
) -> tuple[Column | None, str]:
    """A column in order of time as numbers, or None and why it says nothing.

    Args:
        column: the values.
        label: 0/1 of each row, for the order of categories.
        time_ms: of each row; None if times count from an unknown start.
    """
    known = column.drop_nulls()
    if column.dtype.is_float():
        known = known.drop_nans()
    if not len(known):
        return None, "has no values"
    if column.dtype == pl.Boolean:
        column = column.cast(pl.Int8)
    if column.dtype in (pl.Date, pl.Datetime):
        return _days_before(column, time_ms)
    if column.dtype.is_numeric():
        return _numbers(column)
    if column.dtype in (pl.String, pl.Categorical, pl.Enum):
        return _texts(column, known.n_unique(), label)
    return None, f"is of a type ({column.dtype}) that is no number"


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


def _texts(column: pl.Series, distinct: int, label: NDArray[np.int8]) -> tuple[Column | None, str]:
    amounts = money(column)
    if amounts is not None:
        return _numbers(amounts)
    if distinct > FEW_VALUES:
        return None, f"has {distinct:,} different texts; --entity would give them histories"
    return _ordered(codes(column), label), ""


def _numbers(column: pl.Series) -> tuple[Column | None, str]:
    n, distinct = len(column), column.n_unique()
    values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
    grows = bool(np.all(np.diff(values) >= 0))
    if column.dtype.is_integer() and distinct == n > 1:
        dense = int(values.max()) - int(values.min()) < 2 * n
        if grows or dense or column.name.lower().endswith("id"):
            return None, "is a number of the row"
    if distinct > 1 and grows:
        return None, "only grows with time: a split on it is a date, which never comes again"
    return np.where(np.isfinite(values), values, np.nan).astype(np.float32), ""


def _days_before(column: pl.Series, time_ms: NDArray[np.int64] | None) -> tuple[Column | None, str]:
    if time_ms is None:
        return None, "is a date, while the times of the events have none"
    moment = column.cast(pl.Datetime("ms")).to_physical().cast(pl.Float64).fill_null(np.nan)
    days = (time_ms - moment.to_numpy()) / DAY_MS
    spread = np.nanmax(days) - np.nanmin(days)
    if spread < 1.0:
        return None, "is the time of the event once more"
    return days.astype(np.float32), ""


def _ordered(code: NDArray[np.int64], label: NDArray[np.int8]) -> Column:
    """Codes in order of the share of fraud in the first half, so that one split parts the worse half."""
    early = slice(0, max(1, int(len(code) * SEEN_SHARE)))
    rows = np.flatnonzero(code[early] >= 0)
    size = int(code.max()) + 1
    count = np.bincount(code[rows], minlength=size)
    frauds = np.bincount(code[rows], weights=label[rows], minlength=size)
    usual = label[early].mean()
    share = (frauds + PRIOR_ROWS * usual) / (count + PRIOR_ROWS)
    order = np.lexsort((np.arange(size), share))
    rank = np.empty(size + 1)
    rank[order] = np.arange(size)
    rank[:size][count == 0] = np.nan
    rank[size] = np.nan  # what code -1 takes
    return rank[code].astype(np.float32)
