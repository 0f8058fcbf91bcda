"""Reading directories of the canonical layout, and tables that lack some of its columns."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from features.offline.event_files import Place, damaged_file, metadata, parquet_files, scan_options
from features.offline.parquet_schema import SCHEMAS
from features.offline.topic_frames import fill_defaults
from forewarn.errors import ConfigurationError

SCHEMAS_POLARS = {topic: pl.Schema(schema) for topic, schema in SCHEMAS.items()}

REQUIRED = {
    "calls": ("type", "event_id", "event_time_ms", "subscriber"),
    "transfers": (
        "event_id", "event_time_ms", "subscriber", "transfer_id", "status", "payer_account",
        "payee_account", "amount_minor",
    ),
    "outcomes": ("event_id", "event_time_ms", "subscriber", "disposition", "label_time_ms"),
    "scores": ("event_id", "source", "chunk", "fingerprint", "vector", "reads"),
}  # fmt: skip
"""Required columns; all others have a default or may be null."""


def read_topic(directory: Place, topic: str) -> pl.LazyFrame:
    """All rows of a topic, in the canonical columns.

    Args:
        directory: has a folder of Parquet files for each topic.
        topic: a key of ``features.offline.parquet_schema.SCHEMAS``. A topic without a folder has no rows.

    Raises:
        ConfigurationError: if the directory is missing, a file is no whole Parquet file, or the first one
            lacks a required column.
    """
    files = parquet_files(directory, topic)
    for file in files[1:]:  # the first one is read below, the others only when rows are needed
        metadata(file)
    return read_files(files, topic) if files else pl.DataFrame(schema=SCHEMAS_POLARS[topic]).lazy()


def read_files(files: Sequence[Place], topic: str) -> pl.LazyFrame:
    """The rows of some files of a topic, in the canonical columns.

    Raises:
        ConfigurationError: if the first file is no whole Parquet file or lacks a required column.
    """
    paths: list[Any] = list(files)
    frame = pl.scan_parquet(
        paths, missing_columns="insert", extra_columns="ignore", hive_partitioning=False,
        **scan_options(files[0]),
    )  # fmt: skip
    with whole(files[0]):
        return canonical(frame, topic)


def read_parquet_file(path: Path) -> pl.DataFrame:
    """The rows of a table of its own, such as the people of a town.

    Raises:
        ConfigurationError: if it is no whole Parquet file.
    """
    with whole(path):
        return pl.read_parquet(path)


@contextmanager
def whole(file: Place) -> Iterator[None]:
    """Name the file that polars finds damaged while it reads; raises ConfigurationError."""
    try:
        yield
    except pl.exceptions.ComputeError as error:
        raise damaged_file(file, error) from None


def canonical(frame: pl.LazyFrame, topic: str) -> pl.LazyFrame:
    """Convert a table to the canonical columns: order, types, defaults of the contract.

    A table without offsets is sorted by event time: it gets partition 0, row numbers as offsets, and its
    event times as append times.

    Raises:
        ConfigurationError: names the required columns that are missing.
    """
    names = frame.collect_schema().names()
    missing = [name for name in REQUIRED[topic] if name not in names]
    if missing:
        raise ConfigurationError(
            f"The table of {topic} has no column {', '.join(missing)}.",
            hint="docs/schemas lists the fields of each topic.",
        )
    if topic != "calls" and "type" not in names:
        tag = {"transfers": "transfer", "outcomes": "outcome", "scores": "score"}[topic]
        frame = frame.with_columns(pl.lit(tag).alias("type"))
    if "offset" not in names:
        frame = frame.sort("event_time_ms", maintain_order=True)
        frame = frame.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("offset"))
    if "partition" not in names:
        frame = frame.with_columns(pl.lit(0, pl.Int32).alias("partition"))
    if "appended_at_ms" not in names:
        frame = frame.with_columns(pl.col("event_time_ms").alias("appended_at_ms"))
    kinds = SCHEMAS_POLARS[topic]
    present = set(frame.collect_schema().names())
    absent = [
        pl.lit(topic if name == "topic" else None, dtype=kind).alias(name)
        for name, kind in kinds.items()
        if name not in present
    ]
    cast = [pl.col(name).cast(kind) for name, kind in kinds.items() if name in present]
    return fill_defaults(topic, frame.with_columns(*cast, *absent)).select(list(kinds))
