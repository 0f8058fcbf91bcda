"""Bounded waiting for a condition of a real process."""

import time
from collections.abc import Callable

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
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() >= deadline:
            missing = what if isinstance(what, str) else what()
            raise DependencyUnavailableError(f"waited {timeout_seconds:g} s for {missing} in vain")
        time.sleep(interval_seconds)
