"""The files that say what runs in a stack's directory, written and removed here alone.

``stack.json`` is for ``forewarn status``, ``stack.env`` for other commands against the stack.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from forewarn.errors import ForewarnError
from forewarn.local.stack_layout import Layout
from forewarn.local.stack_state import StackState, write_state

if TYPE_CHECKING:
    from forewarn.local.stack import Stack


class RunRecord:
    """Writes what a stack does from ``begin`` to ``end``; nothing before and nothing after.

    A step may arrive after the end: a thread of the start that was interrupted goes on for a moment.

    Args:
        layout: names the files.
        tell: receives each step as well.
    """

    def __init__(self, layout: Layout, tell: Callable[[str], None]) -> None:
        self._layout, self._tell = layout, tell
        self._guard = threading.Lock()  # steps come from several threads
        self._state: StackState | None = None

    def begin(self) -> None:
        """The start begins."""
        with self._guard:
            started_at_ms = time.time_ns() // 1_000_000
            self._write(StackState(pid=os.getpid(), phase="starting", started_at_ms=started_at_ms))

    def step(self, line: str) -> None:
        """The start came this far."""
        self._tell(line)
        with self._guard:
            state = self._state
            if state is not None and state.phase == "starting":
                self._write(msgspec.structs.replace(state, step=line))

    def describe(self, stack: "Stack") -> None:
        """Everything is up, and this is what runs."""
        with self._guard:
            if self._state is not None:
                self._layout.write_environment(stack.environment)
                ready = msgspec.structs.replace(
                    self._state,
                    phase="ready",
                    step="",
                    processes=stack.processes(),
                    urls=stack.urls,
                )
                self._write(ready)

    def fail(self, error: ForewarnError) -> None:
        """The start failed; ``stack.json`` stays to say why."""
        with self._guard:
            if self._state is not None:
                self._write(msgspec.structs.replace(self._state, phase="failed", error=str(error)))

    def end(self) -> None:
        """Nothing runs any more."""
        with self._guard:
            failed = self._state is not None and self._state.phase == "failed"
            self._state = None
            self._layout.environment_file.unlink(missing_ok=True)
            if not failed:
                self._layout.state_file.unlink(missing_ok=True)

    def _write(self, state: StackState) -> None:
        self._state = state
        write_state(self._layout, state)
