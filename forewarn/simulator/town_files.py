"""A town on disk: Parquet in the canonical layout, the truth beside it, and a manifest.

``DIR/calls/part-00000.parquet``, ``DIR/transfers/part-00000.parquet`` hold the columns of the event
contracts plus ``topic``, ``partition``, ``offset`` and ``appended_at_ms``, as an export from Kafka
would, and ``outcomes`` the reports in the same form; ``labels``, ``reports``, ``truth`` and ``people`` are one file each; ``scenario.json`` says
how to make the same bytes again.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from kafka.partitioner.default import murmur2

from features.offline.parquet_schema import ROWS_PER_GROUP, schema_of
from features.offline.topic_frames import StoredRecord, frame_of
from forewarn.contracts import SCHEMA_VERSION
from forewarn.errors import ConfigurationError
from forewarn.simulator.activity_clock import Ints
from forewarn.simulator.outcome_reports import outcome_records
from forewarn.simulator.town import Town
from forewarn.simulator.town_ledger import Column

ROWS_PER_FILE = 2_000_000


def write_town(
    town: Town,
    directory: str | Path,
    *,
    partitions: int = 8,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write a town as Parquet, in the layout of an export.

    >>> small = fw.simulate(fw.Scenario(seed=3, subscribers=50, days=1))
    >>> fw.write_town(small, "small-town")
    >>> len(fw.read_history("small-town").calls) == len(small.calls)
    True

    Args:
        town: what to write.
        directory: created; must be empty or missing, so that two towns never mix.
        partitions: of the topics; records are assigned as Kafka's default partitioner would.
        progress: called with the number of events written since the last call.

    Raises:
        ConfigurationError: if the directory is not empty.
    """
    directory = Path(directory)
    require_empty(directory)
    directory.mkdir(parents=True, exist_ok=True)
    partition_of = partition_by_person(town, partitions)
    _write_topic(
        directory / "calls", "calls", town.call_slice, _call_persons(town), partition_of, progress
    )
    _write_topic(
        directory / "transfers", "transfers", town.transfer_slice,
        town.postings["person"][town.transfer_rows.row], partition_of, progress,
    )  # fmt: skip
    _write_outcomes(directory / "outcomes", town, partition_of)
    for name in ("labels", "reports", "truth", "people"):
        getattr(town, name).write_parquet(directory / f"{name}.parquet", compression="zstd")
    manifest = {"scenario": town.scenario.as_dict(), "events": town.event_count,
                "calls": len(town.call_rows), "transfers": len(town.transfer_rows),
                "partitions": partitions}  # fmt: skip
    text = json.dumps(manifest, indent=2, ensure_ascii=False, sort_keys=True)
    (directory / "scenario.json").write_text(text + "\n", encoding="utf-8")


def require_empty(directory: Path) -> None:
    """Raise ConfigurationError if something lies in a directory."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConfigurationError(
            f"{directory} is not empty.", hint="Give another directory or remove this one."
        )


def partition_by_person(town: Town, partitions: int) -> Ints:
    """The partition of each subscriber's key, by the murmur2 of Kafka's default partitioner."""
    numbers = town.texts.numbers[: town.world.people.count].to_list()
    return np.array([(murmur2(text.encode()) & 0x7FFFFFFF) % partitions for text in numbers])


def _call_persons(town: Town) -> Column:
    rows = town.call_rows
    line = rows.kind == 2
    person = town.legs["person"][np.where(line, 0, rows.row)]
    if line.any():
        person = person.copy()
        person[line] = town.lines["person"][rows.row[line]]
    return person


def _write_topic(
    directory: Path, topic: str, read: Callable[[int, int], pl.DataFrame], persons: Column,
    partition_of: Ints, progress: Callable[[int], None] | None,
) -> None:  # fmt: skip
    directory.mkdir()
    next_offset = np.zeros(int(partition_of.max()) + 1, dtype=np.int64)
    for number, first in enumerate(range(0, max(persons.size, 1), ROWS_PER_FILE)):
        after = min(first + ROWS_PER_FILE, persons.size)
        partition = partition_of[persons[first:after]]
        offset = _offsets(partition, next_offset)
        frame = canonical(read(first, after), topic, partition, offset)
        frame.write_parquet(
            directory / f"part-{number:05d}.parquet",
            compression="zstd",
            compression_level=1,
            row_group_size=ROWS_PER_GROUP,
        )
        if progress is not None:
            progress(frame.height)


def _write_outcomes(directory: Path, town: Town, partition_of: Ints) -> None:
    """The reports once more, as an export of the ``outcomes`` topic would hold them."""
    directory.mkdir()
    records = list(outcome_records(town))
    episodes = np.array([episode for episode, _, _, _ in records], dtype=np.int64)
    partition = partition_of[town.episodes.person[episodes]]
    offset = _offsets(partition, np.zeros(int(partition_of.max()) + 1, dtype=np.int64))
    rows = [
        StoredRecord(int(where), int(place), time_ms, value)
        for (_, _, value, time_ms), where, place in zip(records, partition, offset, strict=True)
    ]
    frame_of("outcomes", rows).write_parquet(directory / "part-00000.parquet", compression="zstd")


def canonical(frame: pl.DataFrame, topic: str, partition: Ints, offset: Ints) -> pl.DataFrame:
    """The columns that exports from Kafka have, in their order and with their types."""
    placed = frame.rename({"arrival_ms": "appended_at_ms"}).with_columns(
        pl.repeat(topic, frame.height, eager=True).alias("topic"),
        pl.repeat(SCHEMA_VERSION, frame.height, eager=True).alias("schema_version"),
        pl.Series("partition", partition),
        pl.Series("offset", offset),
    )
    wanted = pl.DataFrame(schema_of(topic).empty_table()).schema
    return placed.select(pl.col(name).cast(dtype) for name, dtype in wanted.items())


def _offsets(partition: Ints, next_offset: Ints) -> Ints:
    """Number the records of each partition in order; ``next_offset`` goes on across files."""
    order = np.argsort(partition, kind="stable")
    counts = np.bincount(partition, minlength=next_offset.size)
    starts = np.cumsum(counts) - counts
    offsets = np.empty(partition.size, dtype=np.int64)
    offsets[order] = np.arange(partition.size) - np.repeat(starts, counts)
    offsets += next_offset[partition]
    next_offset += counts
    return offsets
