"""Retries of an awaited step by a tenacity policy that is built only after a failure."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying

T = TypeVar("T")


async def retried(step: Callable[[], Awaitable[T]], policy: Callable[[], AsyncRetrying]) -> T:
    """Await ``step()``; after a failure, let a policy decide about further attempts.

    Steps of the hot path rarely fail, and building a policy costs more than many of them. The policy
    counts the failure that has happened as its first attempt.

    Args:
        step: must be safe to repeat. It may be a lambda that returns an awaitable, which tenacity by
            itself would not await.
        policy: builds the policy.

    Raises:
        Exception: the last failure, if the policy says ``reraise``.
    """
    try:
        return await step()
    except Exception as error:  # noqa: BLE001  the policy says which failures pass
        failures = [error]

    async def attempt() -> T:
        if failures:
            raise failures.pop()
        return await step()

    return await policy()(attempt)
