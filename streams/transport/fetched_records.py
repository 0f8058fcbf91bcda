"""Records of one fetch from one partition, handed on as a single Faust message (a chunk)."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol


class Partition(NamedTuple):
    """Topic and partition; equal to the pairs of the same fields that Faust and aiokafka use."""

    topic: str
    partition: int


class RawRecord(Protocol):
    """A record as fetched.

    Attributes:
        offset: position in the partition.
        timestamp: milliseconds since the epoch (append time on topics that log it).
        key: bytes as the broker holds them; None for no key.
        value: the same; None is a tombstone.
        headers: names and values, in order.
    """

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class FetchedRecords:
    """Records of one partition in the order of their offsets, at least one.

    Offsets may have gaps (compacted topics, markers and aborted records of transactions), so
    the end of a chunk is ``next_offset``, the position of the reader after it, and never a count.

    Attributes:
        topic: name of the topic in the cluster.
        partition: number of the partition.
        records: the records as fetched; keys and values are undecoded bytes.
        next_offset: where reading continues once this chunk is done.
        size_bytes: keys and values together.
        epoch: generation of the reading position; for the transport only.
        ticket: entry in the transport's ledger; for the transport only.
    """

    __slots__ = ("epoch", "next_offset", "partition", "records", "size_bytes", "ticket", "topic")

    def __init__(
        self,
        topic: str,
        partition: int,
        records: Sequence[Any],
        *,
        next_offset: int,
        epoch: int = 0,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.records: Sequence[RawRecord] = records
        self.next_offset = next_offset
        self.epoch = epoch
        self.ticket: Any = None
        # aiokafka has measured each key and value already (-1 stands for none).
        self.size_bytes = sum(
            [record.serialized_key_size + record.serialized_value_size for record in records]
        )

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[RawRecord]:
        return iter(self.records)

    @property
    def first_offset(self) -> int:
        """Offset of the first record."""
        return self.records[0].offset

    @property
    def last_offset(self) -> int:
        """Offset of the last record; ``next_offset`` may be more than one above it."""
        return self.records[-1].offset

    def offsets(self) -> list[int]:
        """Offset of each record, ascending."""
        return [record.offset for record in self.records]

    def keys(self) -> list[bytes | None]:
        """Key of each record."""
        return [record.key for record in self.records]

    def values(self) -> list[bytes | None]:
        """Value of each record; None is a tombstone of a compacted topic."""
        return [record.value for record in self.records]

    def __repr__(self) -> str:
        if not self.records:
            return f"<FetchedRecords {self.topic}-{self.partition} empty, next {self.next_offset}>"
        span = f"{self.first_offset}..{self.last_offset}"
        return f"<FetchedRecords {self.topic}-{self.partition} {span}, {len(self)} records>"
