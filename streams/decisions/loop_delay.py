"""How late a bare timer of the event loop fires: what no answer of this process can be better than.

It separates a slow part of ours from a processor that others use: an answer that is as late as the timer
was at that moment waited for the processor.
"""

import asyncio
import time
from collections import deque

from streams.decisions.decision_metrics import DecisionMetrics

PERIOD_SECONDS = 0.02
KEPT = 1000
"""Readings that are remembered: 20 seconds, above every usual deadline."""


class LoopDelay:
    """Measures the delay of the event loop that it runs on.

    Args:
        metrics: the histogram.
    """

    def __init__(self, metrics: DecisionMetrics) -> None:
        self._metrics = metrics
        self._due = 0.0
        self._readings: deque[tuple[float, float]] = deque(maxlen=KEPT)

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            self._due = time.monotonic() + PERIOD_SECONDS
            await asyncio.sleep(PERIOD_SECONDS)
            self.note(time.monotonic(), self._due)

    def note(self, now: float, due: float) -> None:
        """Take a reading.

        Args:
            now: monotonic seconds at which the timer fired.
            due: when it should have.
        """
        delay = max(0.0, now - due)
        self._readings.append((now, delay))
        self._metrics.loop_delay.observe(delay)

    def worst_since(self, began: float, now: float) -> float:
        """The greatest delay in seconds since a moment, that of the timer that has yet to fire included.

        Args:
            began: monotonic seconds.
            now: monotonic seconds.
        """
        worst = max(0.0, now - self._due) if self._due else 0.0
        for at, delay in reversed(self._readings):
            if at < began:
                break
            worst = max(worst, delay)
        return worst
