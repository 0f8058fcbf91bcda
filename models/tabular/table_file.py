"""A table of the user as it lies on disk."""

from pathlib import Path

import polars as pl

from forewarn.errors import ConfigurationError
from forewarn.platform.files.text_table import read_text_table
from models.tabular.table_columns import MISSING
from models.tabular.table_types import shortened, typed


def read_table(path: Path) -> pl.DataFrame:
    """Read Parquet or CSV (also packed), by the name's ending.

    A column of a CSV file is a number or a date only if that loses nothing of any of its texts, in all rows.

    Raises:
        ConfigurationError: if it cannot be read, or a line of it does not fit its header.
    """
    try:
        if ".parquet" in path.suffixes:
            return pl.read_parquet(path)
        return pl.DataFrame(
            {column.name: typed(column, MISSING) for column in read_text_table(path)}
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigurationError(
            f"cannot read the table {path}: {error}", hint="Give a Parquet or CSV file."
        ) from error


def require_columns(table: pl.DataFrame, named: dict[str, tuple[str, ...]]) -> None:
    """Refuse a table that lacks a column which an option names.

    Args:
        table: the table.
        named: option -> names of its columns.

    Raises:
        ConfigurationError: naming the column and the option.
    """
    for option, names in named.items():
        for name in names:
            if name not in table.columns:
                shown = ", ".join(repr(column) for column in table.columns[:40])
                more = f" and {len(table.columns) - 40} more" if len(table.columns) > 40 else ""
                raise ConfigurationError(
                    f"the table has no column {name!r} for {option}.",
                    hint=f"It has {shown}{more}.",
                )
    if len(table) == 0:
        raise ConfigurationError("the table has no rows")


def require_whole_parties(table: pl.DataFrame, names: tuple[str, ...]) -> None:
    """Refuse columns of parties whose numbers have lost digits: many parties would be one.

    Args:
        table: the table.
        names: of columns that name a party.

    Raises:
        ConfigurationError: naming the column.
    """
    for name in names:
        if table[name].dtype == pl.String and shortened(table[name].drop_nulls()).any():
            raise ConfigurationError(
                f"{name} holds numbers that a spreadsheet has shortened, such as 4.53E+15: their last digits "
                "are lost, and many parties would be one.",
                hint="Format the column as text and export the table again.",
            )
