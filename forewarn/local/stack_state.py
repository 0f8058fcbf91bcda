"""The state of ``forewarn up`` for other commands: a small JSON file."""

from pathlib import Path
from typing import Literal

import msgspec

from forewarn.local.directory_lock import lock_holder
from forewarn.local.stack_layout import Layout

Phase = Literal["starting", "ready", "stopping", "failed"]


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the stack; ``probe`` is a URL that answers 200 when it is ready."""

    name: str
    pid: int
    log: str
    probe: str = ""


class StackState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stack as its supervisor last described it.

    Attributes:
        pid: of the supervisor.
        phase: where it is.
        step: what it did last, while it starts.
        error: why it did not start.
        started_at_ms: UTC milliseconds.
        processes: what runs.
        urls: addresses by name: ``console``, ``decisions`` and ``metrics_`` of each process.
    """

    pid: int
    phase: Phase
    step: str = ""
    error: str = ""
    started_at_ms: int
    processes: list[ProcessState] = []
    urls: dict[str, str] = {}


def write_state(layout: Layout, state: StackState) -> None:
    """Replace the file as a whole, so that no reader sees half of it."""
    scratch = layout.state_file.with_suffix(".new")
    scratch.write_bytes(msgspec.json.encode(state))
    scratch.rename(layout.state_file)


def read_state(directory: Path) -> StackState | None:
    """The state of the stack that runs in a directory or failed to start there, else None."""
    runs = lock_holder(directory) is not None
    try:
        state = msgspec.json.decode(Layout(directory).state_file.read_bytes(), type=StackState)
    except FileNotFoundError:
        return None
    # Any other file without a supervisor was left behind by a killed one, and describes nothing.
    return state if runs or state.phase == "failed" else None
