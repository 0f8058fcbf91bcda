"""A backfill on a cluster of real processes gives the bytes of one process, whatever happens to a worker."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from features.cluster import worker_check
from features.cluster.cluster_backfill import cluster_backfill
from features.cluster.cluster_history import WORK_NAME, ClusterOptions
from features.cluster.output_claim import OutputClaim
from features.cluster.segment_file import DamagedFileError
from features.cluster.shared_folder import SharedFolder
from features.cluster.task_client import (
    SchedulerAddress,
    WorkerEndedError,
    connected,
    run_tasks,
)
from features.offline.backfill import BackfillSummary, backfill
from forewarn.errors import ConfigurationError, DependencyUnavailableError
from tests.features.cluster.dask_processes import HUNGRY, DaskProcesses, key_of_tests, take_memory
from tests.features.cluster.object_store import cluster_with_bucket, upload
from tests.features.little_export import write_export

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Progress = Callable[[str, int, int], None]
EVENTS, WINDOW = 1200, 150


def ignore(_phase: str, _done: int, _all: int) -> None:
    """Progress that the test does not look at."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("source")
    write_export(directory, EVENTS)
    return directory


@pytest.fixture(scope="module")
def expected(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("one-process")
    backfill(source, out, key_of_tests(), window_events=WINDOW)
    return parts_of(out)


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    """A scheduler with one worker that lives through the module; tests add others to it."""
    processes = DaskProcesses(tmp_path_factory.mktemp("dask"))
    processes.worker("--no-nanny")
    yield processes
    processes.stop()


@pytest.fixture
def fresh_dask(tmp_path: Path) -> Iterator[DaskProcesses]:
    """A scheduler of one test, without a worker."""
    directory = tmp_path / "dask"
    directory.mkdir()
    processes = DaskProcesses(directory)
    yield processes
    processes.stop()


def parts_of(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.parquet"))}


def run(
    dask: DaskProcesses,
    source: Path,
    out: Path,
    *,
    partitions: int = 5,
    progress: Progress = ignore,
) -> BackfillSummary:
    options = ClusterOptions(
        SchedulerAddress(file=dask.file), partitions=partitions, progress=progress
    )
    return cluster_backfill(source, out, key_of_tests, options, window_events=WINDOW)


def once(phase: str, act: Callable[[], None]) -> Progress:
    """Do something when the first task of a phase is done."""
    begun = threading.Event()

    def progress(now: str, done: int, _all: int) -> None:
        if now == phase and done >= 1 and not begun.is_set():
            begun.set()
            act()

    return progress


def test_the_number_of_workers_and_partitions_changes_no_byte(
    dask: DaskProcesses, source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    links: list[str] = []
    options = ClusterOptions(
        SchedulerAddress(file=dask.file), partitions=1, on_dashboard=links.append
    )
    one = cluster_backfill(source, tmp_path / "one", key_of_tests, options, window_events=WINDOW)
    with dask.joined():
        two = run(dask, source, tmp_path / "two", partitions=7)
    assert parts_of(tmp_path / "one") == expected
    assert parts_of(tmp_path / "two") == expected
    assert len(expected) > 5
    assert (one.rows, one.events, one.entities) == (two.rows, two.events, two.entities)
    assert sorted(p.name for p in (tmp_path / "two").iterdir()) == ["backfill.json", *expected]
    assert links[0].startswith("http://127.0.0.1:")
    with pytest.raises(ConfigurationError, match="not empty"):
        run(dask, source, tmp_path / "two")


@pytest.mark.parametrize("phase", ["events", "subscribers", "shared"])
def test_a_worker_killed_in_any_phase_changes_no_byte(
    dask: DaskProcesses, source: Path, expected: dict[str, bytes], tmp_path: Path, phase: str
) -> None:
    with dask.joined() as victim:
        run(dask, source, tmp_path / "out", progress=once(phase, victim.kill))
        assert victim.wait(10) == -signal.SIGKILL
    assert parts_of(tmp_path / "out") == expected


def test_a_worker_that_stands_still_for_a_while_changes_no_byte(
    dask: DaskProcesses, source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    with dask.joined() as slow:

        def stand_still() -> None:
            slow.send_signal(signal.SIGSTOP)
            threading.Timer(3.0, lambda: slow.send_signal(signal.SIGCONT)).start()

        run(dask, source, tmp_path / "out", progress=once("events", stand_still))
    assert parts_of(tmp_path / "out") == expected


def test_a_worker_that_runs_out_of_memory_changes_no_byte(
    dask: DaskProcesses, source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    marker = tmp_path / "hungry"
    with dask.joined("--nanny", "--memory-limit", "1GB", **{HUNGRY: str(marker)}):
        run(dask, source, tmp_path / "out")
    assert marker.exists()
    assert "memory" in dask.log()
    assert parts_of(tmp_path / "out") == expected


def test_a_task_that_ends_each_worker_for_lack_of_memory_is_named(
    fresh_dask: DaskProcesses,
) -> None:
    fresh_dask.worker("--nanny", "--memory-limit", "600MB")
    with (
        connected(SchedulerAddress(file=fresh_dask.file)) as client,
        pytest.raises(WorkerEndedError, match=r"hungry-1.*more memory"),
    ):
        run_tasks(client, "hungry", take_memory, [("1", ())], ignore)


def test_a_run_continues_after_its_scheduler_has_gone(
    dask: DaskProcesses,
    fresh_dask: DaskProcesses,
    source: Path,
    expected: dict[str, bytes],
    tmp_path: Path,
) -> None:
    fresh_dask.worker("--no-nanny")
    out = tmp_path / "out"
    with pytest.raises(DependencyUnavailableError, match="same command again"):
        run(fresh_dask, source, out, progress=once("inputs", fresh_dask.scheduler.kill))
    assert not (out / "backfill.json").exists()
    before = {p.name: p.stat().st_mtime_ns for p in (out / WORK_NAME / "events").iterdir()}
    assert before
    kept: dict[str, int] = {}

    def look() -> None:
        kept.update({p.name: p.stat().st_mtime_ns for p in (out / WORK_NAME / "events").iterdir()})

    run(dask, source, out, progress=once("subscribers", look))
    assert kept == before
    assert parts_of(out) == expected


def test_damage_between_the_phases_is_named_and_repaired_by_the_next_start(
    dask: DaskProcesses, source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def truncate() -> None:
        path = min((out / WORK_NAME / "events").iterdir())
        path.write_bytes(path.read_bytes()[:-100])

    def change(phase: str, done: int, count: int) -> None:
        if phase == "inputs" and done == 0:
            truncate()

    with pytest.raises(DamagedFileError, match=r"00000.seg is missing, truncated or changed"):
        run(dask, source, out, progress=change)
    assert not (out / "backfill.json").exists()
    run(dask, source, out)
    assert parts_of(out) == expected


def test_a_truncated_source_file_is_named(
    dask: DaskProcesses, source: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    write_export(copy, EVENTS)
    victim = min((copy / "calls").iterdir())
    victim.write_bytes(victim.read_bytes()[:-200])
    with pytest.raises(ConfigurationError, match=victim.name):
        run(dask, copy, tmp_path / "out")


def test_a_folder_of_another_run_is_refused(
    dask: DaskProcesses, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(dask, source, out, progress=once("events", stop))
    with pytest.raises(ConfigurationError, match="another run"):
        run(dask, source, out, partitions=6)


def test_two_clusters_do_not_write_into_one_folder(
    dask: DaskProcesses, source: Path, tmp_path: Path
) -> None:
    with (
        OutputClaim(SharedFolder.at(tmp_path / "out")),
        pytest.raises(ConfigurationError, match="is being written by process"),
    ):
        run(dask, source, tmp_path / "out")


def test_a_worker_with_other_software_is_named(
    dask: DaskProcesses, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_check, "code_digest", lambda: "another")
    with pytest.raises(ConfigurationError, match=r"The worker tcp://.* has code .* another"):
        run(dask, source, tmp_path / "out")


def test_a_worker_with_another_key_is_refused(
    dask: DaskProcesses, source: Path, tmp_path: Path
) -> None:
    options = ClusterOptions(SchedulerAddress(file=dask.file))
    here = os.getpid()
    with pytest.raises(ConfigurationError, match="another pseudonym key"):
        cluster_backfill(
            source, tmp_path / "out", lambda: _key_by_process(here), options, window_events=WINDOW
        )


def _key_by_process(client: int) -> object:
    from forewarn.platform.pseudonyms import Pseudonymiser  # noqa: PLC0415  runs on the worker too

    return Pseudonymiser(b"that of the client" if os.getpid() == client else b"that of a worker")


def test_an_address_without_a_scheduler_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.cluster.task_client.CONNECT_SECONDS", 1)
    with (
        pytest.raises(DependencyUnavailableError, match="did not answer"),
        connected(SchedulerAddress("tcp://127.0.0.1:9")),
    ):
        pass


def test_events_and_result_may_lie_in_an_object_store(
    source: Path, expected: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cluster_with_bucket("features", tmp_path, monkeypatch) as dask:
        options = ClusterOptions(SchedulerAddress(file=dask.file), partitions=2)
        out, events = "s3://features/town", "s3://features/events"
        upload(source, events)
        cluster_backfill(events, out, key_of_tests, options, window_events=WINDOW)
        folder = SharedFolder.at(out)
        assert folder.names() == ["backfill.json", *expected]
        assert {name: folder.read(name) for name in expected} == expected


def test_the_files_hold_every_event_once(expected: dict[str, bytes]) -> None:
    tables = [pl.read_parquet(content) for content in expected.values()]
    events = pl.concat([table.select("topic", "partition", "offset") for table in tables])
    assert events.n_unique() == events.height > EVENTS / 2
