"""RetryPolicy are bounded in time, and every fault of Redis gets the error that says what to do."""

import pytest
from redis import exceptions as fault

from features.store.redis_retries import LONGEST_PAUSE_SECONDS, RetryPolicy
from forewarn.errors import ConfigurationError, DependencyUnavailableError, StateFullError


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


class Failing:
    """Fails a number of times, each attempt taking a while, and then succeeds."""

    def __init__(self, clock: Clock, error: Exception, times: int, seconds: float = 0.1) -> None:
        self.clock, self.error, self.times, self.seconds = clock, error, times, seconds
        self.attempts = 0

    async def __call__(self) -> str:
        self.attempts += 1
        self.clock.now += self.seconds
        if self.attempts <= self.times:
            raise self.error
        return "done"


TRANSIENT = [
    fault.ConnectionError("reset"),
    fault.TimeoutError("slow"),
    fault.BusyLoadingError("loading"),
    fault.ReadOnlyError("a replica now"),
    fault.ClusterDownError("down"),
    fault.TryAgainError("moving"),
    fault.ResponseError("MISCONF snapshot failed"),
    fault.OutOfMemoryError("OOM command not allowed when used memory > 'maxmemory'."),
    fault.ResponseError("Error running script: -OOM command not allowed when used memory"),
    ConnectionRefusedError("no"),
]


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda e: f"{type(e).__name__}:{str(e)[:9]}")
async def test_a_passing_fault_is_outlived(error: Exception) -> None:
    clock = Clock()
    reported: list[str] = []
    attempt = Failing(clock, error, times=4)
    retries = RetryPolicy(15, clock=clock, pause=clock.pause, on_retry=reported.append)
    assert await retries.call("answer", attempt) == "done"
    assert reported == [type(error).__name__] * 4


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda e: f"{type(e).__name__}:{str(e)[:9]}")
async def test_a_lasting_fault_ends_within_the_bound(error: Exception) -> None:
    clock = Clock()
    attempt = Failing(clock, error, times=10**6)
    with pytest.raises(DependencyUnavailableError) as raised:
        await RetryPolicy(15, clock=clock, pause=clock.pause).call("answer", attempt)
    assert raised.value.retryable
    assert raised.value.hint
    assert isinstance(raised.value, StateFullError) == ("OOM" in str(error))
    assert 15 - LONGEST_PAUSE_SECONDS - attempt.seconds <= clock.now <= 15 + attempt.seconds
    assert max(clock.pauses) <= LONGEST_PAUSE_SECONDS
    assert attempt.attempts < 40


async def test_without_time_for_retries_there_is_one_attempt() -> None:
    clock = Clock()
    attempt = Failing(clock, fault.ConnectionError("reset"), times=9)
    with pytest.raises(DependencyUnavailableError):
        await RetryPolicy(0, clock=clock, pause=clock.pause).call("answer", attempt)
    assert attempt.attempts == 1


@pytest.mark.parametrize(
    "error", [fault.AuthenticationError("WRONGPASS"), fault.NoPermissionError("NOPERM")]
)
async def test_refused_credentials_are_not_tried_again(error: Exception) -> None:
    clock = Clock()
    attempt = Failing(clock, error, times=9)
    with pytest.raises(ConfigurationError, match="FOREWARN_REDIS_PASSWORD"):
        await RetryPolicy(15, clock=clock, pause=clock.pause).call("answer", attempt)
    assert attempt.attempts == 1


async def test_a_mistake_of_ours_is_not_hidden_as_an_outage() -> None:
    clock = Clock()
    attempt = Failing(clock, fault.ResponseError("WRONGTYPE not a string"), times=9)
    with pytest.raises(fault.ResponseError, match="WRONGTYPE"):
        await RetryPolicy(15, clock=clock, pause=clock.pause).call("answer", attempt)
    assert attempt.attempts == 1
