"""Repetition of one step of a batch for as long as Redis or Kafka is away.

Nothing is skipped meanwhile: buffers fill, fetching stops, and readiness names the reason.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, TypeVar

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential

from features.store import StateLostError
from forewarn.errors import ForewarnError
from forewarn.platform.awaited_retries import retried
from streams.intake.lane import AbandonedError
from streams.intake.open_partition import OpenPartition

log = structlog.get_logger(__name__)

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0

PATIENCE_SECONDS = 5.0
"""After this long without an acknowledgement Kafka counts as away."""

Dependency = Literal["redis", "kafka"]
OnWait = Callable[[Dependency, str | None, tuple[int, ...]], None]
"""(dependency, reason, partitions): called at each failed attempt, and with None at the end."""

T = TypeVar("T")


class DependencyRetry:
    """Repeats steps of batches.

    Args:
        on_wait: called at each attempt while a dependency is away (reason), and when the wait has
            ended (None), with the partitions of the batch that waits.
    """

    def __init__(self, on_wait: OnWait) -> None:
        self._on_wait = on_wait

    async def repeat(
        self,
        dependency: Dependency,
        step: Callable[[], Awaitable[T]],
        partitions: Sequence[OpenPartition],
    ) -> T:
        """Run a step until it succeeds or fails for a reason that repetition does not remove.

        Args:
            dependency: the service that the step needs.
            step: may be called several times.
            partitions: those of the batch; empty while none is open yet.

        Raises:
            AbandonedError: every partition of the batch was revoked meanwhile.
            ForewarnError: the step failed for another reason than an absent dependency.
        """
        waiting = False

        def report(state: RetryCallState) -> None:
            nonlocal waiting
            error = state.outcome.exception() if state.outcome else None
            if _all_revoked(partitions):
                raise AbandonedError("the batch was revoked while it waited.") from error
            if not waiting:
                log.warning("dependency_away", dependency=dependency, why=str(error))
            waiting = True
            self._on_wait(dependency, str(error), _numbers(partitions))

        def policy() -> AsyncRetrying:
            return AsyncRetrying(
                retry=retry_if_exception(_may_pass),
                wait=wait_exponential(multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS),
                before_sleep=report,
                sleep=asyncio.sleep,
                reraise=True,
            )

        try:
            return await retried(step, policy)
        finally:
            # Also after an error: no later call would report that this wait has ended.
            if waiting:
                log.info("dependency_back", dependency=dependency)
                self._on_wait(dependency, None, _numbers(partitions))

    async def await_acknowledgement(
        self, sending: Awaitable[None], partitions: Sequence[OpenPartition]
    ) -> None:
        """Wait for outputs that are being sent; report Kafka as away while it is silent.

        An idempotent producer repeats without end by itself.

        Raises:
            AbandonedError: every partition was revoked while Kafka was silent. What the producer
                holds may still arrive; the next owner repeats it under the same ids.
        """
        future = asyncio.ensure_future(sending)
        silent = False
        try:
            while not (await asyncio.wait({future}, timeout=PATIENCE_SECONDS))[0]:
                if _all_revoked(partitions):
                    future.add_done_callback(_retrieve_exception)
                    raise AbandonedError("the batch was revoked while Kafka was silent.")
                silent = True
                self._on_wait("kafka", "Kafka acknowledges nothing.", _numbers(partitions))
            await future
        finally:
            if silent:
                self._on_wait("kafka", None, _numbers(partitions))


def _may_pass(error: BaseException) -> bool:
    """Whether to wait: also for the operator of a store that lost its data.

    A restarted worker would only find the same.
    """
    return isinstance(error, StateLostError) or (
        isinstance(error, ForewarnError) and error.retryable
    )


def _numbers(partitions: Sequence[OpenPartition]) -> tuple[int, ...]:
    return tuple(partition.number for partition in partitions)


def _all_revoked(partitions: Sequence[OpenPartition]) -> bool:
    return bool(partitions) and all(partition.closing for partition in partitions)


def _retrieve_exception(future: "asyncio.Future[None]") -> None:
    """Retrieve the exception, so that asyncio does not log it as never retrieved."""
    if not future.cancelled():
        future.exception()
