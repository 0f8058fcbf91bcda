"""Run a stack in this process: lock, state file, signals, and restarts of what ends."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec

from forewarn.local.lock import DirectoryLock
from forewarn.local.stack import Stack, Tell
from forewarn.local.state import StackState, write_state
from forewarn.settings import LocalSettings

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
        tell: told of each step.
        models: the model registry, if it is not to lie in the directory.
        prelude: a command that fills the state before the workers start.
        fresh: begin without the events, state and cases of earlier runs.

    Raises:
        ConfigurationError: if another stack runs in the directory.
        DependencyUnavailableError: if a part does not start, with the end of its log.
    """
    with _interrupted_by_signals(), DirectoryLock(settings.directory.absolute()):
        stack = Stack(settings, tell=tell, models=models, prelude=prelude)
        if fresh:
            stack.layout.forget()
        stack.layout.prepare()
        state = StackState(
            pid=os.getpid(), phase="starting", started_at_ms=time.time_ns() // 1_000_000
        )
        try:
            write_state(stack.layout, state)
            stack.start()
            describe(stack, state)
            yield stack
        finally:
            with _deaf_to_signals():  # nothing may cut the stop short
                stack.stop()
                stack.layout.state_file.unlink(missing_ok=True)


def describe(stack: Stack, state: StackState) -> None:
    """Write what runs now for `forewarn status`."""
    write_state(
        stack.layout,
        msgspec.structs.replace(state, phase="ready", processes=stack.processes(), urls=stack.urls),
    )


def supervise(stack: Stack, *, tell: Tell, sleep: Callable[[float], None] = time.sleep) -> None:
    """Start again what ends, with growing pauses, until KeyboardInterrupt."""
    started_at_ms = time.time_ns() // 1_000_000
    backoff = CHECK_SECONDS
    while True:
        sleep(backoff)
        restarted = stack.restart_ended()
        if restarted:
            tell(f"started again after it had ended: {', '.join(restarted)}")
            describe(stack, StackState(pid=os.getpid(), phase="ready", started_at_ms=started_at_ms))
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
