"""The dataset of a history that a cluster computes: the rows of :func:`models.training.history_dataset.dataset_of_directory`.

Each window's task keeps the rows that the sample wants, so this process receives those alone; labels, weights and
the model are made here, from the whole sample.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

import models
from features.catalog import CATALOG, Catalog
from features.cluster.cluster_history import ClusterOptions, ComputedHistory, computed_history
from features.cluster.cluster_run import (
    ClusterRun,
    PhaseResults,
    digest_of,
    digest_of_sources,
    read_phase,
)
from features.cluster.phase_tasks import PseudonymiserSource
from features.cluster.run_output import RunOutput
from features.cluster.segment_file import FileReceipt, SegmentReader, SegmentWriter, finished
from features.cluster.shared_folder import SharedFolder
from features.cluster.task_client import run_tasks
from features.cluster.window_task import window_vectors
from features.event_columns import from_arrays
from features.offline.history_runner import SLICE_EVENTS
from features.offline.parquet_tables import read_parquet_file, read_topic
from forewarn.errors import ConfigurationError
from models.policy.event_status import WARNABLE
from models.training.cluster_sources import shared_sources
from models.training.confirmed_parties import ConfirmedParties
from models.training.history_dataset import PersonDistricts, history_outcomes
from models.training.kept_rows import KeptRows
from models.training.person_segments import PersonSegments
from models.training.row_sampling import HONEST_ROWS, RowSampler, share_for
from models.training.training_dataset import Dataset


def dataset_on_cluster(
    directory: Path,
    work: str | Path,
    pseudonyms: PseudonymiserSource,
    options: ClusterOptions,
    *,
    report_share: float = 0.6,
    honest_rows: int = HONEST_ROWS,
    catalog: Catalog = CATALOG,
    window_events: int = SLICE_EVENTS,
) -> Dataset:
    """The dataset of an export or a simulated town, its features computed by the workers of a cluster.

    Args:
        directory: from ``forewarn export`` or ``forewarn simulate``; every worker reads it under this path.
        work: folder that every worker writes to, for what is between the phases; it is empty afterwards.
        pseudonyms: function of a module that gives the pseudonymiser of the process that calls it.
        options: the scheduler, and how the work is divided.
        report_share: see ``models.training.label_weights``.
        honest_rows: about how many honest rows are kept; frauds all are.
        catalog: which features.
        window_events: about how many events a task decodes at once.

    Returns:
        The same rows, to the bit, as in one process.

    Raises:
        ForewarnError: as :func:`features.cluster.cluster_backfill.cluster_backfill`.
    """
    folder, pseudonymiser = SharedFolder.at(work), pseudonyms()
    outcomes, of_reports = history_outcomes(directory)
    with computed_history(
        shared_sources(directory, folder),
        folder,
        pseudonyms,
        options,
        catalog=catalog,
        window_events=window_events,
        output=RunOutput(columns=True),
    ) as history:
        counted = read_phase(history.run.work, history.phases.events)
        # The share is that of one process, which counts the rows of the directory alone.
        events = sum(one.notes["events"] for one in counted) - (len(outcomes) if of_reports else 0)
        sampler = RowSampler.of_outcomes(outcomes, pseudonymiser, share_for(events, honest_rows))
        kept = KeptRows(sampler)
        districts = PersonDistricts()
        for receipt in _kept(history, sampler, options):
            part = SegmentReader(history.run.work, receipt)
            rows = from_arrays(**part.arrays("events"))
            kept.add_part(rows, part.arrays("vectors")["values"])
            districts.add({"calls": _frame(part, "districts")})
        history.require_claim()
        history.remove_work()
    people = directory / "people.parquet"
    if people.is_file():
        table = read_parquet_file(people)
    elif of_reports:
        table = _last_districts(directory)
    else:
        table = districts.table

    def segments(subscribers: NDArray[np.uint64]) -> PersonSegments:
        return PersonSegments.among(table, pseudonymiser, subscribers)

    return kept.dataset(outcomes, pseudonymiser, segments, report_share, catalog)


def kept_task(
    run: ClusterRun, number: int, phases: PhaseResults, sample: FileReceipt, share: float, code: str
) -> FileReceipt:
    """Write the rows of one window that a sample wants.

    Args:
        run: what the tasks share.
        number: of the window.
        phases: what the phases have left.
        sample: file of the confirmed parties.
        share: of people whose honest rows are kept.
        code: digest of the sources of ``models`` that the client runs.

    Raises:
        ConfigurationError: if the worker has other code.
        DamagedFileError: if a file of the phases is not what its task wrote.
    """
    name, key = f"kept/{number:05d}.seg", _key(run, number, phases, sample, share, code)
    if (done := finished(run.work, name, key)) is not None:
        return done
    run.require_code()
    if code != _code():
        raise ConfigurationError(
            "A worker runs other code of the models than the client.",
            hint="Start workers and client from the same image or the same lock file.",
        )
    sampler = RowSampler(share, _read_sample(run, sample))
    decoded = SegmentReader(run.work, read_phase(run.work, phases.events)[number])
    columns = from_arrays(**decoded.arrays("order"))
    rows = sampler.rows(columns)
    part = columns.take(rows)
    vectors = window_vectors(run, number, len(columns), phases)
    with SegmentWriter(run.work, name, key) as writer:
        writer.add("events", dict(part.arrays()))
        writer.add("vectors", {"values": vectors[rows[np.isin(part.kind, WARNABLE)]]})
        writer.add("districts", _districts(decoded).to_arrow())
    return writer.receipt


def _kept(
    history: ComputedHistory, sampler: RowSampler, options: ClusterOptions
) -> Sequence[FileReceipt]:
    run, phases, code = history.run, history.phases, _code()
    sample = _write_sample(run, sampler.confirmed)
    tasks = [
        (
            _key(run, number, phases, sample, sampler.share, code),
            (run, number, phases, sample, sampler.share, code),
        )
        for number in range(history.windows)
    ]
    return run_tasks(history.client, "rows", kept_task, tasks, options.progress)


def _key(
    run: ClusterRun, number: int, phases: PhaseResults, sample: FileReceipt, share: float, code: str
) -> str:
    hashes = (phases.events.hash, phases.subscribers.hash, phases.shared.hash)
    return run.task_key("kept", number, *hashes, sample.hash, repr(share), code)


def _write_sample(run: ClusterRun, confirmed: ConfirmedParties) -> FileReceipt:
    """What outcomes may label, once for all tasks."""
    with SegmentWriter(run.work, "sample.seg", digest_of(run.key, "sample")) as writer:
        writer.add(
            "people",
            {
                "subscriber": confirmed.subscriber,
                "from_ms": confirmed.from_ms,
                "until_ms": confirmed.until_ms,
            },
        )
        writer.add("pairs", {"pairs": confirmed.pairs})
        writer.add("transfers", {"transfers": confirmed.transfers})
    return writer.receipt


def _read_sample(run: ClusterRun, sample: FileReceipt) -> ConfirmedParties:
    reader = SegmentReader(run.work, sample)
    return ConfirmedParties(
        **reader.arrays("people"), **reader.arrays("pairs"), **reader.arrays("transfers")
    )


def _districts(decoded: SegmentReader) -> pl.DataFrame:
    """The district of each person's last event of a window."""
    found = PersonDistricts()
    names = [topic for topic in ("calls", "transfers") if f"identity/{topic}" in decoded]
    found.add({topic: _frame(decoded, f"identity/{topic}") for topic in names})
    return found.table


def _last_districts(directory: Path) -> pl.DataFrame:
    """The district of each person's last transfer, or of the last call of a person without one."""
    seen = [
        read_topic(directory, topic).select("subscriber", "district")
        for topic in ("calls", "transfers")
    ]
    return pl.concat(seen).unique("subscriber", keep="last", maintain_order=True).collect()


def _frame(reader: SegmentReader, name: str) -> pl.DataFrame:
    frame = pl.from_arrow(reader.table(name))
    assert isinstance(frame, pl.DataFrame)  # noqa: S101  a table, not an array
    return frame


@cache
def _code() -> str:
    return digest_of_sources(Path(models.__file__).parent)
