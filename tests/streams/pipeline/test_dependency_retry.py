"""The wait for an absent dependency is reported when it begins and when it ends."""

import asyncio

import pytest

from forewarn.errors import ConfigurationError, DependencyUnavailableError
from streams.intake.lane import AbandonedError
from streams.intake.open_partition import OpenPartition
from streams.intake.partition_buffer import PartitionBuffer
from streams.pipeline import dependency_retry as module
from streams.pipeline.dependency_retry import DependencyRetry

Reports = list[tuple[str, bool]]


def retry_with(reports: Reports) -> DependencyRetry:
    return DependencyRetry(
        lambda dependency, why, _numbers: reports.append((dependency, why is not None))
    )


def closing_partition() -> OpenPartition:
    buffer = PartitionBuffer(0, (0, 0, 0), align_seconds=0.0)
    return OpenPartition(number=0, epoch=1, buffer=buffer, journal=None, closing=True)


async def test_a_wait_that_ends_in_an_error_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the worker would seem to wait for good, and would not ping Redis any more."""
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.0)
    answers = iter([DependencyUnavailableError("away"), ConfigurationError("refused")])

    async def take_over() -> None:
        raise next(answers)

    reports: Reports = []
    with pytest.raises(ConfigurationError):
        await retry_with(reports).repeat("redis", take_over, ())
    assert reports == [("redis", True), ("redis", False)]


async def test_a_step_given_as_a_lambda_is_awaited() -> None:
    """A retry that returned the coroutine would skip the step without an error."""

    async def answer() -> int:
        return 7

    assert await retry_with([]).repeat("redis", lambda: answer(), ()) == 7  # noqa: PLW0108


async def test_a_silent_kafka_is_reported_though_the_producer_never_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An idempotent producer repeats without end: unreported, liveness would restart the worker."""
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    acknowledged = asyncio.Event()

    async def send() -> None:
        await acknowledged.wait()

    reports: Reports = []
    sending = asyncio.create_task(retry_with(reports).await_acknowledgement(send(), []))
    async with asyncio.timeout(5):
        while not reports:
            await asyncio.sleep(0)
    acknowledged.set()
    await sending
    assert reports[0] == ("kafka", True)
    assert reports[-1] == ("kafka", False)


async def test_a_revoked_batch_does_not_wait_for_a_silent_kafka(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another worker owns its partitions by now and sends the outputs again."""
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)

    async def send() -> None:
        await asyncio.Event().wait()

    with pytest.raises(AbandonedError):
        async with asyncio.timeout(5):
            await retry_with([]).await_acknowledgement(send(), [closing_partition()])
