"""A part of the start that works for long says so again and again."""

import sys
from pathlib import Path

import pytest

from forewarn.errors import DependencyUnavailableError
from forewarn.local.child_process import Child


def _child(tmp_path: Path, program: str) -> Child:
    return Child("part", [sys.executable, "-c", program], log_file=tmp_path / "part.log")


def test_a_child_that_runs_for_long_is_reported_while_it_runs(tmp_path: Path) -> None:
    reports: list[float] = []
    go_on = tmp_path / "go-on"

    def progress(seconds: float) -> None:
        reports.append(seconds)
        if len(reports) == 3:
            go_on.touch()

    program = (
        f"import pathlib, time\nwhile not pathlib.Path({str(go_on)!r}).exists(): time.sleep(0.01)"
    )
    _child(tmp_path, program).run(60.0, progress=progress, progress_seconds=0.02)
    assert len(reports) >= 3
    assert reports == sorted(reports)


def test_a_child_that_takes_too_long_is_ended_and_named(tmp_path: Path) -> None:
    child = _child(tmp_path, "import time; time.sleep(60)")
    with pytest.raises(DependencyUnavailableError, match="part ended"):
        child.run(0.3, progress_seconds=0.1)
    assert not child.is_running()
