"""Cells of Parquet columns as Python values that keep what the file says, Spark's types included.

* An INT96 is an instant in UTC (Spark, Hive and Impala write it so), though its type names no zone.
* Nanoseconds are cut to microseconds, the finest that Python knows; events count milliseconds.
* A single-precision number is the shortest decimal that it can stand for, as it was before it was
  stored (19.99, not 19.989999771118164), as long as such a number tells cents apart. Beyond, it is
  spelled out, and refused as an amount for its many decimals.
* A whole number in a column of floats is whole: identifiers with gaps are floats in many exports.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from forewarn.replay.cell_error import CellError

if TYPE_CHECKING:
    import pyarrow as pa

SINGLE_CENTS_MAX = 2.0**17
"""Neighbours of single precision lie less than a cent apart below it."""
SINGLE_WHOLE_MAX, DOUBLE_WHOLE_MAX = 2.0**24, 2.0**53
"""Every whole number up to it has a float of its own, so that none was rounded to another."""


def instant_columns(schema: "pa.parquet.ParquetSchema") -> frozenset[str]:
    """Paths (``a.b``) of the columns stored as INT96."""
    columns = [schema.column(number) for number in range(len(schema))]
    return frozenset(column.path for column in columns if column.physical_type == "INT96")


def rows_of(batch: "pa.RecordBatch", instants: frozenset[str]) -> list[dict[str, Any]]:
    """The rows of a batch as objects.

    Args:
        batch: as it was read.
        instants: of ``instant_columns``.
    """
    names = batch.schema.names
    columns = [_cells(batch.column(number), name, instants) for number, name in enumerate(names)]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def float_text(number: float, *, single: bool) -> str:
    """A float as digits: whole where it is whole, and nothing that only its storage added."""
    if number.is_integer() and abs(number) <= (SINGLE_WHOLE_MAX if single else DOUBLE_WHOLE_MAX):
        return str(int(number))
    if single and abs(number) < SINGLE_CENTS_MAX:
        return str(np.float32(number))
    return repr(float(number))


def _cells(column: "pa.Array", path: str, instants: frozenset[str]) -> list[Any]:
    """The cells of one column, and of the columns within a struct."""
    import pyarrow as pa  # noqa: PLC0415  of the extra `files`

    kind = column.type
    if pa.types.is_struct(kind):
        names = [kind.field(number).name for number in range(kind.num_fields)]
        within = [
            _cells(child, f"{path}.{name}", instants)
            for name, child in zip(names, column.flatten(), strict=True)
        ]
        rows = zip(*within, strict=True) if within else ((),) * len(column)
        there = column.is_valid().to_pylist()
        return [
            dict(zip(names, row, strict=True)) if is_there else None
            for row, is_there in zip(rows, there, strict=True)
        ]
    if pa.types.is_floating(kind):
        single = not pa.types.is_float64(kind)
        return [
            None if cell is None else float_text(cell, single=single) for cell in column.to_pylist()
        ]
    if pa.types.is_timestamp(kind):
        zone = "UTC" if path in instants else kind.tz
        unit = "us" if kind.unit == "ns" else kind.unit
        column = column.cast(pa.timestamp(unit, kind.tz), safe=False).cast(pa.timestamp(unit, zone))
    try:
        return column.to_pylist()  # type: ignore[no-any-return]
    except (ValueError, OverflowError):  # a time that Python's calendar does not hold
        return list(_one_by_one(column))


def _one_by_one(column: Iterable[Any]) -> Iterable[Any]:
    for scalar in column:
        try:
            yield scalar.as_py()
        except (ValueError, OverflowError):
            yield CellError("is a time outside of the years 1 to 9999")
