"""How late a bare timer of the event loop fires, and how long its thread waited for a processor.

It separates a slow part of ours from a machine that others use: while the thread is not given a processor, no code
of ours can answer. The kernel counts that wait; where it does not, what a timer was late and the thread did not
spend itself stands for it.
"""

import asyncio
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from streams.decisions.decision_metrics import DecisionMetrics
from streams.decisions.processor_wait import ProcessorWait

PERIOD_SECONDS = 0.02
USUAL_SECONDS = 0.002
"""A timer is this late on an idle machine, too."""

KEPT = 1000
"""Readings that are remembered: 20 seconds, above every usual deadline."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Sums since the start, in seconds.

    Attributes:
        at: monotonic seconds.
        late: what timers were late.
        starved: what the thread waited for a processor.
    """

    at: float
    late: float = 0.0
    starved: float = 0.0


class LoopDelay:
    """Measures the delay of the event loop that it runs on; made by the thread of that loop.

    Args:
        metrics: the histogram.
        wait: the kernel's count for this thread.
        spent: seconds of processor time of this thread until now; asked only where the kernel does not count, for under
            load the question alone makes a thread wait for milliseconds.
    """

    def __init__(
        self,
        metrics: DecisionMetrics,
        wait: ProcessorWait | None = None,
        spent: Callable[[], float] = time.thread_time,
    ) -> None:
        self._metrics = metrics
        self._wait = wait or ProcessorWait()
        self._spent_now = spent if self._wait.seconds() is None else lambda: 0.0
        self._due = self._spent = 0.0
        self._readings: deque[Reading] = deque([Reading(0.0)], maxlen=KEPT)

    async def run(self) -> None:
        """Measure until cancelled."""
        self._readings.append(self._read(time.monotonic()))
        while True:
            self.wait_from(time.monotonic())
            await asyncio.sleep(PERIOD_SECONDS)
            self.note(time.monotonic())

    def wait_from(self, now: float) -> None:
        """Begin to wait for a timer, at ``now`` in monotonic seconds."""
        self._due, self._spent = now + PERIOD_SECONDS, self._spent_now()

    def note(self, now: float) -> None:
        """Take a reading: the timer has fired, at ``now`` in monotonic seconds."""
        self._metrics.loop_delay.observe(max(0.0, now - self._due))
        self._readings.append(self._read(now))

    def since(self, began: float, now: float) -> Reading:
        """What was late and starved since a moment, the timer that has yet to fire included.

        Each is at most the time that passed; what began before the moment counts from it on.

        Args:
            began: monotonic seconds.
            now: monotonic seconds.
        """
        before = self._readings[max(0, bisect_right(self._readings, began, key=_at) - 1)]
        ended, most = self._read(now), now - began
        # The last reading before the moment may lie far before it, where the loop stood still then.
        outside = max(0.0, began - before.at - PERIOD_SECONDS) if before.at else 0.0
        late, starved = ended.late - before.late, ended.starved - before.starved
        return Reading(
            now, max(0.0, min(most, late - outside)), max(0.0, min(most, starved - outside))
        )

    def _read(self, now: float) -> Reading:
        last, late = self._readings[-1], now - self._due
        if not self._due or late <= USUAL_SECONDS:
            late = 0.0
        waited = self._wait.seconds()
        if waited is None:
            waited = last.starved + max(0.0, late - (self._spent_now() - self._spent))
        return Reading(now, last.late + late, waited)


def _at(reading: Reading) -> float:
    return reading.at
