"""The three phases of a history on a cluster, up to where its windows can be joined."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from distributed import Client

from features.catalog import Catalog
from features.cluster.cluster_run import (
    ClusterRun,
    PhaseResults,
    code_digest,
    digest_of,
    run_key,
    write_phase,
)
from features.cluster.entity_shards import MAX_SHARDS
from features.cluster.output_claim import CLAIM_NAME, OutputClaim
from features.cluster.phase_tasks import (
    PseudonymiserSource,
    events_task,
    inputs_task,
    shared_task,
    subscribers_task,
)
from features.cluster.run_output import VALUES, RunOutput
from features.cluster.shared_folder import SharedFolder
from features.cluster.source_files import SourceFile, read_hash
from features.cluster.task_client import SchedulerAddress, connected, run_tasks
from features.cluster.worker_check import require_common_folder, require_same_software
from features.offline.backfill import SUMMARY_NAME, TOPICS
from features.offline.event_files import Place, parquet_files, place_of
from features.offline.record_store import MEMORY_RECORDS
from features.offline.time_windows import WindowRows, cut
from forewarn.errors import ConfigurationError

PARTITIONS: Final = 16
WORK_NAME: Final = ".run"
KEY_NAME: Final = "run-key"


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """How a history is computed on a cluster; no value of the result depends on it.

    Attributes:
        address: of the scheduler.
        partitions: of the records; each task of a phase holds one of them. At least twice the workers' threads.
        memory_records: records that a task holds in memory before it keeps them in a scratch file.
        progress: receives the phase, the tasks done so far, and all of them.
        on_dashboard: receives the address of the scheduler's page.
    """

    address: SchedulerAddress
    partitions: int = PARTITIONS
    memory_records: int = MEMORY_RECORDS
    progress: Callable[[str, int, int], None] = lambda _phase, _done, _all: None
    on_dashboard: Callable[[str], None] = lambda _link: None


@dataclass(frozen=True, slots=True)
class ComputedHistory:
    """A history whose phases are done.

    Attributes:
        client: of the scheduler, for what is made of the windows.
        run: what the tasks share.
        phases: what they have left.
        windows: number of windows.
        events: rows read, outcomes included.
        records: records at the end.
    """

    client: Client
    run: ClusterRun
    phases: PhaseResults
    windows: int
    events: int
    records: int
    _claim: OutputClaim
    _folder: SharedFolder

    def require_claim(self) -> None:
        """Raise ConfigurationError if another process has taken the folder over."""
        self._claim.require()

    def remove_work(self) -> None:
        """Remove the files between the phases, once nothing needs them."""
        self._folder.remove(WORK_NAME)


@contextmanager
def computed_history(
    sources: Sequence[Place],
    folder: SharedFolder,
    pseudonyms: PseudonymiserSource,
    options: ClusterOptions,
    *,
    catalog: Catalog,
    window_events: int,
    output: RunOutput = VALUES,
) -> Iterator[ComputedHistory]:
    """Compute the phases of a history; the folder is claimed for the time of the block.

    Args:
        sources: directories of events, read as one history; every worker reads them under these paths.
        folder: empty, or that of the same run interrupted.
        pseudonyms: function of a module that gives the pseudonymiser of the process that calls it.
        options: the scheduler, and how the work is divided.
        catalog: which features.
        window_events: about how many events a window has.
        output: what the tasks write.

    Raises:
        ForewarnError: as :func:`features.cluster.cluster_backfill.cluster_backfill`.
    """
    if not 1 <= options.partitions <= MAX_SHARDS:
        raise ConfigurationError(f"--partitions is not from 1 to {MAX_SHARDS}.")
    directories = [place_of(source) for source in sources]
    for directory in directories:
        parquet_files(directory, TOPICS[0])  # says that it is missing before anything is claimed
    with OutputClaim(folder) as claim, connected(options.address) as client:
        _require_unfinished(folder)
        options.on_dashboard(client.dashboard_link)
        require_same_software(client)
        require_common_folder(client, folder)
        files = _hashed(client, directories, options)
        windows = cut(directories, TOPICS, window_events=window_events)
        mark = pseudonyms().mark
        key = run_key(
            catalog, mark, str(window_events), str(options.partitions), repr(output),
            *(f"{path}={file.hash}" for path, file in sorted(files.items(), key=str)),
        )  # fmt: skip
        _begin(folder, key)
        run = ClusterRun(
            folder.folder(WORK_NAME), key, options.partitions, catalog, code_digest(), mark,
            options.memory_records, output,
        )  # fmt: skip
        parts = list(windows.each())
        phases, records = _phases(client, run, parts, files, pseudonyms, options)
        claim.require()
        yield ComputedHistory(
            client, run, phases, len(parts), windows.events, records, claim, folder
        )


def _phases(
    client: Client,
    run: ClusterRun,
    windows: list[WindowRows],
    files: dict[Place, SourceFile],
    pseudonyms: PseudonymiserSource,
    options: ClusterOptions,
) -> tuple[PhaseResults, int]:
    """Run the four kinds of tasks, each kind after the one before it; the results and the number of records."""
    report, shards = options.progress, range(run.shards)
    tasks = []
    for number, window in enumerate(windows):
        mine = [files[path] for path in window.files]
        content = digest_of(*(file.hash for file in mine))
        arguments = (run, number, window, pseudonyms, mine, content)
        tasks.append((run.task_key("events", number, content), arguments))
    events = write_phase(
        run.work, "events", run_tasks(client, "events", events_task, tasks, report)
    )
    inputs = write_phase(
        run.work,
        "inputs",
        run_tasks(
            client, "inputs", inputs_task,
            [(run.task_key("inputs", n, events.hash), (run, n, events)) for n in shards],
            report,
        ),
    )  # fmt: skip
    people = run_tasks(
        client, "subscribers", subscribers_task,
        [
            (run.task_key("subscribers", n, events.hash, inputs.hash), (run, n, events, inputs))
            for n in shards
        ],
        report,
    )  # fmt: skip
    subscribers = write_phase(run.work, "subscribers", people)
    others = run_tasks(
        client, "shared", shared_task,
        [
            (run.task_key("shared", n, events.hash, subscribers.hash), (run, n, events, subscribers))
            for n in shards
        ],
        report,
    )  # fmt: skip
    shared = write_phase(run.work, "shared", others)
    records = sum(receipt.notes["records"] for receipt in (*people, *others))
    return PhaseResults(events, subscribers, shared), records


def _hashed(
    client: Client, sources: Sequence[Place], options: ClusterOptions
) -> dict[Place, SourceFile]:
    """Size, time and hash of the content of every source file, read by the workers."""
    paths = [
        path for topic in TOPICS for source in sources for path in parquet_files(source, topic)
    ]
    unique = uuid.uuid4().hex  # a file that was replaced must be read again
    tasks = [(f"{unique}-{place}", (path,)) for place, path in enumerate(paths)]
    found = run_tasks(client, "files", read_hash, tasks, options.progress)
    return dict(zip(paths, found, strict=True))


def _require_unfinished(folder: SharedFolder) -> None:
    """Accept an empty folder, and that of a run that was interrupted."""
    names = set(folder.names()) - {CLAIM_NAME}
    if names and (WORK_NAME not in names or SUMMARY_NAME in names):
        raise ConfigurationError(
            f"{folder.url} is not empty.", hint="Give another directory or remove this one."
        )


def _begin(folder: SharedFolder, key: str) -> None:
    """Note which run the folder is of; refuse the folder of another."""
    work = folder.folder(WORK_NAME)
    if not work.create(KEY_NAME, key.encode()) and work.read(KEY_NAME) != key.encode():
        raise ConfigurationError(
            f"{folder.url} holds a part of another run: of other files, features, code, key or --partitions.",
            hint="Give the same command as before to continue it, or another folder, or remove this one.",
        )
