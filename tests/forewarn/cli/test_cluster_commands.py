"""Commands with --scheduler print and write what they do without it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from features.cluster import worker_check
from forewarn.api.cluster_access import cluster_directory, cluster_work
from forewarn.cli import (
    backtest_command,
    evaluate_command,
    rebuild_command,
    retrain_command,
    train_command,
)
from forewarn.errors import ConfigurationError, DependencyUnavailableError
from forewarn.simulator import Scenario, simulate, write_town
from tests.features.cluster.dask_processes import DaskProcesses, two_workers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

RUN = CliRunner()
SHORT = ["--embargo-days", "0.5", "--warmup-days", "1"]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("town") / "data"
    scenario = Scenario(
        seed=4, subscribers=200, days=20, prevalence=0.1, report_share=1.0, report_delay_hours=3.0
    )
    write_town(simulate(scenario), directory)
    return directory


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    with two_workers(tmp_path_factory.mktemp("dask")) as processes:
        yield processes


@pytest.fixture(autouse=True)
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREWARN_MODELS_REGISTRY", str(tmp_path / "registry"))


def _ok(app: object, *arguments: str | Path) -> str:
    result = RUN.invoke(app, [str(one) for one in arguments])  # type: ignore[arg-type]
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout


def _error(app: object, *arguments: str | Path) -> str:
    result = RUN.invoke(app, [str(one) for one in arguments])  # type: ignore[arg-type]
    assert isinstance(result.exception, ConfigurationError | DependencyUnavailableError)
    return str(result.exception)


def test_training_and_judgement_on_a_cluster_are_those_of_one_process(
    dask: DaskProcesses, town: Path, tmp_path: Path
) -> None:
    cluster = ["--scheduler-file", dask.file, "--partitions", "3", "--work"]
    trained = []
    for name, more in (("here", []), ("there", [*cluster, tmp_path / "train"])):
        out = _ok(
            train_command.app, "--data", town, "--out", tmp_path / name, "--trees", "40",
            *SHORT, *more,
        )  # fmt: skip
        trained.append(Path(out.splitlines()[-1]))
    here, there = ({p.name: p.read_bytes() for p in folder.iterdir()} for folder in trained)
    same = {name for name in here if here[name] == there[name]}
    assert "model.txt" in same or any("booster" in name for name in same), sorted(same)

    model, figures = trained[0], []
    for name, more in (("here", []), ("there", [*cluster, tmp_path / "evaluate"])):
        target = tmp_path / f"{name}.json"
        _ok(evaluate_command.app, "--data", town, "--model", model, "--champion", "none",
            "--json", target, *more)  # fmt: skip
        figures.append(target.read_bytes())
    assert figures[0] == figures[1]

    counts = []
    for name, more in (("here", []), ("there", [*cluster, tmp_path / "backtest"])):
        target = tmp_path / f"{name}-counts.json"
        _ok(backtest_command.app, "--data", town, "--model", model, "--out", target, *more)
        counts.append(target.read_bytes())
    assert counts[0] == counts[1]
    for folder in ("train", "evaluate", "backtest"):
        assert list((tmp_path / folder).iterdir()) == []


def test_a_retraining_on_a_cluster_leaves_nothing_in_the_shared_folder(
    dask: DaskProcesses, town: Path, tmp_path: Path
) -> None:
    killed = tmp_path / "shared" / "retrain" / "export"
    killed.mkdir(parents=True)
    (killed / "half.parquet").write_bytes(b"of a run that was killed")
    shutil.copytree(town, tmp_path / "data")
    said = _ok(
        retrain_command.app, "--data", tmp_path / "data", "--scheduler-file", dask.file,
        "--work", tmp_path / "shared", "--partitions", "2", *SHORT,
    )  # fmt: skip
    assert "champion" in said or "challenger" in said
    assert list((tmp_path / "shared" / "retrain").iterdir()) == []


def test_two_commands_do_not_share_a_folder(dask: DaskProcesses, tmp_path: Path) -> None:
    work = cluster_work("", dask.file, str(tmp_path))
    assert work is not None
    with (
        cluster_directory(work, "retrain"),
        pytest.raises(ConfigurationError, match="is being written by process"),
        cluster_directory(work, "retrain"),
    ):
        pass


def test_a_worker_with_other_software_is_named_before_any_work(
    dask: DaskProcesses, town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_check, "code_digest", lambda: "another")
    said = _error(
        train_command.app, "--data", town, "--scheduler-file", dask.file,
        "--work", tmp_path / "work", "--out", tmp_path / "out",
    )  # fmt: skip
    assert "The worker tcp://" in said
    assert "has code" in said
    assert not (tmp_path / "out").exists()


def test_a_scheduler_that_does_not_answer_is_one_clear_error(
    town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("features.cluster.task_client.CONNECT_SECONDS", 1)
    said = _error(
        train_command.app, "--data", town, "--scheduler", "tcp://127.0.0.1:9",
        "--work", tmp_path / "work", "--out", tmp_path / "out",
    )  # fmt: skip
    assert "did not answer" in said


@pytest.mark.parametrize(
    ("app", "arguments", "reason"),
    [
        (evaluate_command.app, ["--data", "x", "--work", "w"], "--scheduler"),
        (evaluate_command.app, ["--data", "x", "--partitions", "4"], "--scheduler"),
        (backtest_command.app, ["--data", "x", "--scheduler", "tcp://h:1"], "--work"),
        (train_command.app, ["--data", "x", "--scheduler", "tcp://h:1"], "--work"),
        (retrain_command.app, ["--scheduler", "tcp://h:1"], "--work"),
        (rebuild_command.app, ["--yes", "--scheduler", "tcp://h:1"], "--work"),
        (
            evaluate_command.app,
            ["--data", "x", "--scheduler", "tcp://h:1", "--work", "w", "--threads", "2"],
            "--threads",
        ),
        (
            train_command.app,
            ["--frame", "x", "--scheduler", "tcp://h:1", "--work", "w"],
            "--data",
        ),
        (
            retrain_command.app,
            ["--scheduler", "tcp://h:1", "--work", "s3://bucket/work"],
            "directory",
        ),
        (
            rebuild_command.app,
            ["--yes", "--scheduler", "tcp://h:1", "--work", "w", "--scratch", "s"],
            "--scratch",
        ),
    ],
)
def test_options_that_do_not_fit_together_are_refused(
    app: object, arguments: list[str], reason: str
) -> None:
    result = RUN.invoke(app, arguments)  # type: ignore[arg-type]
    assert isinstance(result.exception, ConfigurationError), result.output
    assert reason in f"{result.exception} {result.exception.hint}"
