"""One stack a directory, and no lock outlives its holder."""

import fcntl
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from forewarn.cli.down_command import _signal
from forewarn.errors import ConfigurationError
from forewarn.local.directory_lock import DirectoryLock, lock_holder, where_it_runs
from forewarn.local.stack_layout import Layout, private_files
from forewarn.local.stack_state import StackState, read_state, write_state
from forewarn.local.wait import wait_until

HOLD = (
    "import sys, time; from pathlib import Path; from forewarn.local.directory_lock import DirectoryLock\n"
    "with DirectoryLock(Path(sys.argv[1])): print('held', flush=True); time.sleep(300)"
)


def test_a_second_holder_gets_an_error_that_names_the_first(tmp_path: Path) -> None:
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


def test_the_state_of_a_killed_supervisor_is_ignored(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.prepare()
    state = StackState(pid=1, phase="ready", started_at_ms=5)
    with DirectoryLock(tmp_path):
        write_state(layout, state)
        assert read_state(tmp_path) == state
    assert read_state(tmp_path) is None


def test_a_failed_start_is_reported_when_the_lock_is_free(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.prepare()
    failed = StackState(pid=1, phase="failed", started_at_ms=5, error="Kafka did not start.")
    write_state(layout, failed)
    assert read_state(tmp_path) == failed


@pytest.fixture
def silent_holder(tmp_path: Path) -> Iterator[int]:
    """The descriptor of a lock whose holder has not written its number yet."""
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield descriptor
    os.close(descriptor)


def test_a_holder_that_is_about_to_name_itself_is_awaited(
    tmp_path: Path, silent_holder: int
) -> None:
    """Its number used to be read as 0, and a signal to process 0 is one to all of our own."""
    found: list[int | None] = []
    asking = threading.Thread(target=lambda: found.append(lock_holder(tmp_path)))
    asking.start()
    os.write(silent_holder, b"4711")
    asking.join(10)
    assert found == [4711]


def test_a_holder_that_never_names_itself_is_an_error(tmp_path: Path, silent_holder: int) -> None:
    with pytest.raises(ConfigurationError, match="without naming itself"):
        lock_holder(tmp_path)


def test_reading_a_lock_prevents_no_start(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    looking = threading.Timer(0.1, os.close, (descriptor,))
    looking.start()
    with DirectoryLock(tmp_path):
        assert lock_holder(tmp_path) == os.getpid()
    looking.join()


def test_only_the_holder_of_the_lock_is_signalled(tmp_path: Path) -> None:
    """After a crash the number in the file may have been given to any other program."""
    with subprocess.Popen(["sleep", "300"]) as other:
        _signal(other.pid, tmp_path, signal.SIGKILL)
        assert other.poll() is None
        other.kill()
    _signal(other.pid, tmp_path, signal.SIGKILL)  # no process has the number any more


def test_a_file_is_no_directory_for_a_stack(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.touch()
    for ask in (lambda: lock_holder(file), lambda: DirectoryLock(file).__enter__()):
        with pytest.raises(ConfigurationError, match=r"cannot be the directory.*--dir"):
            ask()


def test_a_demonstration_is_found_where_no_stack_runs(tmp_path: Path) -> None:
    assert where_it_runs(tmp_path) == tmp_path
    with DirectoryLock(tmp_path / "demo"):
        assert where_it_runs(tmp_path) == tmp_path / "demo"
        with DirectoryLock(tmp_path):
            assert where_it_runs(tmp_path) == tmp_path


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
    assert left == {"models", "secrets", ".gitignore", "alerting.toml"}


def test_a_shell_reads_the_settings_as_they_are(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "反 诈's")
    layout.prepare()
    given = {"A": "it's", "B": "$HOME `id` \\", "C": "反 诈"}
    layout.write_environment(given)
    script = f'set -a; . {shlex.quote(str(layout.environment_file))}; printf "%s\n" "$A" "$B" "$C"'
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == list(given.values())


def test_a_directory_that_no_database_address_can_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="question mark"):
        Layout(tmp_path / "what?").prepare()


def test_what_a_stack_makes_is_its_owners_alone(tmp_path: Path) -> None:
    with private_files(), DirectoryLock(tmp_path / "new"):
        Layout(tmp_path / "new").prepare()
        (tmp_path / "new" / "alerting.db").touch()
    made = [tmp_path / "new", *(tmp_path / "new").rglob("*")]
    assert not [path for path in made if path.stat().st_mode & 0o077]
