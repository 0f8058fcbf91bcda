"""An awaited step is retried by a policy that exists only after a failure."""

import pytest
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_none

from forewarn.platform.awaited_retries import retried


def _policy() -> AsyncRetrying:
    return AsyncRetrying(
        retry=retry_if_exception_type(OSError),
        wait=wait_none(),
        stop=stop_after_attempt(3),
        reraise=True,
    )


def _step(*outcomes: Exception | str):
    """A step that fails or succeeds in this order; a lambda, as callers write it."""
    waiting = list(outcomes)

    async def once() -> str:
        outcome = waiting.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return (lambda: once()), waiting  # noqa: PLW0108  a lambda is the case that tenacity leaves out


async def test_a_step_that_succeeds_builds_no_policy() -> None:
    step, _ = _step("done")
    assert await retried(step, lambda: pytest.fail("a policy was built")) == "done"


async def test_a_step_is_repeated_until_it_succeeds() -> None:
    step, left = _step(OSError("one"), OSError("two"), "done")
    assert await retried(step, _policy) == "done"
    assert not left


async def test_the_first_failure_counts_as_the_first_attempt() -> None:
    step, left = _step(OSError("one"), OSError("two"), OSError("three"), "too late")
    with pytest.raises(OSError, match="three"):
        await retried(step, _policy)
    assert left == ["too late"]


async def test_a_failure_that_the_policy_lets_pass_is_raised_at_once() -> None:
    step, left = _step(ValueError("wrong"), "too late")
    with pytest.raises(ValueError, match="wrong"):
        await retried(step, _policy)
    assert left == ["too late"]
