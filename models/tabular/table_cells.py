"""The label, the amount and the group of each row of a table, or an error that says what to change."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forewarn.errors import ConfigurationError
from models.tabular.table_columns import money

_ANSWERS = {"yes": 1.0, "no": 0.0, "y": 1.0, "n": 0.0, "true": 1.0, "false": 0.0}


def read_labels(column: pl.Series) -> NDArray[np.int8]:
    """Labels as 0 and 1.

    Raises:
        ConfigurationError: for a row without a label, or labels that are neither.
    """
    labels = known_labels(column)
    missing = int((labels < 0).sum())
    if missing:
        raise ConfigurationError(
            f"{missing} of {len(column)} rows have no label in {column.name}.",
            hint="Drop them, or fill in 0 if no complaint came within the label delay.",
        )
    return labels


def known_labels(column: pl.Series) -> NDArray[np.int8]:
    """Labels as 0 and 1, -1 where a row has none.

    Raises:
        ConfigurationError: for labels that are neither.
    """
    if column.dtype.is_float():
        column = column.fill_nan(None)
    values = column.cast(pl.Float64, strict=False)
    if column.dtype == pl.String and values.null_count() == len(column):
        said = column.str.strip_chars().str.to_lowercase()
        values = said.replace_strict(_ANSWERS, default=None, return_dtype=pl.Float64)
    if values.null_count() != column.null_count() or not set(values.drop_nulls().unique()) <= {
        0.0,
        1.0,
    }:
        some = ", ".join(str(value) for value in column.drop_nulls().unique()[:5])
        raise ConfigurationError(
            f"labels in {column.name} must be 0 and 1, there are: {some}.",
            hint="Turn fraud into 1 and everything else into 0.",
        )
    return values.fill_null(-1.0).to_numpy().astype(np.int8)


def read_amounts(column: pl.Series) -> pl.Series:
    """Amounts as numbers.

    Raises:
        ConfigurationError: for a text that is no amount.
    """
    if column.null_count() == len(column):
        return column.cast(pl.Float64)
    values = column if column.dtype.is_numeric() else money(column)
    if values is None and column.dtype == pl.String:
        read = column.str.strip_chars().cast(pl.Float64, strict=False)
        values = read if read.null_count() == column.null_count() else None
    if values is None:
        some = ", ".join(repr(value) for value in column.drop_nulls().unique()[:5])
        raise ConfigurationError(
            f"{column.name} is no column of amounts, it holds: {some}.",
            hint="Give amounts as numbers, or as texts such as $1,234.50.",
        )
    return values.alias(column.name)


def group_numbers(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of groups, where each row without one (-1) is a group of its own."""
    n = len(group)
    return np.where(group < 0, group.max(initial=-1) + 1 + np.arange(n), group)
