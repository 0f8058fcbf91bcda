"""Consumer lag of each assigned partition, also of one that makes no progress."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from forewarn.contracts.topics import SOURCES
from streams.intake.open_partition import OpenPartition
from streams.transport import Partition
from streams.worker_metrics import WorkerMetrics


@dataclass(frozen=True, slots=True)
class OldestRecord:
    """The partition whose oldest unprocessed record has waited longest.

    Attributes:
        topic: name in the cluster.
        partition: its number.
        seconds: age of that record.
        records: how many wait in the partition.
    """

    topic: str
    partition: int
    seconds: float
    records: int


class Positions(Protocol):
    """Positions of a partition in the transport; see ``ChunkConsumer``."""

    def end(self, partition: Partition) -> int | None:
        """Offset after the last record that can be read now."""

    def settled(self, partition: Partition) -> int | None:
        """Offset up to which everything is acknowledged."""

    def oldest_ms(self, partition: Partition) -> int | None:
        """Timestamp of the first record of the oldest chunk that is not done."""


class ConsumerLag:
    """Sets the lag gauges by acknowledged positions: a fetched event is not a decided one.

    The acknowledged position also passes over the gaps that transactions leave. The end is the last
    record that can be read: a record of an open transaction is not lag yet.

    Args:
        topics: names in the cluster of the source topics, in order.
        metrics: the gauges.
    """

    def __init__(self, topics: tuple[str, ...], metrics: WorkerMetrics) -> None:
        self._topics = topics
        self._metrics = metrics
        self._behind_since: dict[Partition, float] = {}

    def update(
        self,
        positions: Positions,
        opened: Mapping[int, OpenPartition],
        assigned: Iterable[int],
        now: float,
    ) -> OldestRecord | None:
        """Set the gauges of all assigned partitions; return the one that is most behind, None if none is.

        Args:
            positions: the transport.
            opened: open partitions by number.
            assigned: numbers of the assigned partitions.
            now: seconds since the epoch.
        """
        oldest: OldestRecord | None = None
        for number in assigned:
            for source, topic in enumerate(self._topics):
                where = Partition(topic, number)
                end, settled = positions.end(where), positions.settled(where)
                if end is None or settled is None:
                    continue
                labels = (SOURCES[source], str(number))
                behind = max(0, end - settled)
                self._metrics.lag_records.labels(*labels).set(behind)
                age = self._age(where, source, positions, opened.get(number), now) if behind else 0
                if not behind:
                    self._behind_since.pop(where, None)
                self._metrics.lag_seconds.labels(*labels).set(age)
                self._metrics.acknowledged.labels(*labels).set(settled)
                if behind and (oldest is None or age > oldest.seconds):
                    oldest = OldestRecord(topic, number, age, behind)
        return oldest

    def forget(self, numbers: Iterable[int]) -> None:
        """Remove the gauges of revoked partitions."""
        metrics = self._metrics
        for number in numbers:
            for topic, name in zip(self._topics, SOURCES, strict=True):
                self._behind_since.pop(Partition(topic, number), None)
                for gauge in (metrics.lag_records, metrics.lag_seconds, metrics.acknowledged):
                    if (name, str(number)) in gauge._metrics:  # noqa: SLF001 - remove() raises else
                        gauge.remove(name, str(number))

    def _age(
        self,
        where: Partition,
        source: int,
        positions: Positions,
        partition: OpenPartition | None,
        now: float,
    ) -> float:
        """Seconds since the oldest record was appended, or seen if it is not fetched yet."""
        since = self._behind_since.setdefault(where, now)
        oldest = None
        if partition is not None:
            oldest = partition.in_hand_ms[source] or partition.buffer.oldest_ms(source)
        oldest = oldest or positions.oldest_ms(where)
        return max(0.0, now - (oldest / 1000 if oldest else since))
