"""``forewarn simulate`` writes what it says, and refuses what cannot be in one line."""

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from forewarn.cli.simulate_command import app
from forewarn.errors import ConfigurationError


def test_the_command_writes_the_town_and_how_to_make_it_again(tmp_path: Path) -> None:
    out = tmp_path / "town"
    arguments = ["--out", str(out), "--subscribers", "100", "--days", "3", "--seed", "9",
                 "--prevalence", "0.02", "--duplicates", "0.05", "--start", "2026-03-02"]  # fmt: skip
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    manifest = json.loads((out / "scenario.json").read_text())
    calls, transfers = (pl.read_parquet(out / topic) for topic in ("calls", "transfers"))
    assert manifest["events"] == calls.height + transfers.height
    assert manifest["scenario"]["seed"] == 9
    assert manifest["scenario"]["start"] == "2026-03-02"
    assert manifest["scenario"]["delivery_faults"]["duplicates"] == 0.05
    assert calls["event_id"].is_duplicated().any()
    assert f"{calls.height + transfers.height:,} events" in result.output


def test_an_impossible_town_is_refused(tmp_path: Path) -> None:
    arguments = ["--out", str(tmp_path / "x"), "--prevalence", "0.9"]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, ConfigurationError)
    assert not (tmp_path / "x").exists()


def test_a_used_directory_is_refused_before_anything_is_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old.parquet").write_text("")
    monkeypatch.setattr(
        "forewarn.cli.simulate_command.simulate", lambda _: pytest.fail("simulated")
    )
    result = CliRunner().invoke(app, ["--out", str(tmp_path)])
    assert isinstance(result.exception, ConfigurationError)
    assert "not empty" in str(result.exception)
