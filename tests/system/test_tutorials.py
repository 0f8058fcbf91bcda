"""The tutorials' commands, as they stand on the page, in a shell."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.monitoring.render import rendered
from forewarn.local.directory_lock import lock_holder

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
TUTORIALS = ROOT / "docs" / "tutorials"


def blocks(page: str) -> str:
    """All blocks of a page that are marked to be run, as one script."""
    text = (TUTORIALS / f"{page}.md").read_text(encoding="utf-8")
    found = re.findall(r"<!-- run -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert found, page
    return "set -euo pipefail\n" + "".join(found)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Somewhere with the documents and nothing else; nothing runs in it afterwards."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    yield tmp_path
    holder = lock_holder(tmp_path / ".forewarn")
    if holder is not None:
        os.kill(holder, signal.SIGKILL)


def run(script: str, place: Path, **variables: str) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=place,
        env=os.environ | {"PATH": path} | variables,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_an_hour_with_an_operator(place: Path, model_registry: Path, servers: None) -> None:
    shutil.copytree(model_registry, place / ".forewarn" / "models")
    said = run(blocks("operator"), place)
    assert "9 events sent" in said
    assert lock_holder(place / ".forewarn") is None


def test_an_afternoon_with_a_data_scientist(place: Path) -> None:
    """As it stands but in a smaller town: the model is not looked at, the way is."""
    script = blocks("data-scientist")
    smaller = script.replace("--subscribers 600 --days 30", "--subscribers 350 --days 24")
    assert smaller != script
    said = run(smaller, place, FOREWARN_MODELS_REGISTRY=str(place / "models"))
    assert "challenger" in said


def test_ten_minutes_with_the_dashboards() -> None:
    committed = {path: path.read_text(encoding="utf-8") for path, _ in rendered()}
    run(blocks("dashboard"), ROOT)
    assert {path: path.read_text(encoding="utf-8") for path in committed} == committed
