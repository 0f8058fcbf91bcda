"""Options of a cluster that do not fit together are refused before any work."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from forewarn.api.cluster_access import cluster_options
from forewarn.cli.backfill_command import app
from forewarn.cli.cluster_options import TasksDone, local_folder
from forewarn.errors import ConfigurationError


def test_without_a_scheduler_there_is_no_cluster() -> None:
    assert cluster_options("", None) is None


def test_an_address_and_a_file_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="either"):
        cluster_options("tcp://127.0.0.1:1", tmp_path / "scheduler.json")


def test_a_file_that_is_no_scheduler_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.json"
    path.write_text("[]")
    options = cluster_options("", path)
    assert options is not None
    with pytest.raises(ConfigurationError, match="is no scheduler file"):
        options.address.resolved()


def test_only_a_cluster_writes_to_an_address() -> None:
    with pytest.raises(ConfigurationError, match="--scheduler"):
        local_folder("s3://bucket/features")


def test_options_of_one_process_are_refused_on_a_cluster(tmp_path: Path) -> None:
    arguments = ["--in", str(tmp_path), "--out", str(tmp_path / "o"), "--threads", "2"]
    result = CliRunner().invoke(app, [*arguments, "--scheduler", "tcp://127.0.0.1:1"])
    assert isinstance(result.exception, ConfigurationError)
    assert "--threads" in str(result.exception)


def test_progress_adds_up_the_tasks_of_all_phases() -> None:
    reported: list[tuple[int, int]] = []
    done = TasksDone(lambda one, total: reported.append((one, total)))
    done("events", 2, 2)
    done("inputs", 1, 5)
    assert reported == [(2, 2), (3, 7)]
