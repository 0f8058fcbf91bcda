"""Check that producers use the partitioner that brings a person's records together."""

import structlog

from forewarn.contracts.topics import SOURCES
from forewarn.platform.kafka.key_partitioners import java
from streams.transport import FetchedRecords
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)


class KeyPlacement:
    """Samples one record of each fetch and compares its partition with Kafka's default for its key.

    A producer with another partitioner (the default of librdkafka, sarama and kafka-go is another)
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
        if key is None or java(key, self._partitions) == fetched.partition:
            return
        self._metrics.misplaced_records.labels(SOURCES[source]).inc()
        if source not in self._reported:
            self._reported.add(source)
            log.error(
                "record_misplaced",
                topic=fetched.topic,
                partition=fetched.partition,
                hint="Producers must partition by murmur2, as Kafka's own do; `forewarn topics probe` "
                "names the partitioner that was used and what to set in its client.",
            )
