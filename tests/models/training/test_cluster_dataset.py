"""What a cluster computes for a training or a judgement is, to the bit, what one process computes."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.catalog import CATALOG
from features.cluster.cluster_history import WORK_NAME, ClusterOptions
from features.cluster.cluster_vectors import cluster_vectors
from features.cluster.shared_folder import SharedFolder
from features.cluster.task_client import SchedulerAddress
from features.engine import Engine
from forewarn.errors import ConfigurationError, DependencyUnavailableError
from forewarn.simulator import Scenario, simulate, write_town
from models.training.cluster_dataset import dataset_on_cluster
from models.training.cluster_sources import shared_sources
from models.training.history_dataset import (
    dataset_of_directory,
    event_columns,
    history_outcomes,
    read_history,
)
from models.training.training_dataset import Dataset
from tests.features.cluster.dask_processes import DaskProcesses, key_of_tests, two_workers
from tests.features.cluster.object_store import cluster_with_bucket

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WINDOW = 3_000


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A town with reports and no outcomes, which become outcomes as they are read."""
    directory = tmp_path_factory.mktemp("town") / "data"
    scenario = Scenario(seed=4, subscribers=120, days=10, prevalence=0.1, report_share=1.0)
    write_town(simulate(scenario), directory)
    shutil.rmtree(directory / "outcomes")
    return directory


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    with two_workers(tmp_path_factory.mktemp("dask")) as processes:
        yield processes


def options(dask: DaskProcesses, **others: object) -> ClusterOptions:
    return ClusterOptions(SchedulerAddress(file=dask.file), partitions=3, **others)  # type: ignore[arg-type]


def as_export(town: Path, directory: Path) -> Path:
    """The town with its reports as outcomes and without a table of its people, as an export is."""
    for topic in ("calls", "transfers"):
        (directory / topic).mkdir(parents=True)
        for file in (town / topic).glob("**/*.parquet"):
            pl.read_parquet(file).write_parquet(directory / topic / file.name)
    (directory / "outcomes").mkdir()
    history_outcomes(town)[0].write_parquet(directory / "outcomes" / "all.parquet")
    return directory


def require_same(one: Dataset, other: Dataset) -> None:
    for column in fields(one):
        here, there = getattr(one, column.name), getattr(other, column.name)
        if isinstance(here, np.ndarray):
            assert here.tobytes() == there.tobytes(), column.name
        else:
            assert here == there, column.name


@pytest.mark.parametrize("honest_rows", [1_000, 1_000_000])
def test_the_dataset_of_a_town_is_that_of_one_process(
    dask: DaskProcesses, town: Path, tmp_path: Path, honest_rows: int
) -> None:
    work = tmp_path / "work"
    found = dataset_on_cluster(
        town, work, key_of_tests, options(dask), honest_rows=honest_rows, window_events=WINDOW
    )
    require_same(found, dataset_of_directory(town, key_of_tests(), honest_rows=honest_rows))
    assert found.label.sum() > 20
    assert list(work.iterdir()) == []


def test_the_dataset_of_an_export_is_that_of_one_process(
    dask: DaskProcesses, town: Path, tmp_path: Path
) -> None:
    export = as_export(town, tmp_path / "export")
    found = dataset_on_cluster(
        export, tmp_path / "work", key_of_tests, options(dask), window_events=WINDOW
    )
    require_same(found, dataset_of_directory(export, key_of_tests(), window_events=WINDOW))


def test_the_vectors_of_a_period_are_those_of_one_process(
    dask: DaskProcesses, town: Path, tmp_path: Path
) -> None:
    events, work = event_columns(read_history(town), key_of_tests()), tmp_path / "work"
    found = cluster_vectors(
        shared_sources(town, SharedFolder.at(work)), events, work, key_of_tests, options(dask),
        window_events=WINDOW,
    )  # fmt: skip
    engine = Engine(CATALOG)
    assert found.tobytes() == engine.run(engine.plan(events)).vectors.tobytes()
    assert list(work.iterdir()) == []


def test_events_that_the_workers_do_not_see_are_an_error(
    dask: DaskProcesses, town: Path, tmp_path: Path
) -> None:
    events = event_columns(read_history(town), key_of_tests())
    with pytest.raises(ConfigurationError, match="do not see the events of this process"):
        cluster_vectors([town], events, tmp_path / "w", key_of_tests, options(dask))


def test_a_training_continues_after_its_scheduler_has_gone(
    dask: DaskProcesses, town: Path, tmp_path: Path
) -> None:
    (tmp_path / "dask").mkdir()
    other = DaskProcesses(tmp_path / "dask")
    other.worker("--no-nanny")
    work = tmp_path / "work"
    try:
        with pytest.raises(DependencyUnavailableError, match="same command again"):
            dataset_on_cluster(
                town, work, key_of_tests, options(other, progress=_once("rows", other.scheduler.kill)),
                window_events=WINDOW,
            )  # fmt: skip
    finally:
        other.stop()
    assert list((work / WORK_NAME / "shared").iterdir())
    found = dataset_on_cluster(town, work, key_of_tests, options(dask), window_events=WINDOW)
    require_same(found, dataset_of_directory(town, key_of_tests()))


def test_what_lies_between_the_tasks_may_be_in_an_object_store(
    town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cluster_with_bucket("shared", tmp_path / "dask", monkeypatch) as dask:
        export = as_export(town, tmp_path / "export")
        found = dataset_on_cluster(
            export, "s3://shared/train", key_of_tests, options(dask), window_events=WINDOW
        )
        require_same(found, dataset_of_directory(export, key_of_tests(), window_events=WINDOW))
        assert SharedFolder.at("s3://shared/train").names() == []


def test_reports_are_not_written_to_an_address(town: Path) -> None:
    with pytest.raises(ConfigurationError, match="--work"):
        shared_sources(town, SharedFolder.at("s3://bucket/work"))


def _once(phase: str, act: Callable[[], None]) -> Callable[[str, int, int], None]:
    def progress(now: str, done: int, _all: int) -> None:
        if now == phase and done == 1:
            act()

    return progress
