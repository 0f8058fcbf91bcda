"""Run a stack in this process: lock, record of what runs, signals, and restarts of what ends."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from forewarn.errors import ForewarnError
from forewarn.local.directory_lock import DirectoryLock
from forewarn.local.run_record import RunRecord
from forewarn.local.stack import Stack, Tell
from forewarn.local.stack_layout import Layout, private_files
from forewarn.local.stop_signals import StopSignals
from forewarn.platform.settings import LocalSettings

CHECK_SECONDS = 1.0
BACKOFF_SECONDS_MAX = 30.0


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

    SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt in the block, and end a start.

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
    with StopSignals() as signals, private_files(), DirectoryLock(root):
        record = RunRecord(Layout(root), tell)
        stack = Stack(
            settings, tell=record.step, models=models, prelude=prelude, changed=record.describe
        )
        if fresh:
            stack.layout.forget()
        stack.layout.prepare()
        try:
            record.begin()
            try:
                _start(stack, signals)
            except ForewarnError as error:
                record.fail(error)
                raise
            record.describe(stack)
            with signals.interruptible():
                yield stack
        finally:  # no signal raises here, so nothing cuts the stop short
            stack.stop()
            record.end()


def _start(stack: Stack, signals: StopSignals) -> None:
    """Start in a thread of its own, since an exception in the middle of it would lose what it began."""
    failure: list[BaseException] = []

    def start() -> None:
        try:
            stack.start()
        except BaseException as error:  # noqa: BLE001  raised again by the thread that waits
            failure.append(error)

    starting = Thread(target=start, name="stack")
    starting.start()
    try:
        signals.wait_for(starting)
    except KeyboardInterrupt:
        stack.stop()  # nothing starts from now on, so that the thread ends
        starting.join()
        raise
    if failure:
        raise failure[0]


def supervise(stack: Stack, *, tell: Tell, sleep: Callable[[float], None] = time.sleep) -> None:
    """Start again what ends, with growing pauses, until KeyboardInterrupt."""
    backoff = CHECK_SECONDS
    while True:
        sleep(backoff)
        restarted = stack.restart_ended()
        if restarted:
            tell(f"started again after it had ended: {', '.join(restarted)}")
        # A part that ends at once each time must not be started again each second.
        backoff = min(backoff * 2, BACKOFF_SECONDS_MAX) if restarted else CHECK_SECONDS
