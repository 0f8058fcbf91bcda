"""What makes work on the tree comfortable: marks of servers, hooks without downloads, a floor of coverage."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.servers import SERVER_FIXTURES, missing_server, skipped_summary

ROOT = Path(__file__).parents[2]
FLOOR = ".ci/coverage-floor"


def test_a_test_that_uses_a_server_is_left_out_of_the_check(request: pytest.FixtureRequest) -> None:
    """Every fixture that may skip for lack of a server is known, so that its tests carry the mark."""
    session = request.session
    unmarked = [
        item.nodeid
        for item in session.items
        if SERVER_FIXTURES & set(getattr(item, "fixturenames", ()))
        and item.get_closest_marker("system") is None
    ]
    assert not unmarked
    for conftest in (ROOT / "tests").rglob("conftest.py"):
        text = conftest.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list:
                body = ast.get_source_segment(text, node) or ""
                if re.search(r"missing_server\(|\brequire\(", body):
                    assert node.name in SERVER_FIXTURES | {"require"}, f"{conftest}: {node.name}"


def test_the_summary_counts_reasons_and_names_what_to_install() -> None:
    lines = list(skipped_summary(["Skipped: there is no chromium on this machine"] * 2 + ["odd"]))
    chromium, odd = lines
    assert chromium.startswith("2 skipped: there is no chromium on this machine. Install: apt-get")
    assert odd == "1 skipped: odd. Install: see the reason"


def test_hooks_run_locked_tools_and_download_nothing() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    for repo in config["repos"]:
        assert repo["repo"] == "local"
        for hook in repo["hooks"]:
            assert hook["language"] == "system"
            assert hook["entry"].startswith(".venv/bin/")


def test_the_floor_of_coverage_never_sank() -> None:
    """CI fails below the floor; here no commit may lower it."""
    now = float((ROOT / FLOOR).read_text())
    log = subprocess.run(
        ["git", "log", "--format=", "--unified=0", "-p", "--", FLOOR],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if log.returncode != 0:
        missing_server("not a git checkout")
    before = [float(value) for value in re.findall(r"^\+([\d.]+)$", log.stdout, re.MULTILINE)]
    assert now >= max(before, default=0.0)
    assert f"$$(cat {FLOOR})" in (ROOT / "Makefile").read_text()
    assert re.search(r"^make test COVERAGE=1$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
