"""How late a bare timer of the event loop fires, and how much of that was waiting for a processor.

It separates a slow part of ours from a machine that others use: while the loop is not given a processor, no code
of ours can answer. What our own code spends (a long computation, a collection of garbage) is taken off.
"""

import asyncio
import time
from collections import deque

from streams.decisions.decision_metrics import DecisionMetrics

PERIOD_SECONDS = 0.02
USUAL_SECONDS = 0.002
"""A timer is this late on an idle machine, too."""

KEPT = 1000
"""Readings that are remembered: 20 seconds, above every usual deadline."""


class LoopDelay:
    """Measures the delay of the event loop that it runs on.

    Args:
        metrics: the histogram.
    """

    def __init__(self, metrics: DecisionMetrics) -> None:
        self._metrics = metrics
        self._due = self._spent = 0.0
        self._readings: deque[tuple[float, float]] = deque(maxlen=KEPT)

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            self.wait_from(time.monotonic(), time.thread_time())
            await asyncio.sleep(PERIOD_SECONDS)
            self.note(time.monotonic(), time.thread_time())

    def wait_from(self, now: float, spent: float) -> None:
        """Begin to wait for a timer.

        Args:
            now: monotonic seconds.
            spent: seconds of processor time of this thread until now.
        """
        self._due, self._spent = now + PERIOD_SECONDS, spent

    def note(self, now: float, spent: float) -> None:
        """Take a reading: the timer has fired."""
        self._metrics.loop_delay.observe(max(0.0, now - self._due))
        self._readings.append((now, self._starved(now, spent)))

    def starved_since(self, began: float, now: float, spent: float) -> float:
        """Seconds in which the loop waited for a processor, the timer that has yet to fire included.

        Args:
            began: monotonic seconds.
            now: monotonic seconds.
            spent: seconds of processor time of this thread until now.
        """
        total = min(self._starved(now, spent), now - began)
        for at, starved in reversed(self._readings):
            if at < began:
                break
            total += min(starved, at - began)
        return total

    def _starved(self, now: float, spent: float) -> float:
        delay = now - self._due
        if not self._due or delay <= USUAL_SECONDS:
            return 0.0
        return max(0.0, delay - (spent - self._spent))
