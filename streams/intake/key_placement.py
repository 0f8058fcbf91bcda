"""Check that producers use the partitioner that brings a person's records together."""

import structlog
from aiokafka.partitioner import murmur2

from forewarn.contracts.topics import SOURCES
from streams.transport import FetchedRecords
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)


class KeyPlacement:
    """Samples one record of each fetch and compares its partition with Kafka's default for its key.

    A producer with another partitioner (librdkafka's default is CRC32, not ``murmur2_random``)
    sends a person's transfers to another partition than their calls: no error is raised, and the
    two never meet.

    Args:
        partitions: of each source topic.
        metrics: mismatches are counted.
    """

    def __init__(self, partitions: int, metrics: WorkerMetrics) -> None:
        self._partitions = partitions
        self._metrics = metrics
        self._reported: set[int] = set()

    def observe(self, source: int, fetched: FetchedRecords) -> None:
        """Check the first record of a fetch."""
        key = fetched.records[0].key
        if key is None or (murmur2(key) & 0x7FFFFFFF) % self._partitions == fetched.partition:
            return
        self._metrics.misplaced_records.labels(SOURCES[source]).inc()
        if source not in self._reported:
            self._reported.add(source)
            log.error(
                "record_misplaced",
                topic=fetched.topic,
                partition=fetched.partition,
                hint="Producers must partition by murmur2, as Kafka's own do: with librdkafka set "
                "partitioner=murmur2_random.",
            )
