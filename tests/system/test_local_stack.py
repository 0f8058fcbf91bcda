"""``forewarn up``, ``down``, ``status`` and ``demo`` as a user runs them, and what they leave."""

import json
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import redis
from kafka import KafkaProducer

from forewarn.cli.lag_command import measure
from forewarn.contracts import encode
from forewarn.local.directory_lock import lock_holder
from forewarn.local.stack_state import read_state
from forewarn.local.wait import wait_until
from forewarn.platform.settings import KafkaSettings
from tests.system.stacks import (
    call_from_swindler,
    processes_of,
    scripted_policy,
    transfer_during,
)

pytestmark = pytest.mark.system

START_SECONDS = 120.0
INTERRUPTS = int(os.environ.get("FOREWARN_INTERRUPTS", "1"))
RANDOM_SECONDS = 20.0
SEED = int(os.environ.get("FOREWARN_CHAOS_SEED", random.SystemRandom().randrange(10**6)))


@pytest.fixture
def bare_root(tmp_path: Path, servers: None) -> Iterator[Path]:
    """An empty directory of an ordinary kind: its name has what programs like to trip over."""
    root = tmp_path / "反 诈's, no. 1"
    yield root
    for place in (root, root / "demo"):
        holder = lock_holder(place)
        if holder is not None:
            os.kill(holder, signal.SIGKILL)


@pytest.fixture
def root(bare_root: Path, model_registry: Path) -> Path:
    """The same with a model, so that none is trained."""
    shutil.copytree(model_registry, bare_root / "models")
    return bare_root


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "forewarn", *map(str, arguments)]


def _run(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*arguments),
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def _nothing_is_left(root: Path) -> None:
    wait_until(lambda: not processes_of(root), 15, what=f"nothing to run: {processes_of(root)}")
    assert lock_holder(root) is None
    assert not list(root.rglob("lock"))
    assert not list(root.rglob("stack.json"))
    assert not list(root.rglob("stack.env"))


def test_a_stack_stays_refuses_a_second_one_and_has_its_data_again_after_a_restart(
    root: Path, tmp_path: Path
) -> None:
    policy = {"FOREWARN_WORKER_POLICY_FILE": str(scripted_policy(tmp_path / "policy.toml"))}

    up = _run("up", "--dir", root, **policy)
    assert up.returncode == 0, up.stdout + up.stderr
    shown = re.findall(r"^console +http://127\.0\.0\.1:\d+$", up.stdout, re.MULTILINE)
    assert len(shown) == 1, up.stdout
    assert re.search(r"features: kernel (compiled|loaded) in ", up.stdout)
    assert _run("status", "--dir", root).returncode == 0
    state = json.loads(_run("status", "--dir", root, "--json").stdout)
    assert {"console", "decisions", "metrics_worker_1", "metrics_alerting"} <= set(state["urls"])
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in state["urls"])
    assert Path(state["console_password_file"]).is_file()

    doctor = _run("doctor", "--remote", **_settings(root))
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "missing" not in doctor.stdout

    second = _run("up", "--dir", root)
    assert second.returncode == 2
    assert f"a stack already runs in {root}" in second.stderr
    assert "Traceback" not in second.stderr

    password = (root / "secrets" / "console_password").read_text()
    assert password not in up.stdout + (root / "logs" / "supervisor.log").read_text()
    assert {oct(p.stat().st_mode & 0o077) for p in (root / "logs").iterdir()} == {"0o0"}

    _scam(_settings(root))
    wait_until(lambda: _holdings(root)["cases"], START_SECONDS, what="the case")
    wait_until(lambda: _lag(root) == 0, START_SECONDS, what="the offsets to be committed")
    before = _holdings(root)
    assert before["calls"] == 1

    assert _run("down", "--dir", root).returncode == 0
    _nothing_is_left(root)
    assert _run("status", "--dir", root).returncode == 1

    again = _run("up", "--dir", root, **policy)
    assert again.returncode == 0, again.stdout + again.stderr
    assert _holdings(root) == before
    assert _run("down", "--dir", root).returncode == 0
    _nothing_is_left(root)


def _scam(settings: dict[str, str]) -> None:
    """A call, and a transfer while it lasts that the policy's rule warns of."""
    producer = KafkaProducer(bootstrap_servers=settings["FOREWARN_KAFKA_BOOTSTRAP_SERVERS"])
    now_ms = time.time_ns() // 1_000_000 - 60_000
    call = call_from_swindler("e-1", now_ms, "+8613800000001")
    attempt = transfer_during(call, "t-1", event_time_ms=now_ms + 30_000)
    for topic, event in (("calls", call), ("transfers", attempt)):
        producer.send(topic, encode(event), key=call.subscriber.encode()).get(timeout=30)
    producer.close()


