"""``forewarn formats`` and ``forewarn map`` as a user runs them."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from forewarn.cli import formats_command, map_command
from forewarn.errors import ConfigurationError
from forewarn.replay.format_catalog import FileFormat, known_formats

SAMPLES = Path(__file__).parents[3] / "docs" / "samples"
FORMAT_SAMPLES = SAMPLES / "formats"


def test_the_list_names_every_format_and_what_it_asks_for() -> None:
    done = CliRunner().invoke(formats_command.app, [])
    assert done.exit_code == 0
    for name in ("asterisk", "alipay", "camt053", "mt940", "police-flow"):
        assert name in done.stdout


def test_a_format_is_explained_with_the_source_of_each_trap() -> None:
    done = CliRunner().invoke(formats_command.app, ["show", "asterisk"])
    assert done.exit_code == 0
    assert "cdr_csv.c" in done.stdout
    assert "--given 'zone=Europe/Berlin'" in done.stdout


def test_a_proposal_is_shown_and_written_and_does_not_overwrite(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "calls.csv", tmp_path)
    arguments = [str(tmp_path / "calls.csv"), "--zone", "Asia/Shanghai", "--region", "CN"]
    done = CliRunner().invoke(map_command.app, arguments)
    assert done.exit_code == 0, done.output
    assert "c-1001-start" in done.stdout
    assert 'type = "call_ended"' in (tmp_path / "calls.toml").read_text()
    again = CliRunner().invoke(map_command.app, arguments)
    assert isinstance(again.exception, ConfigurationError)
    assert "already" in str(again.exception)


def test_what_the_file_does_not_say_is_not_guessed_without_a_terminal(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "calls.csv", tmp_path)
    done = CliRunner().invoke(map_command.app, [str(tmp_path / "calls.csv")])
    assert isinstance(done.exception, ConfigurationError)
    assert "In which zone are the times" in str(done.exception)
    assert not (tmp_path / "calls.toml").exists()


@pytest.mark.parametrize("each", list(known_formats().values()), ids=lambda each: each.name)
def test_a_file_of_a_known_format_needs_no_mapping(each: FileFormat, tmp_path: Path) -> None:
    sample = tmp_path / each.sample
    sample.write_bytes((FORMAT_SAMPLES / each.sample).read_bytes())
    asked = [name for name, one in each.parameters.items() if one.default is None]
    answers = ["yes", *(each.given[name] for name in asked)]
    arguments = [str(sample), *(part for one in answers for part in ("--answer", one))]
    done = CliRunner().invoke(map_command.app, arguments)
    assert done.exit_code == 0, done.output
    assert "event_time_ms = " in done.output
    assert f"forewarn replay --check-only --format {each.name}" in done.output
    assert not list(tmp_path.glob("*.toml"))
