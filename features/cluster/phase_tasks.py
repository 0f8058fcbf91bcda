"""The tasks of a run: each reads files of the run, writes one, and returns its receipt.

A task has no other result and no other input, so it may run on any worker, more than once, and again after a
crash; one that finds its file finished under its key returns the receipt at once.

=============== ========================= ===========================================================
phase           one task for each         writes
=============== ========================= ===========================================================
events          window of time            the events as columns, by the partitions of their records
inputs          partition of the records  what the subscribers' step reads of numbers and accounts
subscribers     partition of the records  the subscribers' features, and what they say of each event
shared          partition of the records  the features of numbers, accounts and devices, both degrees
=============== ========================= ===========================================================

These are the three phases of :meth:`features.engine.Engine.run` over the whole history. The records stay with the task
that computes them, window by window, so no state is shuffled; the phase ``shared`` applies the first
degree once more, which costs less than to keep and merge two halves of each record.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from features.cluster.cluster_run import ClusterRun, PhaseResult, read_phase
from features.cluster.entity_shards import EntityShards
from features.cluster.left_records import leave_records
from features.cluster.segment_file import FileReceipt, SegmentReader, SegmentWriter, finished
from features.cluster.source_files import SourceFile
from features.engine import Engine, RunResult
from features.event_columns import EventColumns
from features.kernel.record_layout import PART_SECOND, PART_SHARED, PART_SUBSCRIBER
from features.kinds import ACCOUNT
from features.offline.feature_table import IDENTITY
from features.offline.frame_columns import COLUMNS_OF, in_order
from features.offline.offset_limits import below
from features.offline.record_store import RecordStore, SpillingRecordStore
from features.offline.time_windows import WindowRows
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser

PseudonymiserSource = Callable[[], Pseudonymiser]
"""A function of a module: each worker reads the key from its own settings, so the key never travels."""

ORDER: Final = ("kind", "source", "partition", "offset")
"""Columns that identify the event of a row."""

F32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]


def events_task(
    run: ClusterRun,
    number: int,
    window: WindowRows,
    source: PseudonymiserSource,
    files: Sequence[SourceFile],
    content: str,
) -> FileReceipt:
    """Decode one window and sort its events by the partitions of their records.

    Args:
        run: what the tasks share.
        number: of the window.
        window: its rows.
        source: gives the worker's pseudonymiser.
        files: that hold its rows.
        content: hash of their content.

    Raises:
        ConfigurationError: if the worker has another pseudonym key or other code.
    """
    name, key = f"events/{number:05d}.seg", run.task_key("events", number, content)
    if (done := finished(run.work, name, key)) is not None:
        return done
    run.require_code()
    pseudonymiser = source()
    if pseudonymiser.mark != run.mark:
        raise ConfigurationError(
            "A worker has another pseudonym key than the client.",
            hint="Give all of them the same FOREWARN_PRIVACY_PSEUDONYM_KEY.",
        )
    tables = _tables(window)
    if run.output.limits:
        tables = below(tables, run.output.limits)
    for file in files:
        file.require_unchanged()
    columns = in_order(
        [
            make(tables[topic], pseudonymiser)
            for topic, make in COLUMNS_OF.items()
            if topic in tables
        ]
    )
    shards = EntityShards(columns, run.shards)
    with SegmentWriter(run.work, name, key) as writer:
        writer.add("order", dict(_order(run, columns)))
        extra = ("district",) if run.output.columns else ()
        for topic in ("calls", "transfers"):
            if topic in tables:
                writer.add(f"identity/{topic}", tables[topic].select(*IDENTITY, *extra).to_arrow())
        for shard in range(run.shards):
            writer.add(f"shared/{shard}", _part(columns, shards.shared(shard)))
            writer.add(f"subscribers/{shard}", _part(columns, shards.subscribers(shard)))
        writer.note(
            events=sum(table.height for table in tables.values()),
            rows=len(columns),
            newest_ms=int(columns.time_ms.max(initial=0)),
        )
    return writer.receipt


def inputs_task(run: ClusterRun, shard: int, events: PhaseResult) -> FileReceipt:
    """Compute what the subscribers' step reads of the numbers and accounts of one partition."""
    name, key = f"inputs/{shard:05d}.seg", run.task_key("inputs", shard, events.hash)
    if (done := finished(run.work, name, key)) is not None:
        return done
    slots_read = run.catalog.inputs
    with _task(run) as (engine, records), SegmentWriter(run.work, name, key) as writer:
        for number, reader in enumerate(_readers(run, events)):
            columns, rows = _columns(reader.arrays(f"shared/{shard}"))
            with_party = EntityShards(columns, run.shards).of_counterparty == shard
            columns, rows = columns.take(np.flatnonzero(with_party)), rows[with_party]
            shards = EntityShards(columns, run.shards)
            slots = shards.slots(shard, device=False)
            result = _compute(engine, records, columns, slots, PART_SHARED)
            inputs = result.vectors[:, slots_read]
            for other in range(run.shards):
                mine = shards.of_subscriber == other
                writer.add(f"{number}/{other}", {"row": rows[mine], "inputs": inputs[mine]})
    return writer.receipt


