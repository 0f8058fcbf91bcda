"""The events that a rebuild has to read, so that the workers continue at their group's offsets.

The state has to hold the events below the group's committed offsets and no others: with fewer a
subscriber's history has a gap, with more the workers would skip events that have no score yet.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl
from kafka import KafkaConsumer, TopicPartition

from features.event_columns import EventColumns
from features.offline.export import servers_of
from features.offline.export_manifest import OffsetRange, read_manifest
from features.offline.frame_columns import COLUMNS_OF, in_order
from features.offline.offset_limits import below, limits_of
from features.offline.parquet_schema import SOURCE_OF
from features.offline.parquet_tables import read_topic
from features.offline.time_windows import TimeWindows
from forewarn.contracts.topics import SOURCES
from forewarn.errors import ConfigurationError
from forewarn.platform.kafka.client_errors import explained_at
from forewarn.platform.pseudonyms import Pseudonymiser

Positions = Mapping[tuple[str, int], int]
"""Next offset by topic (without prefix) and partition."""

Held = Mapping[tuple[str, int], OffsetRange]
"""The offsets that a directory holds, by topic (without prefix) and partition."""


def group_positions(
    arguments: Mapping[str, object], *, group: str, topic_prefix: str
) -> dict[tuple[str, int], int]:
    """The committed offsets of a consumer group on the source topics; partitions without one are absent.

    Args:
        arguments: of kafka-python's consumer.
        group: of the workers.
        topic_prefix: prefix of every topic's name in the cluster.

    Raises:
        DependencyUnavailableError: if Kafka does not answer.
    """
    found: dict[tuple[str, int], int] = {}
    with explained_at(servers_of(arguments)):
        consumer = KafkaConsumer(**arguments, group_id=group, enable_auto_commit=False)
        try:
            for topic in SOURCES:
                for number in sorted(consumer.partitions_for_topic(topic_prefix + topic) or ()):
                    offset = consumer.committed(TopicPartition(topic_prefix + topic, number))
                    if offset is not None:
                        found[topic, number] = offset
        finally:
            consumer.close()
    return found


def held_ranges(directory: Path) -> Held:
    """The offsets of each partition that a directory holds.

    The manifest of a complete export states them; otherwise the first and last rows of the files do.
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
        found |= {
            (part.topic, part.partition): part for part in manifest.ranges if part.topic in SOURCES
        }
    return found


def missing_ranges(
    target: Positions, held: Held, beginnings: Positions
) -> tuple[list[OffsetRange], list[OffsetRange]]:
    """The offsets to read from Kafka, and the offsets needed that Kafka has deleted.

    Args:
        target: offsets of the group.
        held: offsets that a directory holds; empty without one.
        beginnings: the first offsets that Kafka still has.
    """
    wanted, deleted = [], []
    for (topic, partition), after in sorted(target.items()):
        begin = beginnings.get((topic, partition), 0)
        have = held.get((topic, partition), OffsetRange(topic, partition, 0, 0))
        for first, last in ((0, min(have.first, after)), (have.after, after)):
            if first < min(begin, last):
                deleted.append(OffsetRange(topic, partition, first, min(begin, last)))
            if max(first, begin) < last:
                wanted.append(OffsetRange(topic, partition, max(first, begin), last))
    return wanted, deleted


def require_no_gap(deleted: Sequence[OffsetRange]) -> None:
    """Refuse to rebuild a history with a gap.

    Raises:
        ConfigurationError: names the first range that is deleted.
    """
    if deleted:
        part = deleted[0]
        raise ConfigurationError(
            f"Kafka no longer has {part.topic}-{part.partition} from offset {part.first} to "
            f"{part.after}, and {len(deleted) - 1} more ranges.",
            hint="Name an export that holds them with --in, or accept the gap with --allow-gap.",
        )


def columns_below(
    windows: TimeWindows, target: Positions, pseudonymiser: Pseudonymiser
) -> Iterator[EventColumns]:
    """The columns of each window, without events at or beyond ``target``.

    Of a partition that the target does not name, all events are kept.
    """
    limits = limits_of(target)
    for tables in windows:
        kept = below(tables, limits)
        yield in_order([COLUMNS_OF[topic](rows, pseudonymiser) for topic, rows in kept.items()])


def floors_of(target: Positions, held: Held) -> dict[int, dict[int, int]]:
    """Where the workers continue: at the group's offsets, or behind the held ones where it has none."""
    floors: dict[int, dict[int, int]] = {}
    reached = {where: part.after for where, part in held.items()}
    for (topic, partition), offset in (reached | dict(target)).items():
        floors.setdefault(partition, {})[SOURCE_OF[topic]] = offset
    return floors
