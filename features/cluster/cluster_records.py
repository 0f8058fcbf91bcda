"""The state that a history leads to, computed by a cluster: the records of :func:`features.offline.rebuild.rebuild_state`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from features.catalog import CATALOG, Catalog
from features.cluster.cluster_history import ClusterOptions, computed_history
from features.cluster.cluster_run import read_phase
from features.cluster.left_records import left_records
from features.cluster.phase_tasks import PseudonymiserSource
from features.cluster.run_output import RecordForm, RunOutput
from features.cluster.shared_folder import SharedFolder
from features.offline.history_runner import SLICE_EVENTS
from features.offline.offset_limits import Limits
from features.store.state_store import Write


@dataclass(frozen=True, slots=True)
class ComputedRecords:
    """The records at the end of a history.

    Attributes:
        events: rows of events that led to them.
        newest_ms: event time of the newest one, UTC ms; 0 if there is none.
        writes: the records, as writes on an empty store; to be read once, inside the block.
    """

    events: int
    newest_ms: int
    writes: Iterator[Write]


@contextmanager
def cluster_records(
    sources: Sequence[Path],
    work: str | Path,
    pseudonyms: PseudonymiserSource,
    options: ClusterOptions,
    form: RecordForm,
    *,
    limits: Limits = (),
    catalog: Catalog = CATALOG,
    window_events: int = SLICE_EVENTS,
) -> Iterator[ComputedRecords]:
    """Compute the records of some directories on a cluster; the block writes them where they belong.

    Args:
        sources: directories of events, read as one history; every worker reads them under these paths.
        work: folder that every worker writes to; it is empty once the block has ended well.
        pseudonyms: function of a module that gives the pseudonymiser of the process that calls it.
        options: the scheduler, and how the work is divided.
        form: of keys and records, as the store asks for it.
        limits: offsets at and beyond which events do not count.
        catalog: which features.
        window_events: about how many events a task decodes at once.

    Raises:
        ForewarnError: as :func:`features.cluster.cluster_backfill.cluster_backfill`.
    """
    with computed_history(
        sources,
        SharedFolder.at(work),
        pseudonyms,
        options,
        catalog=catalog,
        window_events=window_events,
        output=RunOutput(records=form, limits=limits),
    ) as history:
        windows = read_phase(history.run.work, history.phases.events)
        yield ComputedRecords(
            events=sum(one.notes["rows"] for one in windows),
            newest_ms=max((one.notes["newest_ms"] for one in windows), default=0),
            writes=left_records(history.run, history.phases),
        )
        history.require_claim()
        history.remove_work()