def subscribers_task(
    run: ClusterRun, shard: int, events: PhaseResult, inputs: PhaseResult
) -> FileReceipt:
    """Compute the features of the subscribers of one partition, and what they say of each event."""
    name = f"subscribers/{shard:05d}.seg"
    key = run.task_key("subscribers", shard, events.hash, inputs.hash)
    if (done := finished(run.work, name, key)) is not None:
        return done
    chosen = block_slots(run, ("event", "subscriber"))
    with _task(run) as (engine, records), SegmentWriter(run.work, name, key) as writer:
        parties = list(_readers(run, inputs))
        for number, reader in enumerate(_readers(run, events)):
            columns, rows = _columns(reader.arrays(f"subscribers/{shard}"))
            vectors = no_values(run, len(columns))
            for party in parties:
                given = party.arrays(f"{number}/{shard}")
                at = np.searchsorted(rows, given["row"])
                vectors[at[:, None], run.catalog.inputs] = given["inputs"]
            slots = np.zeros((len(columns), 3), np.bool_)
            slots[:, 0] = True
            result = _compute(engine, records, columns, slots, PART_SUBSCRIBER, vectors=vectors)
            if run.output.records is None:
                writer.add(f"{number}", {"row": rows, "values": vectors[:, chosen]})
            _write_effects(writer, number, EntityShards(columns, run.shards), rows, result.effects)
        leave_records(run, writer, records)
    return writer.receipt


def shared_task(
    run: ClusterRun, shard: int, events: PhaseResult, subscribers: PhaseResult
) -> FileReceipt:
    """Compute all features of the numbers, accounts and devices of one partition."""
    name = f"shared/{shard:05d}.seg"
    key = run.task_key("shared", shard, events.hash, subscribers.hash)
    if (done := finished(run.work, name, key)) is not None:
        return done
    parts = PART_SHARED | PART_SECOND
    with _task(run) as (engine, records), SegmentWriter(run.work, name, key) as writer:
        people = list(_readers(run, subscribers))
        for number, reader in enumerate(_readers(run, events)):
            columns, rows = _columns(reader.arrays(f"shared/{shard}"))
            slots = EntityShards(columns, run.shards).slots(shard)
            effects = np.zeros(len(columns), np.int64)
            for one in people:
                said = one.arrays(f"{number}/effects/{shard}")
                effects[np.searchsorted(rows, said["row"])] = said["effects"]
            result = _compute(engine, records, columns, slots, parts, effects=effects)
            concerned = {} if run.output.records else _entities(columns, slots)
            for entity, mine in concerned.items():
                values = result.vectors[np.ix_(mine, block_slots(run, (entity,)))]
                writer.add(f"{number}/{entity}", {"row": rows[mine], "values": values})
        leave_records(run, writer, records)
    return writer.receipt


