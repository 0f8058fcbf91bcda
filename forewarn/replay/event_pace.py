"""Slow a stream down to a multiple of its own event time."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar


class Timed(Protocol):
    """Anything that happened at a time."""

    @property
    def event_time_ms(self) -> int:
        """UTC milliseconds."""


T = TypeVar("T", bound=Timed)


def paced(
    items: Iterable[T],
    speed: float,
    *,
    now_seconds: Callable[[], float],
    sleep: Callable[[float], None],
) -> Iterator[T]:
    """Hand each item over when its time has come.

    Args:
        items: in the order of event time; an item earlier than its forerunner, or
            without a time (0), is not delayed.
        speed: seconds of event time in a second; 0 for no waiting at all.
        now_seconds: a monotonic clock.
        sleep: waits for some seconds.
    """
    first_ms: int | None = None
    began = now_seconds()
    for item in items:
        if first_ms is None and item.event_time_ms > 0:
            first_ms = item.event_time_ms
        if speed > 0 and first_ms is not None:
            due = began + (item.event_time_ms - first_ms) / 1000 / speed
            wait = due - now_seconds()
            if wait > 0:
                sleep(wait)
        yield item
