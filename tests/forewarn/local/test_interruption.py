"""What a signal does to a stack in this process, and what the record of a stack says and when."""

import os
import signal
import threading
from pathlib import Path

import pytest

from forewarn.errors import DependencyUnavailableError
from forewarn.local.run_record import RunRecord
from forewarn.local.stack import Stack
from forewarn.local.stack_layout import Layout
from forewarn.local.stop_signals import StopSignals
from forewarn.platform.settings import LocalSettings


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.fixture
def record(layout: Layout) -> RunRecord:
    return RunRecord(layout, lambda _line: None)


def files(layout: Layout) -> set[str]:
    return {path.name for path in layout.root.iterdir()}


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_a_step_that_comes_after_the_end_writes_nothing(layout: Layout, record: RunRecord) -> None:
    record.begin()
    record.step("state: computing")
    assert files(layout) == {"stack.json"}
    record.end()
    record.step("state: computed")
    assert files(layout) == set()


def test_a_record_that_ends_removes_all_that_says_what_runs(
    layout: Layout, record: RunRecord
) -> None:
    record.begin()
    record.describe(Stack(LocalSettings(directory=layout.root), tell=print))
    assert files(layout) == {"stack.json", "stack.env"}
    record.end()
    assert files(layout) == set()


def test_the_record_of_a_failed_start_stays_and_its_settings_go(
    layout: Layout, record: RunRecord
) -> None:
    record.begin()
    record.fail(DependencyUnavailableError("no port"))
    record.end()
    assert files(layout) == {"stack.json"}
    assert "no port" in layout.state_file.read_text()


def test_a_signal_raises_where_it_may_and_is_kept_elsewhere() -> None:
    with StopSignals() as signals:
        interrupt()
        assert signals.asked
        with pytest.raises(KeyboardInterrupt), signals.interruptible():
            pytest.fail("the signal that had come was lost")


def test_a_signal_in_the_block_raises_once() -> None:
    with StopSignals() as signals:
        with pytest.raises(KeyboardInterrupt), signals.interruptible():
            interrupt()
        interrupt()  # the user presses again during the stop


def test_a_signal_ends_the_wait_for_a_thread_but_not_the_thread() -> None:
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    with StopSignals() as signals:
        thread.start()
        threading.Timer(0.1, interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            signals.wait_for(thread)
        assert thread.is_alive()
        release.set()
        thread.join()


def test_handlers_of_before_are_in_place_again_after_the_stop() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopSignals():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
