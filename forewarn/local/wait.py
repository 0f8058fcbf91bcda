"""Bounded waiting for a condition of a real process."""

from collections.abc import Callable

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from forewarn.errors import DependencyUnavailableError


def wait_until(
    condition: Callable[[], bool],
    timeout_seconds: float,
    *,
    what: str | Callable[[], str],
    interval_seconds: float = 0.05,
) -> None:
    """Poll until the condition holds.

    Args:
        condition: cheap to ask; may raise to give up at once.
        timeout_seconds: how long to wait at most.
        what: completes the sentence "waited N s for ..."; a function is called at the end.
        interval_seconds: pause between two questions.

    Raises:
        DependencyUnavailableError: if it does not hold in time.
    """
    retrying = Retrying(
        retry=retry_if_result(lambda holds: not holds),
        wait=wait_fixed(interval_seconds),
        stop=stop_after_delay(timeout_seconds),
    )
    try:
        retrying(condition)
    except RetryError:
        missing = what if isinstance(what, str) else what()
        raise DependencyUnavailableError(
            f"waited {timeout_seconds:g} s for {missing} in vain"
        ) from None