def _holdings(root: Path) -> dict[str, object]:
    """What a stack holds in Kafka, Redis and the database, and how far its worker came."""
    settings = _settings(root)
    kafka = KafkaSettings(
        bootstrap_servers=settings["FOREWARN_KAFKA_BOOTSTRAP_SERVERS"], replication_factor=1
    )
    topics = ["calls", "transfers", "outcomes"]
    lags = [replace(entry, seconds=0) for entry in measure(kafka, "forewarn", topics, now_ms=0)]
    key = (root / "secrets" / "forewarn_alerting_api_key").read_text()
    cases = httpx.get(
        settings["FOREWARN_ALERTING_PUBLIC_URL"] + "/v1/cases",
        headers={"Authorization": f"Bearer {key}"},
        timeout=20,
    ).json()["cases"]
    with redis.Redis.from_url(settings["FOREWARN_REDIS_URL"]) as client:
        records = sorted(client.scan_iter())
    return {
        "calls": sum(entry.end for entry in lags if entry.topic == "calls"),
        "offsets": lags,
        "records": records,
        "cases": [case["case_id"] for case in cases],
    }


def _lag(root: Path) -> int:
    return sum(entry.records for entry in _holdings(root)["offsets"])  # type: ignore[attr-defined]


def test_a_short_demo_warns_prevents_and_ends_by_itself(root: Path) -> None:
    demo = _run(
        *("demo", "--dir", root, "--seconds", 20, "--subscribers", 3000, "--speed", 1800),
        *("--prevalence", 0.03, "--plain"),
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    warnings = int(re.search(r"warnings raised +([\d,]+)", demo.stdout)[1].replace(",", ""))
    assert warnings > 0
    assert re.search(r"append to warning +p50 [\d,]+ ms, p99 [\d,]+ ms", demo.stdout)
    prevented = re.search(r"loss prevented +([\d,.]+) CNY", demo.stdout)[1].replace(",", "")
    assert float(prevented) > 0
    _nothing_is_left(root)


@pytest.mark.parametrize(
    "moment", ["Kafka: starting", "state: computing", "training one", "everything is up"]
)
def test_ctrl_c_at_any_time_leaves_nothing(
    bare_root: Path, moment: str, request: pytest.FixtureRequest
) -> None:
    root = bare_root if moment == "training one" else request.getfixturevalue("root")
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


@pytest.mark.timeout(START_SECONDS * 2 * INTERRUPTS)
def test_ctrl_c_at_random_moments_leaves_nothing(root: Path) -> None:
    """FOREWARN_INTERRUPTS=50 repeats it on demand; FOREWARN_CHAOS_SEED gives the same moments again."""
    moments = random.Random(SEED)
    print(f"FOREWARN_CHAOS_SEED={SEED}")
    for number in range(INTERRUPTS):
        seconds = moments.uniform(0.0, RANDOM_SECONDS)
        with subprocess.Popen(
            _command("demo", "--dir", root, "--seconds", 60, "--subscribers", 500, "--plain"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        ) as demo:
            assert demo.stdout is not None
            first = demo.stdout.readline()
            time.sleep(seconds)
            demo.send_signal(signal.SIGINT)
            said = first + demo.stdout.read()
            assert demo.wait(START_SECONDS) == 130, said
        assert "Traceback" not in said, f"interrupt {number} after {seconds:.3f} s: {said}"
        _nothing_is_left(root)


def test_a_demonstration_that_is_kept_is_found_and_ends_with_ctrl_c(root: Path) -> None:
    with subprocess.Popen(
        _command(
            *("demo", "--dir", root, "--seconds", 15, "--subscribers", 3000, "--speed", 1800),
            *("--prevalence", 0.03, "--plain", "--keep"),
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as demo:
        assert demo.stdout is not None
        said = []
        for line in demo.stdout:
            said.append(line)
            if "it stays up" in line:
                break
        else:
            pytest.fail(f"it did not stay: {said}")
        status = _run("status", "--dir", root, "--json")
        assert status.returncode == 0, status.stdout + status.stderr
        logs = {process["log"] for process in json.loads(status.stdout)["processes"]}
        assert all(log.startswith(str(root / "demo")) for log in logs)
        assert _run("down", "--dir", root).returncode == 0
        assert demo.wait(START_SECONDS) == 130
    assert (root / "demo" / "alerting.db").is_file()
    _nothing_is_left(root)


def test_ctrl_c_during_up_stops_what_it_began(root: Path) -> None:
    with subprocess.Popen(
        _command("up", "--dir", root), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as up:
        wait_until(lambda: lock_holder(root) is not None, START_SECONDS, what="the supervisor")
        up.send_signal(signal.SIGINT)
        said = up.communicate(timeout=START_SECONDS)[0]
    assert up.returncode == 130, said
    assert "Traceback" not in said
    _nothing_is_left(root)


def test_a_start_that_fails_says_why_then_and_later(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        up = _run("up", "--dir", root, FOREWARN_LOCAL_REDIS_PORT=port)
    assert up.returncode == 2
    assert "Traceback" not in up.stdout + up.stderr
    status = _run("status", "--dir", root)
    assert status.returncode == 1
    assert status.stdout.startswith("failed")
    assert "redis" in status.stdout
    assert not processes_of(root)


def test_a_killed_supervisor_takes_everything_with_it(root: Path) -> None:
    log = (root.parent / "up.log").open("w")
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
    """As a shell reads them."""
    words = shlex.split((root / "stack.env").read_text())
    return {name: value for name, _, value in (word.partition("=") for word in words)}
