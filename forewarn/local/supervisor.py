"""Run a stack in this process: lock, state file, signals, and restarts of what ends."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec

from forewarn.errors import ForewarnError
from forewarn.local.directory_lock import DirectoryLock
from forewarn.local.stack import Stack, Tell
from forewarn.local.stack_layout import Layout, private_files
from forewarn.local.stack_state import StackState, read_state, write_state
from forewarn.platform.settings import LocalSettings

CHECK_SECONDS = 1.0
BACKOFF_SECONDS_MAX = 30.0

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def running_stack(
    settings: LocalSettings,
    *,
    tell: Tell,
    models: Path | None = None,
    prelude: Sequence[str] = (),
    fresh: bool = False,
) -> Iterator[Stack]:
    """A started stack, stopped however the block is left.

    SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt in the block, or in the start.

    Args:
        settings: of the stack.
        tell: receives each step.
        models: the model registry, if it is not to lie in the directory.
        prelude: a command that fills the state before the workers start.
        fresh: begin without the events, state and cases of earlier runs.

    Raises:
        ConfigurationError: if another stack runs in the directory.
        DependencyUnavailableError: if a part does not start, with the end of its log.
    """
    root = settings.directory.absolute()
    with _interrupted_by_signals(), private_files(), DirectoryLock(root):
        diary = Diary(Layout(root), tell)
        stack = Stack(settings, tell=diary.step, models=models, prelude=prelude)
        if fresh:
            stack.layout.forget()
        stack.layout.prepare()
        try:
            diary.begin()
            try:
                stack.start()
            except ForewarnError as error:
                diary.fail(error)
                raise
            diary.describe(stack)
            yield stack
        finally:
            with _deaf_to_signals():  # nothing may cut the stop short
                stack.stop()
                diary.end()


class Diary:
    """Writes for `forewarn status` what a stack does.

    Args:
        layout: names the file.
        tell: receives each step as well.
    """

    def __init__(self, layout: Layout, tell: Tell) -> None:
        self._layout, self._tell = layout, tell
        self._guard = threading.Lock()  # steps come from several threads
        self._state: StackState | None = None

    def begin(self) -> None:
        """The start begins."""
        started_at_ms = time.time_ns() // 1_000_000
        self._write(StackState(pid=os.getpid(), phase="starting", started_at_ms=started_at_ms))

    def step(self, line: str) -> None:
        """The start came this far."""
        self._tell(line)
        with self._guard:
            state = self._state
            if state is not None and state.phase == "starting":
                self._write(msgspec.structs.replace(state, step=line))

    def describe(self, stack: Stack) -> None:
        """Everything is up, and this is what runs."""
        with self._guard:
            if self._state is not None:
                ready = msgspec.structs.replace(
                    self._state,
                    phase="ready",
                    step="",
                    processes=stack.processes(),
                    urls=stack.urls,
                )
                self._write(ready)

    def fail(self, error: ForewarnError) -> None:
        """The start failed; the file stays to say why."""
        with self._guard:
            if self._state is not None:
                self._write(msgspec.structs.replace(self._state, phase="failed", error=str(error)))

    def end(self) -> None:
        """Nothing runs any more."""
        if self._state is not None and self._state.phase != "failed":
            self._layout.state_file.unlink(missing_ok=True)

    def _write(self, state: StackState) -> None:
        self._state = state
        write_state(self._layout, state)


def supervise(stack: Stack, *, tell: Tell, sleep: Callable[[float], None] = time.sleep) -> None:
    """Start again what ends, with growing pauses, until KeyboardInterrupt."""
    backoff = CHECK_SECONDS
    while True:
        sleep(backoff)
        restarted = stack.restart_ended()
        if restarted:
            tell(f"started again after it had ended: {', '.join(restarted)}")
            state = read_state(stack.layout.root)
            if state is not None:
                write_state(
                    stack.layout, msgspec.structs.replace(state, processes=stack.processes())
                )
        # A part that ends at once each time must not be started again each second.
        backoff = min(backoff * 2, BACKOFF_SECONDS_MAX) if restarted else CHECK_SECONDS


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _deaf_to_signals() -> Iterator[None]:
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
