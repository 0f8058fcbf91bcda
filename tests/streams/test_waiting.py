"""A dependency that is away is told of, and that it is back, or that nobody waits, is told as well."""

import asyncio
from typing import Any
from unittest.mock import Mock

import pytest

from forewarn.errors import ConfigurationError, DependencyUnavailableError
from streams.intake.lanes import AbandonedError, OpenPartition
from streams.intake.partition_buffer import PartitionBuffer
from streams.pipeline import batch_processor as module
from streams.pipeline.batch_processor import BatchProcessor

Told = list[tuple[str, bool]]


def processor_of(told: Told, **parts: Any) -> BatchProcessor:
    """A processor of which only the given parts are asked."""
    names = ["store", "state", "computing", "outputs", "brain", "metrics", "tracer"]
    return BatchProcessor(
        **{name: parts.get(name, Mock()) for name in names},
        sources=("calls", "transfers", "outcomes"),
        warnings_topic="warnings",
        scores_topic="scores",
        dead_letters_topic="dead-letters",
        align_seconds=0.0,
        on_wait=lambda dependency, why, _numbers: told.append((dependency, why is not None)),
    )


def closing_partition() -> OpenPartition:
    buffer = PartitionBuffer(0, (0, 0, 0), align_seconds=0.0)
    return OpenPartition(number=0, epoch=1, buffer=buffer, journal=None, closing=True)


async def test_a_wait_that_ends_in_an_error_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the worker would look as if it waited for good, and would ask Redis no more."""
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.0)
    answers = iter([DependencyUnavailableError("away"), ConfigurationError("refused")])

    async def take_over(_partitions: object) -> dict[int, int]:
        raise next(answers)

    told: Told = []
    processor = processor_of(told, store=Mock(take_over=take_over))
    with pytest.raises(ConfigurationError):
        await processor.open(3, (None, None, None))
    assert told == [("redis", True), ("redis", False)]


async def test_a_silent_kafka_is_told_of_though_the_producer_never_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An idempotent producer repeats without end: untold, liveness would restart the worker."""
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    acknowledged = asyncio.Event()

    async def send_all(_parts: object) -> None:
        await acknowledged.wait()

    told: Told = []
    processor = processor_of(told, outputs=Mock(send_all=send_all))
    sending = asyncio.create_task(processor._sent([], []))
    async with asyncio.timeout(5):
        while not told:
            await asyncio.sleep(0)
    acknowledged.set()
    await sending
    assert told[0] == ("kafka", True)
    assert told[-1] == ("kafka", False)


async def test_a_revoked_batch_does_not_wait_for_a_silent_kafka(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its partitions are somebody else's by now, who sends the outputs again."""
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)

    async def send_all(_parts: object) -> None:
        await asyncio.Event().wait()

    processor = processor_of([], outputs=Mock(send_all=send_all))
    with pytest.raises(AbandonedError):
        async with asyncio.timeout(5):
            await processor._sent([], [closing_partition()])
