"""The policy for faults of Redis: which are retried and for how long, and which error each becomes."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from redis import exceptions as fault
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential

from features.store.state_store import unavailable
from forewarn.errors import ConfigurationError, ForewarnError, StateFullError
from forewarn.platform.awaited_retries import retried

T = TypeVar("T")

FIRST_PAUSE_SECONDS: Final = 0.02
LONGEST_PAUSE_SECONDS: Final = 1.0

_TRANSIENT: Final = (
    fault.ConnectionError,  # also BusyLoadingError
    fault.TimeoutError,
    fault.ReadOnlyError,
    fault.ClusterDownError,  # also MasterDownError
    fault.MovedError,
    fault.AskError,
    fault.TryAgainError,
    fault.RedisClusterException,
    OSError,
)
_REFUSED: Final = (fault.AuthenticationError, fault.NoPermissionError)
_TRANSIENT_WORDS: Final = (
    "READONLY",
    "LOADING",
    "MISCONF",
    "NOREPLICAS",
    "CLUSTERDOWN",
    "TRYAGAIN",
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Retries within a bound, with growing, jittered pauses.

    Args:
        bound_seconds: time after the first attempt within which a further one may begin.
        clock: monotonic seconds.
        pause: sleeps for a number of seconds.
        on_retry: receives the name of the fault before each pause; a metric counts it.
    """

    bound_seconds: float
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    on_retry: Callable[[str], None] = lambda _name: None

    async def call(self, what: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Await ``attempt()`` until it succeeds, fails permanently, or the bound has passed.

        Args:
            what: completes the sentence "the state store did not ...".
            attempt: must be safe to repeat.

        Raises:
            DependencyUnavailableError, StateFullError: when the bound has passed.
            ConfigurationError: when Redis refuses the credentials.
        """
        deadline = self.clock() + self.bound_seconds

        def is_late(state: RetryCallState) -> bool:
            return self.clock() + state.upcoming_sleep >= deadline

        def report(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            self.on_retry(type(error).__name__)

        def policy() -> AsyncRetrying:
            return AsyncRetrying(
                retry=retry_if_exception(is_transient), wait=_pause_seconds, stop=is_late,
                before_sleep=report, sleep=self.pause, reraise=True,
            )  # fmt: skip

        try:
            return await retried(attempt, policy)
        except (fault.RedisError, fault.RedisClusterException, OSError) as error:
            if isinstance(error, _REFUSED) or is_transient(error):
                raise explain(what, error) from error
            raise  # a reply of our own scripts, or a bug


_growing = wait_exponential(multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS)


def _pause_seconds(state: RetryCallState) -> float:
    """Doubles from the first pause to the longest, less up to a half at random."""
    return _growing(state) * random.uniform(0.5, 1.0)


def is_full(error: BaseException) -> bool:
    """Whether Redis refused a write because its memory is full; scripts wrap the message."""
    return isinstance(error, fault.OutOfMemoryError) or "OOM command not allowed" in str(error)


def is_transient(error: BaseException) -> bool:
    """Whether the same command may succeed a moment later."""
    if isinstance(error, _REFUSED):  # a connection error by type, but a permanent one
        return False
    if isinstance(error, _TRANSIENT) or is_full(error):
        return True
    return isinstance(error, fault.ResponseError) and any(
        word in str(error) for word in _TRANSIENT_WORDS
    )


def explain(what: str, error: BaseException) -> ForewarnError:
    """Build the error that says what happened and what to do."""
    cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if is_full(error):
        return StateFullError(
            f"The state store did not {what}: Redis has no memory left.",
            hint="Raise maxmemory or add nodes; workers continue by themselves when there is room.",
        )
    if isinstance(error, _REFUSED):
        return ConfigurationError(
            f"Redis refused to {what}: {cause}.",
            hint="Check FOREWARN_REDIS_USERNAME, FOREWARN_REDIS_PASSWORD and the user's ACL.",
        )
    return unavailable(what, cause)
