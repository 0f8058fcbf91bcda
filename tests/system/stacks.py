"""Helpers for tests on a whole stack: a scripted policy, clients, bounded waiting, and who still runs."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from forewarn.contracts import CallStarted, Transfer, encode
from forewarn.contracts.topics import TopicName, qualified
from forewarn.local.stack import Stack
from forewarn.local.wait import wait_until
from forewarn.platform.kafka import client_arguments
from forewarn.platform.settings import LocalSettings

PATIENCE_SECONDS = 90.0
"""Bound on waiting for one effect; a busy machine of CI is several times slower than an idle one."""

SCRIPTED_RULE = """
[[rules]]
name = "scripted_transfer_during_call"
effect = "raise"
when = "on_call_now == 1 and amount_minor >= 4000000"
on = ["attempted"]
severity = "critical"
"""
"""Makes a script independent of what a model happens to have learned; the path of the event is the same."""

SWINDLER = "+000755000017"


def scripted_policy(file: Path, more: str = "") -> Path:
    """Write the built-in policy with the scripted rule; ``more`` lines belong to the rule."""
    default = Path(__file__).parents[2] / "models" / "policy" / "default.toml"
    file.write_text(default.read_text() + SCRIPTED_RULE + more)
    return file


@contextmanager
def scripted_stack(
    root: Path, models: Path, *, partitions: int = 4, more: str = "", **variables: str
) -> Iterator[Stack]:
    """A running stack whose workers follow the scripted policy.

    Args:
        root: its directory.
        models: the registry.
        partitions: of each topic.
        more: further lines of the rule.
        variables: of the environment that its processes get.
    """
    policy = scripted_policy(root / "policy.toml", more)
    with pytest.MonkeyPatch.context() as environment:
        for name, value in (variables | {"FOREWARN_WORKER_POLICY_FILE": str(policy)}).items():
            environment.setenv(name, value)
        settings = LocalSettings(directory=root, partitions=partitions)
        stack = Stack(settings, tell=print, models=models)
        try:
            stack.start()
            yield stack
        finally:
            stack.stop()


def call_from_swindler(
    event_id: str, event_time_ms: int, victim: str, **changes: Any
) -> CallStarted:
    """A call of the swindler that begins; its call id is derived from ``event_id``."""
    fields: dict[str, Any] = {
        "event_id": event_id,
        "event_time_ms": event_time_ms,
        "subscriber": victim,
        "district": "D01",
        "call_id": f"{event_id}-1",
        "direction": "inbound",
        "caller": SWINDLER,
        "callee": victim,
    }
    return CallStarted(**(fields | changes))


def payment(transfer_id: str, **changes: Any) -> dict[str, Any]:
    """An attempted transfer of now as a bank sends it; amounts in minor units."""
    return {
        "type": "transfer",
        "event_id": f"{transfer_id}-attempted",
        "event_time_ms": time.time_ns() // 1_000_000,
        "subscriber": "+8613800000001",
        "transfer_id": transfer_id,
        "status": "attempted",
        "payer_account": "6222000000000001",
        "payee_account": "6217000000009999",
        "amount_minor": 120_000,
    } | changes


def transfer_during(call: CallStarted, transfer_id: str, **changes: Any) -> Transfer:
    """An attempted transfer of 48,000.00 by the person called: the scripted rule warns of it."""
    fields = payment(transfer_id, subscriber=call.subscriber, district=call.district)
    fields |= {"amount_minor": 4_800_000} | changes
    del fields["type"]
    return Transfer(**fields)


def send_scam(stack: Stack, call: CallStarted, attempt: Transfer) -> None:
    """Send a call and the transfer during it."""
    key = call.subscriber.encode()
    with producer_of(stack) as send:
        send("calls", key, encode(call))
        send("transfers", key, encode(attempt))


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
