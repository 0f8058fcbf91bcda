"""Parquet to Parquet: the features of every event as they were when it happened.

While the kernel computes one window on all cores, the next is read and decoded.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import polars as pl

from features.catalog import CATALOG, Catalog
from features.cluster.output_claim import CLAIM_NAME, OutputClaim
from features.cluster.shared_folder import SharedFolder
from features.engine import Engine
from features.event_columns import EventColumns
from features.offline.event_files import Place
from features.offline.export_manifest import atomic_file
from features.offline.feature_table import feature_table
from features.offline.frame_columns import COLUMNS_OF, in_order
from features.offline.history_runner import SLICE_EVENTS, HistoryRunner
from features.offline.record_file import RecordFile
from features.offline.record_store import MemoryRecordStore
from features.offline.time_windows import TimeWindows, cut
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser

TOPICS: Final = ("calls", "transfers", "outcomes")
SUMMARY_NAME: Final = "backfill.json"
SPILL_NAME: Final = "forewarn-backfill.records"


class BackfillSummary(msgspec.Struct, frozen=True):
    """Results of a backfill, kept beside its files.

    Attributes:
        events: rows read, outcomes included.
        rows: rows written; outcomes have none.
        entities: records at the end.
        fingerprint: of the catalog; a model trained on the files must carry it.
        features: in the order of the columns.
        seconds: wall time in all.
        kernel_seconds: wall time of planning, running and packing, without input and output.
    """

    events: int
    rows: int
    entities: int
    fingerprint: str
    features: tuple[str, ...]
    seconds: float
    kernel_seconds: float


def backfill(
    source: Place,
    out: Path,
    pseudonymiser: Pseudonymiser,
    *,
    catalog: Catalog = CATALOG,
    window_events: int = SLICE_EVENTS,
    spill: Path | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> BackfillSummary:
    """Compute the features of every call and transfer of a directory.

    Args:
        source: from ``forewarn export`` or ``forewarn simulate``; a path, or a URL such as ``s3://bucket/prefix``.
        out: directory to create; it gets one file for each window, in the order of the events.
        pseudonymiser: that of the workers, if vectors have to equal theirs to the bit.
        catalog: which features.
        window_events: about how many events are in memory at once.
        spill: directory for a scratch file that holds the records instead of memory.
        threads: of the kernel; all cores by default.
        progress: receives the number of events done and of all events.

    Raises:
        ConfigurationError: if ``source`` lacks a required column, or ``out`` is not empty or being written by
            another process.
    """
    _require_empty(out)
    began = time.perf_counter()
    windows = cut(source, TOPICS, window_events=window_events)
    with OutputClaim(SharedFolder.at(out)) as claim:
        _require_empty(out)  # another process may have come and gone meanwhile
        record_store = RecordFile(spill / SPILL_NAME) if spill else MemoryRecordStore()
        history = HistoryRunner(Engine(catalog), record_store=record_store, threads=threads)
        try:
            written = _write_windows(windows, history, out, pseudonymiser, catalog, progress)
            entities = sum(1 for _ in record_store.writes())
        finally:
            record_store.close()
        summary = BackfillSummary(
            events=written.events,
            rows=written.rows,
            entities=entities,
            fingerprint=catalog.fingerprint,
            features=catalog.names,
            seconds=round(time.perf_counter() - began, 3),
            kernel_seconds=round(written.kernel_seconds, 3),
        )
        claim.require()
        with atomic_file(out / SUMMARY_NAME) as draft:
            draft.write_bytes(encode_summary(summary))
    return summary


class _Written(NamedTuple):
    events: int
    rows: int
    kernel_seconds: float


def _write_windows(
    windows: TimeWindows,
    history: HistoryRunner,
    out: Path,
    pseudonymiser: Pseudonymiser,
    catalog: Catalog,
    progress: Callable[[int, int], None],
) -> _Written:
    """Write a file for each window."""
    done = rows = 0
    kernel_seconds = 0.0
    for number, (tables, columns) in enumerate(_ahead(windows, pseudonymiser)):
        start = time.perf_counter()
        result = history.run(columns)
        kernel_seconds += time.perf_counter() - start
        table = feature_table(columns, result.vectors, tables, catalog)
        with atomic_file(out / part_name(number)) as draft:
            write_part(table, draft)
        rows += table.height
        done += sum(frame.height for frame in tables.values())
        progress(done, windows.events)
    return _Written(done, rows, kernel_seconds)


def _require_empty(out: Path) -> None:
    if out.exists() and any(path.name != CLAIM_NAME for path in out.iterdir()):
        raise ConfigurationError(
            f"{out} is not empty.", hint="Give another directory or remove this one."
        )


def part_name(number: int) -> str:
    """Name of the file of a window."""
    return f"part-{number:05d}.parquet"


def write_part(table: pl.DataFrame, path: Path) -> None:
    """Write the rows of a window."""
    table.write_parquet(path, compression="zstd", compression_level=1)


def encode_summary(summary: BackfillSummary) -> bytes:
    """The content of ``backfill.json``."""
    return msgspec.json.format(msgspec.json.encode(summary), indent=2)


def _ahead(
    windows: TimeWindows, pseudonymiser: Pseudonymiser
) -> Iterator[tuple[dict[str, pl.DataFrame], EventColumns]]:
    """Each window with its columns; the next one is prepared while the caller uses this one."""

    def prepare(
        source: Iterator[dict[str, pl.DataFrame]],
    ) -> tuple[dict[str, pl.DataFrame], EventColumns] | None:
        tables = next(source, None)
        if tables is None:
            return None
        parts = [
            COLUMNS_OF[topic](tables[topic], pseudonymiser) for topic in TOPICS if topic in tables
        ]
        return tables, in_order(parts)

    source = iter(windows)
    with ThreadPoolExecutor(1, thread_name_prefix="backfill") as pool:
        following = pool.submit(prepare, source)
        while (ready := following.result()) is not None:
            following = pool.submit(prepare, source)
            yield ready
