"""Kafka to Parquet: exactly the requested offsets, each file complete or absent, resumable."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from features.offline.export_manifest import (
    REJECTED_KEPT,
    ExportManifest,
    OffsetRange,
    RejectedRecord,
    atomic_file,
    read_manifest,
    segment_path,
    write_manifest,
)
from features.offline.parquet_schema import ROWS_PER_GROUP, STRUCTS
from features.offline.topic_frames import RejectedRecords, StoredRecord, frame_of
from forewarn.contracts import Acceptance
from forewarn.errors import ConfigurationError, DependencyUnavailableError
from forewarn.platform.kafka.client_errors import explained_at, in_words, missing_topic

ROWS_PER_FILE: Final = 500_000
STALL_SECONDS: Final = 30.0
POLL_RECORDS: Final = 20_000


class Exporter:
    """Copies ranges of topics to a directory.

    Args:
        arguments: of kafka-python's consumer, from ``forewarn.platform.kafka.client_arguments``.
        topic_prefix: prefix of every topic's name in the cluster.
        directory: an unfinished export in it is resumed.
        acceptance: the workers' rules for a valid event.

    Raises:
        DependencyUnavailableError: if Kafka does not answer.
    """

    def __init__(
        self,
        arguments: Mapping[str, object],
        *,
        topic_prefix: str,
        directory: Path,
        acceptance: Acceptance,
    ) -> None:
        self._servers = servers_of(arguments)
        with explained_at(self._servers):
            self._consumer = KafkaConsumer(
                **arguments,
                enable_auto_commit=False,
                auto_offset_reset="none",  # a deleted offset must be an error, not a jump
                max_poll_records=POLL_RECORDS,
                fetch_max_bytes=32 << 20,
                max_partition_fetch_bytes=8 << 20,
            )
        self._prefix = topic_prefix
        self._directory = directory
        self._acceptance = acceptance

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()

    def settle(
        self,
        topics: Sequence[str],
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> list[OffsetRange]:
        """The offsets of topics between two append times; by default all offsets.

        Args:
            topics: without prefix.
            since_ms: UTC ms of the first record, by the broker's append time.
            until_ms: UTC ms after the last record; by default now.

        Raises:
            ConfigurationError: if a topic does not exist.
            DependencyUnavailableError: if Kafka does not answer.
        """
        ranges: list[OffsetRange] = []
        for topic in topics:
            if topic not in STRUCTS:
                raise ConfigurationError(
                    f"The topic {topic} has no Parquet form.",
                    hint=f"Choose from {', '.join(STRUCTS)}.",
                )
            with explained_at(self._servers):
                ranges += self._ranges(topic, since_ms, until_ms)
        return ranges

    def _ranges(
        self, topic: str, since_ms: int | None, until_ms: int | None
    ) -> Iterator[OffsetRange]:
        """The offsets of each partition of one topic."""
        numbers = self._consumer.partitions_for_topic(self._prefix + topic)
        if not numbers:
            raise missing_topic(self._prefix + topic)
        places = [TopicPartition(self._prefix + topic, number) for number in sorted(numbers)]
        begin = self._offsets(places, since_ms, self._consumer.beginning_offsets(places))
        end = self._offsets(places, until_ms, self._consumer.end_offsets(places))
        for place in places:
            yield OffsetRange(topic, place.partition, begin[place], max(begin[place], end[place]))

    def run(
        self,
        ranges: Sequence[OffsetRange],
        *,
        rows_per_file: int = ROWS_PER_FILE,
        progress: Callable[[int], None] = lambda _offsets: None,
    ) -> ExportManifest:
        """Copy ranges; an unfinished export in the directory is finished instead.

        Args:
            ranges: what to copy; ignored if the directory holds an export.
            rows_per_file: offsets that one file covers.
            progress: receives the number of further offsets done.

        Raises:
            ConfigurationError: if a requested offset is no longer in Kafka.
            DependencyUnavailableError: if Kafka stops answering; run again to continue.
        """
        manifest = read_manifest(self._directory)
        if manifest is None:
            # The files hold numbers and accounts in the clear.
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            manifest = ExportManifest(list(ranges), rows_per_file, self._acceptance)
            write_manifest(self._directory, manifest)
        for segment in manifest.segments():
            path = segment_path(self._directory, segment)
            if not path.exists():
                self._copy(segment, path, manifest)
                write_manifest(self._directory, manifest)
            progress(segment.after - segment.first)
        manifest.complete = True
        write_manifest(self._directory, manifest)
        return manifest

    def _copy(self, segment: OffsetRange, path: Path, manifest: ExportManifest) -> None:
        rejected = RejectedRecords()
        try:
            records = [record for batch in self._read(segment) for record in batch]
        except KafkaError as error:
            raise _unreadable(segment, error) from error
        frame = frame_of(segment.topic, records, rejected, acceptance=manifest.acceptance)
        manifest.rows[segment.topic] = manifest.rows.get(segment.topic, 0) + frame.height
        manifest.rejected += len(rejected.rows)
        room = REJECTED_KEPT - len(manifest.rejections)
        manifest.rejections += [RejectedRecord(segment.topic, *row) for row in rejected.rows[:room]]
        with atomic_file(path) as draft:
            frame.write_parquet(
                draft, compression="zstd", compression_level=1, row_group_size=ROWS_PER_GROUP
            )

    def _read(self, segment: OffsetRange) -> Iterator[list[StoredRecord]]:
        """The records of a segment; its end is reached by position, since offsets may have gaps."""
        place = TopicPartition(self._prefix + segment.topic, segment.partition)
        self._consumer.assign([place])
        self._consumer.seek(place, segment.first)
        position = segment.first
        while position < segment.after:
            found = self._consumer.poll(timeout_ms=int(STALL_SECONDS * 1000)).get(place, [])
            reached = self._consumer.position(place)
            if not found and reached == position:
                raise DependencyUnavailableError(
                    f"Kafka sent no record of {place.topic}-{place.partition} for "
                    f"{STALL_SECONDS:.0f} s.",
                    hint="Run the same command again; it continues where it stopped.",
                )
            position = reached
            yield [
                StoredRecord(
                    record.partition, record.offset, record.timestamp, record.value, record.key
                )
                for record in found
                if record.offset < segment.after
            ]

    def _offsets(
        self,
        places: Sequence[TopicPartition],
        time_ms: int | None,
        otherwise: Mapping[TopicPartition, int],
    ) -> dict[TopicPartition, int]:
        """The first offset of each partition appended at or after a time."""
        if time_ms is None:
            return dict(otherwise)
        found = self._consumer.offsets_for_times(dict.fromkeys(places, time_ms))
        ends = self._consumer.end_offsets(list(places))
        return {place: found[place].offset if found[place] else ends[place] for place in places}


def servers_of(arguments: Mapping[str, object]) -> str:
    """The brokers that a client's arguments name, for errors."""
    servers = arguments["bootstrap_servers"]
    return servers if isinstance(servers, str) else ",".join(map(str, servers))  # type: ignore[call-overload]


def _unreadable(segment: OffsetRange, error: KafkaError) -> Exception:
    where = f"{segment.topic}-{segment.partition} from offset {segment.first}"
    if type(error).__name__ == "OffsetOutOfRangeError":
        return ConfigurationError(
            f"Kafka no longer has {where}.",
            hint="Retention has deleted it; export later offsets into another directory.",
        )
    return DependencyUnavailableError(
        f"Kafka did not return {where}: {in_words(error)}.",
        hint="Run the same command again; it continues where it stopped.",
    )
