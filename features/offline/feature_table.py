"""Tables of events in, a table of features out: the datasets of notebooks and training."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, overload

import numpy as np
import polars as pl

from features import kinds
from features.catalog import CATALOG, Catalog
from features.engine import Engine
from features.event_columns import EventColumns
from features.offline.frame_columns import COLUMNS_OF, in_order
from features.offline.history_runner import SLICE_EVENTS, HistoryRunner
from features.offline.parquet_schema import SOURCE_OF
from features.offline.parquet_tables import canonical
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser

Table: TypeAlias = pl.DataFrame | pl.LazyFrame | Any
"""A polars or pandas table; pandas is an optional dependency without types."""

_NOTEBOOK_KEY: Final = b"features.offline.build"

IDENTITY: Final = ("topic", "partition", "offset", "event_id", "event_time_ms", "subscriber")
"""Columns that identify the event of a row; ``kind`` and the features follow."""


@overload
def build(
    calls: Table | None = ...,
    transfers: Table | None = ...,
    outcomes: Table | None = ...,
    *,
    frame: Literal["polars"] = ...,
    catalog: Catalog = ...,
    pseudonymiser: Pseudonymiser | None = ...,
    threads: int | None = ...,
) -> pl.DataFrame: ...


@overload
def build(
    calls: Table | None = ...,
    transfers: Table | None = ...,
    outcomes: Table | None = ...,
    *,
    frame: Literal["pandas"],
    catalog: Catalog = ...,
    pseudonymiser: Pseudonymiser | None = ...,
    threads: int | None = ...,
) -> object: ...


def build(
    calls: Table | None = None,
    transfers: Table | None = None,
    outcomes: Table | None = None,
    *,
    frame: Literal["polars", "pandas"] = "polars",
    catalog: Catalog = CATALOG,
    pseudonymiser: Pseudonymiser | None = None,
    threads: int | None = None,
) -> object:
    """Compute the features of every call and transfer as they were when it happened.

    The worker's kernel computes each row from the events before it and from nothing else.

    >>> table = fw.build_features(town.calls, town.transfers)
    >>> table.height == town.event_count
    True

    Args:
        calls: rows of the ``calls`` topic: polars or pandas, columns named like the fields of
            ``forewarn.contracts.CallStarted``, ``CallEnded`` and ``LineChanged``, and ``type``.
        transfers: rows of ``transfers``, columns named like ``forewarn.contracts.Transfer``.
        outcomes: rows of ``outcomes``; they have no row in the result but change later rows.
        frame: the kind of table to return.
        catalog: which features.
        pseudonymiser: that of the workers, if vectors have to equal theirs to the bit: estimated
            distinct counts depend on its key.
        threads: of the kernel; all cores by default.

    Returns:
        In the order in which the events were applied: ``topic``, ``partition``, ``offset``,
        ``event_id``, ``event_time_ms``, ``subscriber``, ``kind`` and the features as float32. A
        missing value is NaN.

    Raises:
        ConfigurationError: if a required column is missing, or there is no table at all.
    """
    given = {"calls": calls, "transfers": transfers, "outcomes": outcomes}
    tables = {
        topic: canonical(_lazy(table), topic).collect()
        for topic, table in given.items()
        if table is not None
    }
    if not tables:
        raise ConfigurationError(
            "There are no events to build features from.", hint="Give calls, transfers or both."
        )
    pseudonymiser = pseudonymiser or Pseudonymiser(_NOTEBOOK_KEY)
    events = in_order([COLUMNS_OF[topic](rows, pseudonymiser) for topic, rows in tables.items()])
    history = HistoryRunner(Engine(catalog), threads=threads)
    parts = [
        feature_table(result.plan.columns, result.vectors, tables, catalog)
        for result in history.slices(events, slice_events=SLICE_EVENTS)
    ]
    table = (
        pl.concat(parts) if parts else feature_table(events, _no_vectors(catalog), tables, catalog)
    )
    return table.to_pandas() if frame == "pandas" else table


def feature_table(
    columns: EventColumns,
    vectors: "np.ndarray[Any, np.dtype[np.float32]]",
    tables: Mapping[str, pl.DataFrame],
    catalog: Catalog,
) -> pl.DataFrame:
    """Join vectors to the identity of their events; outcomes are left out.

    Args:
        columns: the events, in the order of the result.
        vectors: float32 [n, features].
        tables: canonical rows by topic; must hold every event of ``columns``.
        catalog: names the features.
    """
    rows = np.flatnonzero(columns.kind != kinds.EventKind.OUTCOME)
    names = np.array(kinds.KIND_NAMES)
    where = pl.DataFrame(
        {
            "source": columns.source[rows],
            "partition": columns.partition[rows],
            "offset": columns.offset[rows],
            "kind": pl.Series(names[columns.kind[rows]].tolist(), dtype=pl.String),
        }
    )
    identity = pl.concat(
        [
            tables[topic].select(*IDENTITY, pl.lit(SOURCE_OF[topic], pl.UInt8).alias("source"))
            for topic in ("calls", "transfers")
            if topic in tables
        ]
        or [pl.DataFrame(schema=_IDENTITY_SCHEMA)]
    )
    known = where.join(
        identity, on=["source", "partition", "offset"], how="left", maintain_order="left"
    )
    values = pl.from_numpy(vectors[rows], schema=list(catalog.names), orient="row")
    return pl.concat([known.select(*IDENTITY, "kind"), values], how="horizontal")


_IDENTITY_SCHEMA: Final = {
    "topic": pl.String, "partition": pl.Int32, "offset": pl.Int64, "event_id": pl.String,
    "event_time_ms": pl.Int64, "subscriber": pl.String, "source": pl.UInt8,
}  # fmt: skip


def _no_vectors(catalog: Catalog) -> "np.ndarray[Any, np.dtype[np.float32]]":
    return np.empty((0, len(catalog.names)), np.float32)


def _lazy(table: object) -> pl.LazyFrame:
    if isinstance(table, pl.LazyFrame):
        return table
    return (table if isinstance(table, pl.DataFrame) else pl.from_pandas(table)).lazy()