def block_slots(run: ClusterRun, entities: tuple[str, ...]) -> Rows:
    """Places in the vector of the features of some entities, both degrees."""
    return np.array(
        [place for place, feature in enumerate(run.catalog.features) if feature.entity in entities],
        np.intp,
    )


def no_values(run: ClusterRun, rows: int) -> F32:
    """Vectors in which every value is missing; float32 [rows, features]."""
    return np.full((rows, len(run.catalog.names)), np.nan, np.float32)


@contextmanager
def _task(run: ClusterRun) -> Iterator[tuple[Engine, RecordStore]]:
    """The engine and the records of one task; a scratch file goes with it."""
    run.require_code()
    with TemporaryDirectory(prefix="forewarn-task-") as scratch:
        records = SpillingRecordStore(Path(scratch) / "records.sqlite", most=run.memory_records)
        try:
            yield _engine(run), records
        finally:
            records.close()


def _engine(run: ClusterRun) -> Engine:
    given = run.output.records
    if given is None:
        return Engine(run.catalog)
    return Engine(run.catalog, prefix=given.prefix, form=lambda: given.form)


def _order(run: ClusterRun, columns: EventColumns) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """The columns of a window that its caller reads, in the order of application."""
    for name, values in columns.arrays():
        if run.output.columns or name in ORDER:
            yield name, values


def _readers(run: ClusterRun, phase: PhaseResult) -> Iterator[SegmentReader]:
    return (SegmentReader(run.work, receipt) for receipt in read_phase(run.work, phase))


def _compute(
    engine: Engine,
    records: RecordStore,
    columns: EventColumns,
    slots: npt.NDArray[np.bool_],
    parts: int,
    *,
    vectors: F32 | None = None,
    effects: npt.NDArray[np.int64] | None = None,
) -> RunResult:
    """Run one phase over one window and keep its records."""
    plan = engine.plan(columns, only=slots)
    if vectors is None:
        vectors = np.full((len(columns), len(engine.catalog.names)), np.nan, np.float32)
    if effects is None:
        effects = np.zeros(len(columns), np.int64)
    result = engine.run_phase(plan, records.load(plan.keys), parts, vectors, effects)
    records.store(result.writes())
    return result


def _write_effects(
    writer: SegmentWriter,
    number: int,
    shards: EntityShards,
    rows: Rows,
    effects: npt.NDArray[np.int64],
) -> None:
    """One segment for each partition of shared records; an effect of 0 says nothing and is left out."""
    said = effects != 0
    for other in range(shards.count):
        mine = said & shards.shared(other)
        writer.add(
            f"{number}/effects/{other}",
            {"row": rows[mine], "effects": effects[mine].astype(np.uint8)},
        )


def _entities(columns: EventColumns, slots: npt.NDArray[np.bool_]) -> dict[str, Rows]:
    """The rows whose number, account or device is concerned."""
    of_account = (columns.flags & ACCOUNT) != 0
    return {
        "number": np.flatnonzero(slots[:, 1] & ~of_account),
        "account": np.flatnonzero(slots[:, 1] & of_account),
        "device": np.flatnonzero(slots[:, 2]),
    }


def _tables(window: WindowRows) -> dict[str, pl.DataFrame]:
    try:
        return window.tables()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ConfigurationError(
            f"One of {', '.join(map(str, window.files))} cannot be read: {error}.",
            hint="A truncated file has to be exported again; nothing was written for this window.",
        ) from None


def _part(columns: EventColumns, mine: npt.NDArray[np.bool_]) -> dict[str, npt.NDArray[Any]]:
    rows = np.flatnonzero(mine)
    return {**dict(columns.take(rows).arrays()), "row": rows.astype(np.int32)}


def _columns(arrays: dict[str, npt.NDArray[Any]]) -> tuple[EventColumns, npt.NDArray[Any]]:
    rows = arrays.pop("row")
    return EventColumns(**arrays), rows
