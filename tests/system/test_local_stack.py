"""``forewarn up``, ``down``, ``status`` and ``demo`` as a user runs them, and what they leave."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from forewarn.local.lock import lock_holder
from forewarn.local.state import read_state
from forewarn.local.waiting import wait_until
from tests.system.stacks import processes_of

pytestmark = pytest.mark.system

START_SECONDS = 120.0


@pytest.fixture
def root(tmp_path: Path, model_registry: Path, servers: None) -> Iterator[Path]:
    """A directory with a model, in which nothing runs before and after."""
    shutil.copytree(model_registry, tmp_path / "models")
    yield tmp_path
    holder = lock_holder(tmp_path)
    if holder is not None:
        os.kill(holder, signal.SIGKILL)


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "forewarn", *map(str, arguments)]


def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*arguments), capture_output=True, text=True, timeout=200, check=False
    )


def _nothing_is_left(root: Path) -> None:
    wait_until(lambda: not processes_of(root), 15, what=f"nothing to run: {processes_of(root)}")
    assert lock_holder(root) is None
    assert not list(root.rglob("lock"))
    assert not list(root.rglob("stack.json"))


def test_a_stack_stays_refuses_a_second_one_keeps_its_data_and_goes_without_a_trace(
    root: Path,
) -> None:
    up = _run("up", "--dir", root)
    assert up.returncode == 0, up.stdout + up.stderr
    assert re.search(r"console +http://127\.0\.0\.1:\d+", up.stdout)
    assert _run("status", "--dir", root).returncode == 0

    second = _run("up", "--dir", root)
    assert second.returncode == 2
    assert f"a stack already runs in {root}" in second.stderr
    assert "Traceback" not in second.stderr

    environment = _settings(root)
    samples = Path(__file__).parents[2] / "docs" / "samples"
    replayed = subprocess.run(
        _command("replay", samples / "calls.csv"),
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "9 events sent" in replayed.stdout, replayed.stderr

    assert _run("down", "--dir", root).returncode == 0
    _nothing_is_left(root)
    assert _run("status", "--dir", root).returncode == 1
    assert (root / "kafka" / "data").is_dir()
    assert (root / "redis" / "appendonly.aof").stat().st_size > 0
    assert (root / "alerting.db").stat().st_size > 0


def test_a_short_demo_warns_prevents_and_ends_by_itself(root: Path) -> None:
    demo = _run(
        *("demo", "--dir", root, "--seconds", 20, "--subscribers", 3000, "--speed", 1800),
        *("--prevalence", 0.03, "--plain"),
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    warnings = int(re.search(r"warnings raised +([\d,]+)", demo.stdout)[1].replace(",", ""))
    assert warnings > 0
    assert re.search(r"append to warning +p50 [\d,]+ ms, p99 [\d,]+ ms", demo.stdout)
    assert re.search(r"loss prevented +[\d,.]+ CNY", demo.stdout)
    _nothing_is_left(root)


@pytest.mark.parametrize("moment", ["Kafka: starting", "everything is up"])
def test_ctrl_c_at_any_time_leaves_nothing(root: Path, moment: str) -> None:
    with subprocess.Popen(
        _command("demo", "--dir", root, "--seconds", 60, "--subscribers", 500, "--plain"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as demo:
        assert demo.stdout is not None
        seen = []
        for line in demo.stdout:
            seen.append(line)
            if moment in line:
                break
        else:
            pytest.fail(f"it never came to {moment}: {seen}")
        demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read()
        assert demo.wait(START_SECONDS) == 130, rest
    assert "Traceback" not in rest
    _nothing_is_left(root)


def test_a_killed_supervisor_takes_everything_with_it(root: Path) -> None:
    log = (root / "up.log").open("w")
    up = subprocess.Popen(
        _command("up", "--foreground", "--dir", root), stdout=log, stderr=subprocess.STDOUT
    )
    wait_until(
        lambda: (state := read_state(root)) is not None and state.phase == "ready",
        START_SECONDS,
        what="the stack to be ready",
    )
    up.kill()
    up.wait()
    log.close()
    wait_until(lambda: not processes_of(root), 15, what="the children to die")
    assert lock_holder(root) is None


def _settings(root: Path) -> dict[str, str]:
    lines = (root / "stack.env").read_text().splitlines()
    return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}
