"""Helpers for tests on a whole stack: clients, bounded waiting, and who still runs."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from forewarn.contracts.topics import TopicName, qualified
from forewarn.local.stack import Stack
from forewarn.local.wait import wait_until
from forewarn.platform.kafka import client_arguments

PATIENCE_SECONDS = 90.0
"""Bound on waiting for one effect; a busy machine of CI is several times slower than an idle one."""


@contextmanager
def client_of(stack: Stack) -> Iterator[httpx.Client]:
    """An HTTP client of the alerting service that carries the stack's key."""
    key = stack.layout.secret("forewarn_alerting_api_key")
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=stack.console_url, headers=headers, timeout=20) as client:
        yield client


@contextmanager
def producer_of(stack: Stack) -> Iterator[Callable[[TopicName, bytes, bytes], None]]:
    """``send(topic, key, value)``, which returns when the record is acknowledged."""
    producer = KafkaProducer(**client_arguments(stack.kafka_settings), acks="all")

    def send(topic: TopicName, key: bytes, value: bytes) -> None:
        name = qualified(topic, stack.kafka_settings)
        producer.send(name, value, key=key).get(timeout=30)

    yield send
    producer.close()


def records_of(
    stack: Stack, topic: TopicName, wanted: Callable[[Any], bool], what: str
) -> list[Any]:
    """All records of a topic from its beginning until one is wanted.

    Raises:
        DependencyUnavailableError: if none comes in time.
    """
    settings = stack.kafka_settings
    consumer = KafkaConsumer(
        **client_arguments(settings), group_id=None, auto_offset_reset="earliest"
    )
    name = qualified(topic, settings)
    partitions = consumer.partitions_for_topic(name) or {0}
    consumer.assign([TopicPartition(name, partition) for partition in partitions])
    found: list[Any] = []

    def here() -> bool:
        stack.require_running()
        fresh = [r for batch in consumer.poll(timeout_ms=300).values() for r in batch]
        found.extend(fresh)
        return any(wanted(record) for record in fresh)

    try:
        wait_until(here, PATIENCE_SECONDS, what=what)
    finally:
        consumer.close()
    return found


def processes_of(directory: Path) -> list[str]:
    """Command lines of running processes that work in or for a directory."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or [])
        ours = process.pid == os.getpid()
        if str(directory) in line and not ours and process.info["status"] != "zombie":
            found.append(line)
    return found
