"""The schema by which a table was read in training, kept as ``table.json`` in the artifact, and its vectors.

Training and scoring build vectors here and nowhere else: a text has the code that it had in training, a
history the delay that it had in training, and the features come in the same order.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.tabular.entity_history import Events, entity_features
from models.tabular.table_columns import Column, ColumnSchema, codes, plain_names, values_of
from models.tabular.table_times import TimeUnit
from models.training.training_dataset import DAY_MS, HOUR_MS

TABLE = "table.json"

HOUR, WEEKDAY = "hour_of_day", "day_of_week"


class TableSchema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which columns mean what; empty means that there is none.

    ``clock`` names the features of the clock. ``columns`` are those that are features themselves, ``entities``
    those whose histories are. ``label_delay_ms`` is how long labels take to be known.
    """

    label: str
    time: str
    time_unit: TimeUnit
    time_form: str
    dated: bool
    clock: tuple[str, ...]
    group: str
    amount: str
    columns: tuple[ColumnSchema, ...]
    entities: tuple[str, ...]
    label_delay_ms: int

    def needed(self) -> dict[str, tuple[str, ...]]:
        """The columns that a table must have to be scored, by what they are for."""
        return {
            "its times": (self.time,) if self.time else (),
            "its amounts": (self.amount,) if self.amount else (),
            "a feature": tuple(schema.column for schema in self.columns),
            "a history": self.entities,
        }


@dataclass(frozen=True, slots=True)
class TableRows:
    """A table in order of time, as far as every schema reads it.

    ``label`` is 0 or 1, or -1 for a row without one; ``amount`` is NaN for a row without one.
    """

    table: pl.DataFrame
    time_ms: NDArray[np.int64]
    label: NDArray[np.int8]
    amount: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TableVectors:
    """float32 [n, F] with the names of the columns, and by column of texts those that have no code."""

    vectors: NDArray[np.float32]
    names: tuple[str, ...]
    unknown: Mapping[str, tuple[str, ...]]


def vectors_of(schema: TableSchema, rows: TableRows) -> TableVectors:
    """The vectors of a table.

    Raises:
        ConfigurationError: if a column is not what it was in training.
    """
    names: list[str] = []
    columns: list[Column] = []
    unknown: dict[str, tuple[str, ...]] = {}
    for name, column in clock(rows.time_ms).items():
        if name in schema.clock:
            names.append(name)
            columns.append(column)
    for one in schema.columns:
        values, without_code = values_of(one, rows.table[one.column], rows.time_ms)
        names.append(one.column)
        columns.append(values)
        if without_code:
            unknown[one.column] = without_code
    if schema.time:
        events = Events(rows.time_ms, rows.amount, rows.label, has_amounts=bool(schema.amount))
        for name in schema.entities:
            for feature, column in entity_features(
                events, codes(rows.table[name]), name, label_delay_ms=schema.label_delay_ms
            ):
                names.append(feature)
                columns.append(column)
    stacked = np.column_stack(columns) if columns else np.empty((len(rows.label), 0), np.float32)
    return TableVectors(stacked, tuple(plain_names(names)), unknown)


def clock(time_ms: NDArray[np.int64]) -> dict[str, Column]:
    """The hour and the weekday (Monday is 0) of each row, in UTC."""
    return {
        HOUR: ((time_ms // HOUR_MS) % 24).astype(np.float32),
        WEEKDAY: ((time_ms // DAY_MS + 3) % 7).astype(np.float32),
    }
