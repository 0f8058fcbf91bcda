"""A backfill on a cluster: the same files, bit for bit, as :func:`features.offline.backfill.backfill` writes."""

import time
from pathlib import Path

from features.catalog import CATALOG, Catalog
from features.cluster.cluster_history import ClusterOptions, computed_history
from features.cluster.phase_tasks import PseudonymiserSource
from features.cluster.shared_folder import SharedFolder
from features.cluster.task_client import run_tasks
from features.cluster.window_task import window_task
from features.offline.backfill import SUMMARY_NAME, BackfillSummary, encode_summary
from features.offline.event_files import Place
from features.offline.history_runner import SLICE_EVENTS


def cluster_backfill(
    source: Place,
    out: str | Path,
    pseudonyms: PseudonymiserSource,
    options: ClusterOptions,
    *,
    catalog: Catalog = CATALOG,
    window_events: int = SLICE_EVENTS,
) -> BackfillSummary:
    """Compute the features of every call and transfer of a directory on a cluster.

    A run that was interrupted continues where it was when the same command is given again.

    Args:
        source: from ``forewarn export`` or ``forewarn simulate``; every worker reads it under this path or
            URL (``s3://bucket/prefix``).
        out: folder that every worker writes to, a path or a URL such as ``s3://bucket/prefix``. It is complete
            once it has ``backfill.json``.
        pseudonyms: function of a module that gives the pseudonymiser of the process that calls it.
        options: the scheduler, and how the work is divided.
        catalog: which features.
        window_events: about how many events a file of the result has.

    Returns:
        The summary that is beside the files; ``kernel_seconds`` is 0, since no one process knows it.

    Raises:
        ConfigurationError: if ``source`` lacks a required column, if ``out`` holds something else or is being
            written by another process, or if a worker differs from this process.
        DependencyUnavailableError: if the scheduler does not answer or goes away.
        WorkerEndedError: if a task ended each worker that tried it.
        DamagedFileError: if a file between the phases is not what its task wrote.
    """
    began = time.perf_counter()
    folder = SharedFolder.at(out)
    with computed_history(
        [source], folder, pseudonyms, options, catalog=catalog, window_events=window_events
    ) as history:
        phases = history.phases
        tasks = [
            (
                history.run.task_key("window", number, phases.events.hash, phases.shared.hash),
                (history.run, number, folder, phases),
            )
            for number in range(history.windows)
        ]
        written = run_tasks(history.client, "windows", window_task, tasks, options.progress)
        history.require_claim()
        summary = BackfillSummary(
            events=history.events,
            rows=sum(one.notes["rows"] for one in written),
            entities=history.records,
            fingerprint=catalog.fingerprint,
            features=catalog.names,
            seconds=round(time.perf_counter() - began, 3),
            kernel_seconds=0.0,
        )
        folder.write(SUMMARY_NAME, encode_summary(summary))
        history.remove_work()
    return summary
