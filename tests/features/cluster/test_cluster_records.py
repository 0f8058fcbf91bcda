"""The records that a cluster leaves are, byte for byte, those of a rebuild in one process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from features.cluster.cluster_history import WORK_NAME, ClusterOptions
from features.cluster.cluster_records import cluster_records
from features.cluster.run_output import RecordForm
from features.cluster.task_client import SchedulerAddress
from features.engine import Engine
from features.entity_keys import StateForm
from features.offline.backfill import TOPICS
from features.offline.history_runner import HistoryRunner
from features.offline.offset_limits import limits_of
from features.offline.restore import columns_below
from features.offline.time_windows import cut
from features.store.state_store import Write
from tests.features.cluster.dask_processes import DaskProcesses, key_of_tests, two_workers
from tests.features.little_export import write_export

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WINDOW = 150
TARGET = {("calls", 0): 120, ("calls", 1): 1_000_000, ("transfers", 0): 90, ("outcomes", 1): 0}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("source")
    write_export(directory, 1200)
    return directory


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    with two_workers(tmp_path_factory.mktemp("dask")) as processes:
        yield processes


def in_one_process(
    source: Path, form: StateForm, target: dict[tuple[str, int], int]
) -> tuple[dict[bytes, Write], int, int]:
    runner = HistoryRunner(Engine(prefix="here", form=lambda: form), threads=1)
    rows = newest = 0
    windows = cut(source, TOPICS, window_events=WINDOW)
    for columns in columns_below(windows, target, key_of_tests()):
        if len(columns):
            runner.run(columns)
            rows, newest = rows + len(columns), max(newest, int(columns.time_ms.max()))
    return {write.key: write for write in runner.record_store.writes()}, rows, newest


@pytest.mark.parametrize("form", list(StateForm))
@pytest.mark.parametrize("target", [{}, TARGET])
def test_records_of_a_cluster_are_those_of_one_process(
    dask: DaskProcesses,
    source: Path,
    tmp_path: Path,
    form: StateForm,
    target: dict[tuple[str, int], int],
) -> None:
    expected, rows, newest = in_one_process(source, form, target)
    options = ClusterOptions(SchedulerAddress(file=dask.file), partitions=3)
    work = tmp_path / "work"
    with cluster_records(
        [source], work, key_of_tests, options, RecordForm("here", form),
        limits=limits_of(target), window_events=WINDOW,
    ) as records:  # fmt: skip
        found = list(records.writes)
        assert (records.events, records.newest_ms) == (rows, newest)
        assert (work / WORK_NAME).is_dir()
    assert len(found) == len(expected) > 100
    assert {write.key: write._replace(expected_version=0) for write in expected.values()} == {
        write.key: write._replace(renew=expected[write.key].renew) for write in found
    }
    assert list(work.iterdir()) == []
