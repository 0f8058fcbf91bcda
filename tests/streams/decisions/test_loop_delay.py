"""The control of punctuality: how long an event loop waited for a processor since a question came."""

import asyncio
import time

import pytest
from prometheus_client import CollectorRegistry

from streams.decisions.decision_metrics import DecisionMetrics
from streams.decisions.loop_delay import KEPT, PERIOD_SECONDS, LoopDelay

BEGAN = 100.0


@pytest.fixture
def control() -> LoopDelay:
    return LoopDelay(DecisionMetrics(CollectorRegistry()))


def fire(control: LoopDelay, at: float, late: float, spent: float = 0.0) -> None:
    """A timer that fires late while this thread spends processor time, and the next one."""
    control.wait_from(at - late - PERIOD_SECONDS, 0.0)
    control.note(at, spent)
    control.wait_from(at, spent)


def test_what_timers_were_late_adds_up_from_the_moment_on(control: LoopDelay) -> None:
    for at, late in ((99.9, 9.0), (100.4, 0.3), (100.8, 0.2), (100.9, 0.001)):
        fire(control, at, late)
    assert control.starved_since(BEGAN, 100.9, 0.0) == pytest.approx(0.5)


def test_a_delay_from_before_the_moment_counts_from_it_on(control: LoopDelay) -> None:
    fire(control, 100.1, 3.0)
    assert control.starved_since(BEGAN, 100.1, 0.0) == pytest.approx(0.1)


def test_what_our_own_code_spends_is_no_waiting(control: LoopDelay) -> None:
    """A collection of garbage that blocks the loop is a fault of ours."""
    fire(control, 100.5, 0.4, spent=0.39)
    assert control.starved_since(BEGAN, 100.5, 0.39) == pytest.approx(0.01)


def test_a_timer_that_has_yet_to_fire_counts(control: LoopDelay) -> None:
    control.wait_from(BEGAN, 0.0)
    assert control.starved_since(BEGAN, BEGAN + PERIOD_SECONDS + 0.3, 0.1) == pytest.approx(0.2)


def test_readings_are_bounded(control: LoopDelay) -> None:
    fire(control, 100.5, 0.4)
    for _ in range(KEPT):
        fire(control, 101.0, 0.0)
    assert control.starved_since(BEGAN, 101.0, 0.0) == 0.0


async def test_it_measures_while_it_runs() -> None:
    metrics = DecisionMetrics(CollectorRegistry())
    control = LoopDelay(metrics)
    running = asyncio.create_task(control.run())
    name = "forewarn_decide_loop_delay_seconds_count"
    began = time.monotonic()
    async with asyncio.timeout(60):
        while not metrics.registry.get_sample_value(name):
            await asyncio.sleep(PERIOD_SECONDS)
    running.cancel()
    now = time.monotonic()
    assert 0.0 <= control.starved_since(began, now, time.thread_time()) <= now - began
