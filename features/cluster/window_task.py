"""The last task of a run: one window of the result, joined from what the phases have left."""

import hashlib

import msgspec
import numpy as np
import polars as pl

from features.cluster.cluster_run import ClusterRun, PhaseResults, read_phase
from features.cluster.phase_tasks import F32, block_slots, no_values
from features.cluster.segment_file import FileReceipt, SegmentReader
from features.cluster.shared_folder import SharedFolder
from features.event_columns import from_arrays
from features.offline.backfill import part_name, write_part
from features.offline.feature_table import feature_table


def window_task(
    run: ClusterRun,
    number: int,
    out: SharedFolder,
    phases: PhaseResults,
) -> FileReceipt:
    """Write the table of one window, the same bytes as a backfill in one process.

    Args:
        run: what the tasks share.
        number: of the window.
        out: folder of the result.
        phases: what the phases have left.

    Raises:
        DamagedFileError: if a file of the phases is not what its task wrote.
    """
    name = part_name(number)
    key = run.task_key("window", number, phases.events.hash, phases.shared.hash)
    note = f"windows/{number:05d}-{key}.json"
    if (written := run.work.read(note)) is not None:
        receipt = msgspec.json.decode(written, type=FileReceipt)
        if out.size(name) == receipt.size:
            return receipt
    run.require_code()
    decoded = SegmentReader(run.work, read_phase(run.work, phases.events)[number])
    columns = from_arrays(**decoded.arrays("order"))
    tables = {
        topic: _frame(decoded, f"identity/{topic}")
        for topic in ("calls", "transfers")
        if f"identity/{topic}" in decoded
    }
    vectors = window_vectors(run, number, len(columns), phases)
    table = feature_table(columns, vectors, tables, run.catalog)
    with out.draft(name) as draft:
        write_part(table, draft)
        with draft.open("rb") as file:
            hashed = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
        size = draft.stat().st_size
    receipt = FileReceipt(name, hashed.hexdigest(), size, {"rows": table.height})
    run.work.write(note, msgspec.json.encode(receipt))
    return receipt


def window_vectors(run: ClusterRun, number: int, rows: int, phases: PhaseResults) -> F32:
    """The vectors of a window's rows, float32 [rows, features].

    Raises:
        DamagedFileError: if a file of the phases is not what its task wrote.
    """
    vectors = no_values(run, rows)
    for receipt in read_phase(run.work, phases.subscribers):
        part = SegmentReader(run.work, receipt).arrays(f"{number}")
        vectors[np.ix_(part["row"], block_slots(run, ("event", "subscriber")))] = part["values"]
    for receipt in read_phase(run.work, phases.shared):
        reader = SegmentReader(run.work, receipt)
        for entity in ("number", "account", "device"):
            part = reader.arrays(f"{number}/{entity}")
            vectors[np.ix_(part["row"], block_slots(run, (entity,)))] = part["values"]
    return vectors


def _frame(reader: SegmentReader, name: str) -> pl.DataFrame:
    frame = pl.from_arrow(reader.table(name))
    assert isinstance(frame, pl.DataFrame)  # noqa: S101  a table, not an array
    return frame
