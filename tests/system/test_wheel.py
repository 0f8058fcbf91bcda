"""What a user gets who installs the wheel, far from any checkout."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def forewarn(
    servers: None, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command of an installed ``forewarn[local]`` in an empty directory."""
    root = tmp_path_factory.mktemp("wheel")
    uv = Path(sys.executable).with_name("uv")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", root / "dist"]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = (root / "dist").iterdir()
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, root / "venv"], check=True)
    install = [uv, "pip", "install", "--quiet", "--python", root / "venv" / "bin" / "python"]
    lock = ROOT / "requirements" / "lock.txt"
    subprocess.run([*install, "--constraint", lock, f"{wheel}[local]"], check=True)
    (root / "empty").mkdir()
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [root / "venv" / "bin" / "forewarn", *arguments],
            cwd=root / "empty", env=variables, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


@pytest.mark.timeout(900)
def test_the_wheel_alone_names_its_commit_and_finds_everything_that_it_needs(
    forewarn: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    version = forewarn("--version")
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    assert f"commit    {head or 'unknown'}" in version.stdout, version.stderr
    doctor = forewarn("doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "missing" not in doctor.stdout


@pytest.mark.timeout(900)
def test_the_wheel_alone_runs_the_demonstration(
    forewarn: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """In full with FOREWARN_RELEASE_DEMO=1; otherwise as far as the help, which imports the command."""
    if os.environ.get("FOREWARN_RELEASE_DEMO"):
        demo = forewarn("demo", "--seconds", "20", "--plain")
        assert "loss prevented" in demo.stdout
    else:
        demo = forewarn("demo", "--help")
    assert demo.returncode == 0, demo.stdout + demo.stderr
