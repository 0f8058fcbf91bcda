"""The control of punctuality: how late an event loop ran and how long it waited for a processor meanwhile."""

import asyncio
import time

import pytest
from prometheus_client import CollectorRegistry

from streams.decisions.decision_metrics import DecisionMetrics
from streams.decisions.loop_delay import KEPT, PERIOD_SECONDS, LoopDelay
from streams.decisions.processor_wait import ProcessorWait

BEGAN = 100.0


class Kernel(ProcessorWait):
    """What a kernel says: nothing where ``waited`` is None."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: float | None = None
        self.spent = 0.0

    def seconds(self) -> float | None:
        return self.waited


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def control(kernel: Kernel) -> LoopDelay:
    return LoopDelay(DecisionMetrics(CollectorRegistry()), kernel, lambda: kernel.spent)


def fire(control: LoopDelay, at: float, late: float) -> None:
    """A timer that fires late, and the next one."""
    control.wait_from(at - late - PERIOD_SECONDS)
    control.note(at)
    control.wait_from(at)


def test_what_timers_were_late_adds_up_from_the_moment_on(control: LoopDelay) -> None:
    for at, late in ((99.99, 9.0), (100.4, 0.3), (100.8, 0.2), (100.9, 0.001)):
        fire(control, at, late)
    found = control.since(BEGAN, 100.9)
    assert (found.late, found.starved) == pytest.approx((0.5, 0.5))


def test_a_delay_from_before_the_moment_counts_for_no_longer_than_since_then(
    control: LoopDelay,
) -> None:
    fire(control, 100.1, 3.0)
    assert control.since(BEGAN, 100.1).late == pytest.approx(0.1)


def test_a_wait_that_began_before_the_moment_counts_from_it_on(
    control: LoopDelay, kernel: Kernel
) -> None:
    """The loop stood still for a second, of which the last 0.4 lie after the moment, and then did its own work."""
    kernel.waited = 7.0
    fire(control, BEGAN - 0.6, 0.0)
    kernel.waited = 8.0
    fire(control, 100.7, 1.28)
    found = control.since(BEGAN, 100.7)
    assert found.starved == pytest.approx(0.4, abs=PERIOD_SECONDS + 0.001)


def test_what_our_own_code_spends_is_late_and_no_waiting(
    control: LoopDelay, kernel: Kernel
) -> None:
    """A collection of garbage that blocks the loop is a fault of ours."""
    control.wait_from(100.5 - 0.4 - PERIOD_SECONDS)
    kernel.spent = 0.39
    control.note(100.5)
    control.wait_from(100.5)
    found = control.since(BEGAN, 100.5)
    assert (found.late, found.starved) == pytest.approx((0.4, 0.01))


def test_the_kernel_knows_better_what_was_waiting(control: LoopDelay, kernel: Kernel) -> None:
    """A write that blocks the loop spends no processor time, and is a fault of ours all the same."""
    kernel.waited = 7.0
    fire(control, 99.99, 0.0)
    kernel.waited = 7.1
    fire(control, 100.5, 0.4)
    found = control.since(BEGAN, 100.5)
    assert (found.late, found.starved) == pytest.approx((0.4, 0.1))


def test_a_timer_that_has_yet_to_fire_counts(control: LoopDelay, kernel: Kernel) -> None:
    control.wait_from(BEGAN)
    kernel.spent = 0.1
    found = control.since(BEGAN, BEGAN + PERIOD_SECONDS + 0.3)
    assert (found.late, found.starved) == pytest.approx((0.3, 0.2))


def test_readings_are_bounded(control: LoopDelay) -> None:
    for number in range(2 * KEPT):
        fire(control, 101.0 + number, 0.0)
    assert len(control._readings) == KEPT


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
    found = control.since(began, now)
    assert 0.0 <= found.late <= now - began
    assert 0.0 <= found.starved <= now - began


def test_the_count_of_the_kernel_never_goes_back() -> None:
    wait = ProcessorWait()
    first, second = wait.seconds(), wait.seconds()
    assert first is None or second is not None
    assert 0.0 <= (first or 0.0) <= (second or 0.0)
