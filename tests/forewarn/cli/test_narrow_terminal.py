"""Paths, addresses and dates are whole in a terminal of 80 columns."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from forewarn.cli import models_command, status_command
from forewarn.local.stack_layout import Layout
from forewarn.local.stack_state import ProcessState, StackState

LOG = "/srv/projects/of/a/very/long/name/fraud/warnings/.forewarn/demo/logs/worker-1.log"


def _console() -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=80), out


def test_the_status_shows_whole_paths_and_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console, out = _console()
    monkeypatch.setattr(status_command, "Console", lambda: console)
    state = StackState(
        pid=1,
        phase="ready",
        started_at_ms=0,
        processes=[ProcessState(name="worker-1", pid=2, log=LOG)],
        urls={"console": "http://127.0.0.1:8700", "decisions": "http://127.0.0.1:8750/v1/decisions",
              "metrics_worker_1": "http://127.0.0.1:8081/metrics"},
    )  # fmt: skip
    status_command._print(state, {"worker-1": "ready"}, Layout(tmp_path))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert f"log of worker-1        {LOG}" in lines
    key = Layout(tmp_path).bank_key_file
    assert f"decisions for banks    http://127.0.0.1:8750/v1/decisions, key in {key}" in lines
    assert "metrics of worker-1    http://127.0.0.1:8081/metrics" in lines


def test_the_status_of_a_start_says_when_its_processes_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console, out = _console()
    monkeypatch.setattr(status_command, "Console", lambda: console)
    state = StackState(pid=1, phase="starting", step="Kafka: starting", started_at_ms=0)
    status_command._print(state, {}, Layout(tmp_path))
    assert "once everything is up" in out.getvalue()
    assert "memory" not in out.getvalue(), "a header without rows"


def test_the_list_of_models_shows_whole_versions_and_dates() -> None:
    console, out = _console()
    table = models_command.model_table()
    table.add_row(
        "20260105T011500-0123456789ab", "champion, challenger", "2026-01-05 to 2026-03-06",
        "1,000,000", "12,345", "0.8123",
    )  # fmt: skip
    console.print(table)
    text = out.getvalue()
    assert "…" not in text
    for whole in ("20260105T011500-0123456789ab", "2026-01-05", "2026-03-06", "12,345", "0.8123"):
        assert whole in text, whole


def test_an_empty_registry_says_how_to_fill_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    console, out = _console()
    monkeypatch.setattr(models_command, "console", console)
    monkeypatch.setenv("FOREWARN_MODELS_REGISTRY", str(tmp_path / "models"))
    models_command.list_models()
    assert "forewarn train" in out.getvalue()
