"""What a rebuild has to read so that the workers' group goes on exactly where it is.

The state has to hold the events below the group's committed offsets and none beyond: with fewer
a person's history has a hole, with more the workers would skip events that nobody has scored.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from kafka import KafkaConsumer, TopicPartition

from features.event_columns import EventColumns
from features.offline.export_manifest import OffsetRange, read_manifest
from features.offline.frame_columns import COLUMNS_OF, in_order
from features.offline.parquet_schema import SOURCE_OF
from features.offline.parquet_tables import read_topic
from features.offline.time_windows import TimeWindows
from forewarn.contracts.topics import SOURCES
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser

Positions = Mapping[tuple[str, int], int]
"""Next offset by topic (without prefix) and partition."""

Held = Mapping[tuple[str, int], OffsetRange]
"""The offsets that a directory holds, by topic (without prefix) and partition."""


def group_positions(
    arguments: Mapping[str, Any], *, group: str, topic_prefix: str
) -> dict[tuple[str, int], int]:
    """The committed offsets of a consumer group on the source topics; where none, nothing.

    Args:
        arguments: of kafka-python's consumer.
        group: of the workers.
        topic_prefix: before every topic's name in the cluster.
    """
    consumer = KafkaConsumer(**arguments, group_id=group, enable_auto_commit=False)
    try:
        found: dict[tuple[str, int], int] = {}
        for topic in SOURCES:
            for number in sorted(consumer.partitions_for_topic(topic_prefix + topic) or ()):
                offset = consumer.committed(TopicPartition(topic_prefix + topic, number))
                if offset is not None:
                    found[topic, number] = offset
        return found
    finally:
        consumer.close()


def held_ranges(directory: Path) -> Held:
    """The offsets of each partition that a directory holds.

    A whole export says itself what it covers; of other files, their first and last rows do.
    """
    found: dict[tuple[str, int], OffsetRange] = {}
    for topic in SOURCES:
        offset = pl.col("offset")
        ends = (
            read_topic(directory, topic)
            .group_by("partition")
            .agg(offset.min().alias("first"), (offset.max() + 1).alias("after"))
            .collect()
        )
        found |= {(topic, row[0]): OffsetRange(topic, *row) for row in ends.iter_rows()}
    manifest = read_manifest(directory)
    if manifest is not None and manifest.complete:
        asked = [part for part in manifest.ranges if part.topic in SOURCES]
        found |= {(part.topic, part.partition): part for part in asked}
    return found


def missing_ranges(
    target: Positions, held: Held, beginnings: Positions
) -> tuple[list[OffsetRange], list[OffsetRange]]:
    """What has to be read from Kafka, and what of it Kafka no longer has.

    Args:
        target: where the group is.
        held: what a directory holds; empty without one.
        beginnings: the first offset that Kafka still has.
    """
    wanted, gone = [], []
    for (topic, partition), after in sorted(target.items()):
        begin = beginnings.get((topic, partition), 0)
        have = held.get((topic, partition), OffsetRange(topic, partition, 0, 0))
        for first, last in ((0, min(have.first, after)), (have.after, after)):
            if first < min(begin, last):
                gone.append(OffsetRange(topic, partition, first, min(begin, last)))
            if max(first, begin) < last:
                wanted.append(OffsetRange(topic, partition, max(first, begin), last))
    return wanted, gone


def require_no_gap(gone: Sequence[OffsetRange]) -> None:
    """Refuse to rebuild a history with a hole.

    Raises:
        ConfigurationError: naming the first stretch that is gone.
    """
    if gone:
        part = gone[0]
        raise ConfigurationError(
            f"Kafka no longer has {part.topic}-{part.partition} from offset {part.first} to "
            f"{part.after}, and {len(gone) - 1} more stretches.",
            hint="Give an export that holds them with --in, or --allow-gap to go without.",
        )


def columns_below(
    windows: TimeWindows, target: Positions, pseudonymiser: Pseudonymiser
) -> Iterator[EventColumns]:
    """The columns of each window, without events at or beyond ``target``.

    A partition that the target does not name is taken whole.
    """
    limits = pl.DataFrame(
        [(topic, partition, offset) for (topic, partition), offset in target.items()],
        schema={"topic_": pl.String, "partition": pl.Int32, "limit": pl.Int64},
        orient="row",
    )
    for tables in windows:
        parts = []
        for topic, rows in tables.items():
            mine = limits.filter(pl.col("topic_") == topic).drop("topic_")
            below = (
                rows.join(mine, on="partition", how="left", maintain_order="left")
                .filter(pl.col("limit").is_null() | (pl.col("offset") < pl.col("limit")))
                .drop("limit")
            )
            parts.append(COLUMNS_OF[topic](below, pseudonymiser))
        yield in_order(parts)


def floors_of(target: Positions, held: Held) -> dict[int, dict[int, int]]:
    """Where the workers go on: at the group's offsets, or behind what is held where it has none."""
    floors: dict[int, dict[int, int]] = {}
    reached = {where: part.after for where, part in held.items()}
    for (topic, partition), offset in (reached | dict(target)).items():
        floors.setdefault(partition, {})[SOURCE_OF[topic]] = offset
    return floors
