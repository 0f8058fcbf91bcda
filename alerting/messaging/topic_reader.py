"""Reads topics in batches; commits offsets only after the database has committed the batch."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer
from kafka.errors import KafkaError

from forewarn.errors import DependencyUnavailableError
from forewarn.platform.kafka.client_arguments import client_arguments
from forewarn.platform.settings import KafkaSettings

POLL_MS = 250


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """One Kafka record as received."""

    topic: str
    partition: int
    offset: int
    appended_at_ms: int
    key: bytes | None
    value: bytes | None


class TopicReader:
    """One consumer of a group, as a background task.

    Args:
        settings: how to reach Kafka.
        topics: names in the cluster.
        group: consumer group; replicas share the partitions.
        handle: applies a batch and commits it; when it raises, the batch is repeated, so it has to
            be repeatable.
        batch_records: at most this many records a batch.
        from_beginning: where a group without offsets starts.
        fetch_bytes: a broker answers a fetch when it has so much.
        fetch_wait_ms: it answers with less after this time.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Sequence[str],
        group: str,
        handle: Callable[[list[TopicRecord]], None],
        *,
        batch_records: int = 500,
        from_beginning: bool = True,
        fetch_bytes: int = 1,
        fetch_wait_ms: int = 100,
    ) -> None:
        self._settings = settings
        self._topics = list(topics)
        self._group = group
        self._handle = handle
        self._batch_records = batch_records
        self._reset = "earliest" if from_beginning else "latest"
        self._fetch = {"fetch_min_bytes": fetch_bytes, "fetch_max_wait_ms": fetch_wait_ms}
        self._consumer: Any = None
        self._unhandled: list[TopicRecord] = []

    def turn(self, stop: threading.Event) -> float:
        """Read one batch, handle it, commit it.

        Raises:
            DependencyUnavailableError: if Kafka does not answer.
        """
        try:
            consumer = self._connected()
            if not self._unhandled:
                self._unhandled = self._poll(consumer)
            if self._unhandled and not stop.is_set():
                self._handle(self._unhandled)
                self._unhandled = []
                consumer.commit()
        except KafkaError as error:
            self.close()
            raise DependencyUnavailableError(
                f"Kafka did not answer: {type(error).__name__}.",
                hint="Check FOREWARN_KAFKA_BOOTSTRAP_SERVERS, and that the broker runs.",
            ) from error
        return 0.0

    def close(self) -> None:
        """Leave the group; the next member reads unhandled records again."""
        consumer, self._consumer, self._unhandled = self._consumer, None, []
        if consumer is not None:
            consumer.close()

    def _connected(self) -> Any:
        if self._consumer is None:
            self._consumer = KafkaConsumer(
                *self._topics,
                **client_arguments(self._settings),
                group_id=self._group,
                enable_auto_commit=False,
                auto_offset_reset=self._reset,
                max_poll_records=self._batch_records,
                **self._fetch,
                metadata_max_age_ms=10_000,  # a topic that is created later is found soon
            )
        return self._consumer

    def _poll(self, consumer: Any) -> list[TopicRecord]:
        polled = consumer.poll(timeout_ms=POLL_MS, max_records=self._batch_records)
        return [
            TopicRecord(
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                appended_at_ms=record.timestamp,
                key=record.key,
                value=record.value,
            )
            for records in polled.values()
            for record in records
        ]
