"""Whether producers put a person's records where the others do."""

import structlog
from aiokafka.partitioner import murmur2

from forewarn.contracts.topics import SOURCES
from streams.transport import FetchedRecords
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)


class KeyPlacement:
    """Looks at one record of each chunk: is it in the partition that Kafka's default gives its key?

    A producer with another partitioner (librdkafka's is CRC32 unless told ``murmur2_random``) sends
    a person's transfers to another partition than his calls: nothing fails, and the two never meet.

    Args:
        partitions: of each source topic.
        metrics: mismatches are counted.
    """

    def __init__(self, partitions: int, metrics: WorkerMetrics) -> None:
        self._partitions = partitions
        self._metrics = metrics
        self._told: set[int] = set()

    def look(self, source: int, chunk: FetchedRecords) -> None:
        """Look at the first record of a chunk."""
        key = chunk.records[0].key
        if key is None or (murmur2(key) & 0x7FFFFFFF) % self._partitions == chunk.partition:
            return
        self._metrics.foreign_keys.labels(SOURCES[source]).inc()
        if source not in self._told:
            self._told.add(source)
            log.error(
                "record_misplaced",
                topic=chunk.topic,
                partition=chunk.partition,
                hint="Producers must partition by murmur2, as Kafka's own do: with librdkafka set "
                "partitioner=murmur2_random.",
            )
