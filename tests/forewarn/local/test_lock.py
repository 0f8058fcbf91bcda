"""One stack a directory, and no lock outlives its holder."""

import subprocess
import sys
from pathlib import Path

import pytest

from forewarn.errors import ConfigurationError
from forewarn.local.layout import Layout
from forewarn.local.lock import DirectoryLock, lock_holder
from forewarn.local.state import StackState, read_state, write_state
from forewarn.local.waiting import wait_until

HOLD = (
    "import sys, time; from pathlib import Path; from forewarn.local.lock import DirectoryLock\n"
    "with DirectoryLock(Path(sys.argv[1])): print('held', flush=True); time.sleep(300)"
)


def test_a_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert lock_holder(tmp_path) == holder.pid
        complaint = rf"process {holder.pid}.*forewarn down"
        with pytest.raises(ConfigurationError, match=complaint), DirectoryLock(tmp_path):
            pass
        holder.kill()
    wait_until(lambda: lock_holder(tmp_path) is None, 10, what="the lock to be free")
    with DirectoryLock(tmp_path):
        pass
    assert not (tmp_path / "lock").exists()


def test_the_state_of_a_killed_supervisor_describes_nothing(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.prepare()
    state = StackState(pid=1, phase="ready", started_at_ms=5)
    with DirectoryLock(tmp_path):
        write_state(layout, state)
        assert read_state(tmp_path) == state
    assert read_state(tmp_path) is None


def test_secrets_are_made_once_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.prepare()
    name = "forewarn_privacy_pseudonym_key"
    first = layout.secret(name)
    layout.prepare()
    assert layout.secret(name) == first
    assert len(first) == 64
    assert (layout.secrets / name).stat().st_mode & 0o077 == 0


def test_forgetting_keeps_models_and_secrets(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.prepare()
    for directory in (layout.kafka, layout.redis, layout.registry, tmp_path / "worker-1"):
        directory.mkdir(parents=True)
    layout.database.touch()
    layout.forget()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"models", "secrets", ".gitignore"}
