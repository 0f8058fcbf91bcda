"""A producer that may still succeed is waited for; one that never will is not."""

import asyncio
from unittest.mock import AsyncMock, Mock

import pytest
from aiokafka.errors import (
    InvalidTimestampError,
    KafkaError,
    NotEnoughReplicasError,
    OutOfOrderSequenceNumber,
    PolicyViolationError,
)

from forewarn.errors import ConfigurationError, DependencyUnavailableError
from streams.pipeline import producer as module
from streams.pipeline.producer import OutputProducer, ProducerBrokenError


def outputs_that_fail(error: Exception) -> OutputProducer:
    outputs = OutputProducer({})
    batch = Mock(append=Mock(side_effect=[object(), None]), record_count=lambda: 1)
    outputs._started = [Mock(create_batch=lambda: batch, send_batch=AsyncMock(side_effect=error))]
    return outputs


async def test_a_fault_of_the_cluster_is_waited_for() -> None:
    """Sending again is safe and may succeed."""
    with pytest.raises(DependencyUnavailableError):
        await outputs_that_fail(NotEnoughReplicasError()).send("scores", 0, [(b"k", b"v")])


@pytest.mark.parametrize(
    "error", [OutOfOrderSequenceNumber(), KafkaError("Unexpected error during batch delivery")]
)
async def test_a_producer_that_will_never_send_again_brings_the_worker_down(
    error: KafkaError,
) -> None:
    """A wait for it would have no end, and a wait looks healthy."""
    with pytest.raises(ProducerBrokenError) as raised:
        await outputs_that_fail(error).send("scores", 0, [(b"k", b"v")])
    assert not raised.value.retryable


async def test_a_topic_that_is_too_narrow_is_named() -> None:
    """The client asserts it; untranslated it would read as a fault of this software."""
    with pytest.raises(ConfigurationError, match="scores has no partition 7"):
        await outputs_that_fail(AssertionError("Unrecognized partition")).send(
            "scores", 7, [(b"k", b"v")]
        )


@pytest.mark.parametrize("error", [InvalidTimestampError(), PolicyViolationError()])
async def test_a_batch_that_is_refused_for_what_it_is_is_named(error: KafkaError) -> None:
    """Waiting for it would have no end: it is refused again, by a producer that is dead by then."""
    with pytest.raises(ConfigurationError, match=f"batch for scores: {type(error).__name__}"):
        await outputs_that_fail(error).send("scores", 0, [(b"k", b"v")])


async def test_stopping_does_not_wait_for_a_kafka_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client flushes without end; what it holds is in the journal of its chunk."""
    monkeypatch.setattr(module, "STOP_SECONDS", 0.01)
    outputs = OutputProducer({})
    outputs._started = [Mock(stop=lambda: asyncio.Event().wait())]
    async with asyncio.timeout(5):
        await outputs.stop()
