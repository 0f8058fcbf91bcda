"""Kill the service at every point of a delivery and a closure, start it again, and count."""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.http_gateway import GatewayDouble, Request

ROUTING = """
version = 1
[route]
receiver = "desk"
[[receivers]]
name = "desk"
team = "desk"
pages = [{{ channel = "webhook", address = "{hook}" }}]
"""


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database_url: str) -> Iterator[str]:
    """SQLite in memory-backed files if possible: a killed process, unlike a power cut, needs no
    disk, and every point commits dozens of times."""
    shm = Path("/dev/shm")
    if not database_url.startswith("sqlite") or not shm.is_dir():
        yield database_url
        return
    with tempfile.TemporaryDirectory(dir=shm, prefix="forewarn-crash-") as directory:
        path = Path(directory) / "alerting.db"
        path.write_bytes(Path(database_url.removeprefix("sqlite:///")).read_bytes())
        yield f"sqlite:///{path}"


@pytest.mark.chaos
def test_a_crash_at_any_point_loses_nothing_repeats_no_page_and_counts_once(
    database_url: str, tmp_path: Path
) -> None:
    """One case, one outcome, the amount once, each message acted on once, and no page after an
    acknowledgement; at every fifth or eleventh point, or at every one if FOREWARN_CHAOS_FULL is set.
    """
    stride = 5 if database_url.startswith("sqlite") else 11
    if os.environ.get("FOREWARN_CHAOS_FULL"):
        stride = 1
    with GatewayDouble() as gateway:
        routing = tmp_path / "routing.toml"
        routing.write_text(ROUTING.format(hook=gateway.url("hook")))
        command = [
            sys.executable, "-m", "tests.alerting.crash.scenario",
            database_url, gateway.url(""), str(routing), str(stride),
        ]  # fmt: skip
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        ) as process:
            points = follow(process, gateway)
        assert process.returncode == 0
        assert points * stride > 25  # every commit and every request, before and after
        reached = Counter(target(item) for item in gateway.acted())
        assert reached
        assert set(reached.values()) == {1}


def follow(process: subprocess.Popen, gateway: GatewayDouble) -> int:
    points = 0
    while line := process.stdout.readline():
        between = json.loads(line)
        pages_before = len(gateway.received("hook"))
        released(process)
        after = json.loads(process.stdout.readline())
        pages_after = len(gateway.received("hook")) - pages_before
        released(process)
        points += 1
        where = f"killed at point {after['point']}: {after}"
        assert after["again"] == 0, where
        assert (after["cases"], after["state"], after["outcomes"]) == (1, "closed", 1), where
        assert after["balances"] == {"estimated": 0, "confirmed": 5_000_000}, where
        assert after["audit"] is None, where
        if between["between"] in ("acknowledged", "closed"):
            assert pages_after == 0, where
    return points


def released(process: subprocess.Popen) -> None:
    process.stdin.write("\n")
    process.stdin.flush()


def target(item: Request) -> tuple[str, str]:
    """What a message did, whatever its id: whom it informed, or which transfer or case it was about."""
    body = item.body
    about = body.get("to") or body.get("transfer_id")
    return item.path, about or f"{body['kind']}/{body['cases'][0]['case_id']}"
