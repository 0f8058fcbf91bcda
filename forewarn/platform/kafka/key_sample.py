"""The newest keys of a topic and the partitions they lie in, read without a consumer group."""

import time
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from forewarn.platform.kafka.client_arguments import client_arguments
from forewarn.platform.kafka.client_errors import explained, missing_topic
from forewarn.platform.settings import KafkaSettings


def sample_keys(
    settings: KafkaSettings, topic: str, *, records: int
) -> tuple[list[tuple[bytes, int]], int]:
    """Read (key, partition) of the newest records that have a key; also the number of partitions.

    Nothing is written or committed. A partition that does not answer within the request timeout gives what was
    read until then.

    Args:
        settings: of the connection.
        topic: name in the cluster.
        records: of each partition, counted by offsets.

    Raises:
        ConfigurationError: if the topic does not exist.
        DependencyUnavailableError: if Kafka does not answer.
    """
    timeout_ms = int(settings.request_timeout_seconds * 1000)
    with explained(settings):
        consumer = KafkaConsumer(**client_arguments(settings), enable_auto_commit=False)
        try:
            numbers = consumer.partitions_for_topic(topic)
            if not numbers:
                raise missing_topic(topic)
            return _newest(consumer, topic, sorted(numbers), records, timeout_ms), len(numbers)
        finally:
            consumer.close()


def _newest(
    consumer: Any, topic: str, numbers: list[int], records: int, timeout_ms: int
) -> list[tuple[bytes, int]]:
    partitions = [TopicPartition(topic, number) for number in numbers]
    begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    reading = [tp for tp in partitions if ends[tp] > begins[tp]]
    consumer.assign(reading)
    for tp in reading:
        consumer.seek(tp, max(begins[tp], ends[tp] - records))
    found: list[tuple[bytes, int]] = []
    deadline = time.monotonic() + timeout_ms / 1000
    while reading and time.monotonic() < deadline:
        for tp, fetched in consumer.poll(timeout_ms=500).items():
            found += [(r.key, tp.partition) for r in fetched if r.key and r.offset < ends[tp]]
        done = [tp for tp in reading if consumer.position(tp) >= ends[tp]]
        consumer.pause(*done)
        reading = [tp for tp in reading if tp not in done]
    return found
