"""The control of punctuality: the greatest delay of a bare timer since a question came."""

import asyncio

from prometheus_client import CollectorRegistry

from streams.decisions.decision_metrics import DecisionMetrics
from streams.decisions.loop_delay import KEPT, LoopDelay


def test_the_worst_reading_since_a_moment_counts_and_earlier_ones_do_not() -> None:
    delay = LoopDelay(DecisionMetrics(CollectorRegistry()))
    for now, due in ((10.0, 9.5), (11.0, 10.9), (12.0, 11.8), (13.0, 13.5)):
        delay.note(now, due)
    assert round(delay.worst_since(10.5, 13.0), 6) == 0.2
    assert round(delay.worst_since(9.0, 13.0), 6) == 0.5
    assert delay.worst_since(12.5, 13.0) == 0.0


def test_readings_are_bounded() -> None:
    delay = LoopDelay(DecisionMetrics(CollectorRegistry()))
    delay.note(0.0, -9.0)
    for _ in range(KEPT):
        delay.note(1.0, 1.0)
    assert delay.worst_since(0.0, 1.0) == 0.0


async def test_a_blocked_loop_is_seen_while_it_is_blocked() -> None:
    """The question that waited for it is answered before the timer that was due has fired."""
    delay = LoopDelay(DecisionMetrics(CollectorRegistry()))
    running = asyncio.create_task(delay.run())
    await asyncio.sleep(0)
    due = delay._due
    assert round(delay.worst_since(due - 1.0, due + 0.3), 6) == 0.3
    running.cancel()
