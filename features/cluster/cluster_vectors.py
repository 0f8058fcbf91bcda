"""The vectors of events that a process holds, computed by a cluster: the bits of :meth:`features.engine.Engine.run`."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import numpy.typing as npt

from features.catalog import CATALOG, Catalog
from features.cluster.cluster_history import ClusterOptions, ComputedHistory, computed_history
from features.cluster.cluster_run import read_phase
from features.cluster.phase_tasks import ORDER, PseudonymiserSource
from features.cluster.segment_file import SegmentReader
from features.cluster.shared_folder import SharedFolder
from features.cluster.window_task import window_vectors
from features.event_columns import EventColumns
from features.offline.history_runner import SLICE_EVENTS
from forewarn.errors import ConfigurationError

F32 = npt.NDArray[np.float32]


def cluster_vectors(
    sources: Sequence[Path],
    events: EventColumns,
    work: str | Path,
    pseudonyms: PseudonymiserSource,
    options: ClusterOptions,
    *,
    catalog: Catalog = CATALOG,
    window_events: int = SLICE_EVENTS,
) -> F32:
    """Compute the vectors of all events of some directories on a cluster.

    Args:
        sources: directories of events, read as one history; every worker reads them under these paths.
        events: what this process read of them, in the order of application.
        work: folder that every worker writes to, for what is between the phases; it is empty afterwards.
        pseudonyms: function of a module that gives the pseudonymiser of the process that calls it.
        options: the scheduler, and how the work is divided.
        catalog: which features.
        window_events: about how many events a task decodes at once.

    Returns:
        float32 [events, features] in a file of the temporary directory that goes with the array, so that memory
        does not have to hold it: 4 bytes a feature and event.

    Raises:
        ConfigurationError: if the workers see other events than ``events``.
        ForewarnError: as :func:`features.cluster.cluster_backfill.cluster_backfill`.
    """
    folder = SharedFolder.at(work)
    with computed_history(
        sources, folder, pseudonyms, options, catalog=catalog, window_events=window_events
    ) as history:
        vectors = _on_disk(len(events), len(catalog.names))
        done = 0
        for number in range(history.windows):
            done += _read_window(history, number, events, vectors, done)
            options.progress("values", number + 1, history.windows)
        if done != len(events):
            raise _other_events()
        history.require_claim()
        history.remove_work()
    return vectors


def _read_window(
    history: ComputedHistory, number: int, events: EventColumns, vectors: F32, first: int
) -> int:
    """Write the vectors of a window behind those before it; returns its number of rows."""
    run, phases = history.run, history.phases
    order = SegmentReader(run.work, read_phase(run.work, phases.events)[number]).arrays("order")
    rows = len(order["kind"])
    for name in ORDER:
        if not np.array_equal(getattr(events, name)[first : first + rows], order[name]):
            raise _other_events()
    vectors[first : first + rows] = window_vectors(run, number, rows, phases)
    return rows


def _on_disk(rows: int, features: int) -> F32:
    if rows == 0:
        return np.empty((0, features), np.float32)
    with TemporaryFile(prefix="forewarn-vectors-") as file:  # stays as long as it is mapped
        return np.memmap(file, np.float32, "w+", shape=(rows, features))


def _other_events() -> ConfigurationError:
    return ConfigurationError(
        "The workers do not see the events of this process, or not in its order.",
        hint="Files without offsets have to be one file a topic; nothing may write to the directory.",
    )
