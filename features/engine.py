"""The feature engine: events and records in, vectors and new records out. No I/O, no clock.

::

    engine = Engine(CATALOG)
    plan = engine.plan(columns)             # plan.keys: what to load
    result = engine.run(plan, records)      # records: bytes or None for each key
    result.vectors                          # float32 [n, features], each from the state before it
    result.writes()                         # what to store, by compare-and-set

A run is one chunk of one partition online, or any part of history offline: the same code, the same
bits. Threads share nothing but the engine, which is immutable.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from features.catalog import CATALOG, Catalog
from features.catalog.semantics import MINUTE_MS
from features.entity_keys import Entity, StateForm, describe
from features.event_columns import EventColumns
from features.joint_plan import JointPlan, joint_plan
from features.kernel.execution import Share, execute, reapply
from features.kernel.program import Program
from features.kernel.record_batch import allocate, unpack_all
from features.kernel.record_layout import (
    ALL_PARTS,
    B_FRESH,
    BATCH,
    BATCH_COLUMNS,
    PART_SECOND,
    PART_SHARED,
    PART_SUBSCRIBER,
)
from features.kernel.record_state import State
from features.kernel.watermarks import StoredRecords, applied_offsets
from features.plan import Plan, plan
from features.run_result import RunResult
from features.store.state_store import Write
from features.stored_records import join_records
from forewarn.errors import ForewarnError

__all__ = ["Engine", "JointPlan", "Plan", "RunResult", "Write"]


class CorruptRecordError(ForewarnError):
    """A state record does not unpack; carries its key."""

    def __init__(self, key: bytes) -> None:
        super().__init__(
            f"the state record {describe(key)} is corrupted",
            hint="Delete it, or restore the state with `forewarn rebuild`.",
        )
        self.key = key


class Engine:
    """Computes a catalog's features.

    Args:
        catalog: which features, in which order, and the local time.
        prefix: of the Redis keys of this installation.
        form: keys and layout of the records that it writes; it reads records of either layout. Asked at
            each run, because a store knows its form once it is open.
    """

    def __init__(
        self,
        catalog: Catalog = CATALOG,
        *,
        prefix: str = "fw",
        form: Callable[[], StateForm] = lambda: StateForm.COMPACT,
    ) -> None:
        self.catalog = catalog
        self.prefix = prefix
        self._form = form
        offset_ms = catalog.utc_offset_minutes * MINUTE_MS
        self._program = Program(*catalog.program, catalog.inputs, offset_ms)

    def plan(self, columns: EventColumns, *, only: npt.NDArray[np.bool_] | None = None) -> Plan:
        """Find the records that events concern.

        Args:
            columns: in the order of application; offsets rise within each source partition.
            only: which of the subscriber, the counterparty and the device of each event to touch; bool
                [n, 3], all by default. For :meth:`run_phase`.

        Raises:
            ValueError: if an identifier, a partition or an offset is out of its range.
        """
        return plan(columns, self.prefix, self._form(), only=only)

    def plan_jointly(self, columns: EventColumns, row_bounds: Sequence[int]) -> JointPlan:
        """Plan several chunks in one step; each gets records of its own.

        Args:
            columns: the rows of all chunks, chunk by chunk.
            row_bounds: where the rows of each chunk begin, and the end of the last.

        Raises:
            ValueError: as :meth:`plan`.
        """
        return joint_plan(columns, row_bounds, self.prefix, self._form())

    def run_jointly(
        self, joint: JointPlan, records: Sequence[Sequence[bytes | None]]
    ) -> list[RunResult]:
        """Compute the vectors of several chunks in one step: the same bits as :meth:`run` of each.

        Args:
            joint: from :meth:`plan_jointly`.
            records: for each chunk what is stored under each of its plan's keys.

        Raises:
            ValueError, ConfigurationError, CorruptRecordError: as :meth:`run`.
        """
        return joint.split(self.run(joint.whole, [each for chunk in records for each in chunk]))

    def run(
        self,
        plan: Plan,
        records: Sequence[bytes | None] | None = None,
        *,
        threads: int = 1,
    ) -> RunResult:
        """Compute the vectors of a plan's events and the state after them.

        Args:
            plan: from :meth:`plan`.
            records: what is stored under each of ``plan.keys``; None for no state at all.
            threads: above 1, the work is done in three phases (shared records, subscribers, second
                degree) that are parallel inside; the result is the same to the bit.

        Raises:
            ValueError: if there are not as many records as keys.
            ConfigurationError: if a record has a layout that this version cannot read.
            CorruptRecordError: if a record cannot be read at all.
        """
        if records is None:
            records = [None] * len(plan.keys)
        vectors = np.full((len(plan.columns), len(self.catalog.names)), np.nan, np.float32)
        effects = np.zeros(len(vectors), np.int64)
        return self._computed(
            plan,
            records,
            vectors,
            effects,
            lambda state, batch: self._execute(state, batch, vectors, effects, threads),
        )

    def run_phase(
        self,
        plan: Plan,
        records: Sequence[bytes | None],
        parts: int,
        vectors: npt.NDArray[np.float32],
        effects: npt.NDArray[np.int64],
    ) -> RunResult:
        """Do one phase of the work on the records of a plan that names only some of them.

        The phases of :meth:`run`, one after another over disjoint records, give the same bits in whatever
        process each of them runs.

        Args:
            plan: from :meth:`plan` with ``only``.
            records: what is stored under each of ``plan.keys``; None where there is none.
            parts: bits ``PART_...`` of the kernel's layout.
            vectors: float32 [n, features]; holds the inputs of the phase, receives its values.
            effects: int64 [n], what the subscribers' records say; written by their phase, read by the last one.

        Raises:
            ValueError: if there are not as many records as keys.
            ConfigurationError: if a record has a layout that this version cannot read.
            CorruptRecordError: if a record cannot be read at all.
        """
        rows, share = np.arange(len(vectors)), Share(parts, 0, 1)
        return self._computed(
            plan,
            records,
            vectors,
            effects,
            lambda state, batch: execute(
                state, batch, rows, self._program, share, vectors, effects
            ),
        )

    def _computed(
        self,
        plan: Plan,
        records: Sequence[bytes | None],
        vectors: npt.NDArray[np.float32],
        effects: npt.NDArray[np.int64],
        compute: Callable[[State, npt.NDArray[np.int64]], None],
    ) -> RunResult:
        """Load a plan's records, compute on them, and collect what came of it."""
        stored, state = self._load(plan, records)
        fresh, offsets = _freshness(plan, stored)
        compute(state, _batch(plan.columns, plan.slots, fresh))
        return RunResult(
            plan=plan,
            stored=stored,
            state=state,
            vectors=vectors,
            effects=effects,
            fresh_slots=fresh,
            applied_offsets=offsets,
            offset_ms=self._program.offset_ms,
            compact=self._form() is StateForm.COMPACT,
        )

    def reapply(
        self, plan: Plan, result: RunResult, records: Mapping[bytes, bytes | None]
    ) -> list[Write]:
        """Apply a run's events once more to shared records that other workers have written since.

        A record's watermarks tell which of the events it has already; these are left out.

        Args:
            plan: of the run.
            result: of the run; unchanged.
            records: by key, each as it is now; None where it has expired.

        Returns:
            What to store, in the order of ``records``.

        Raises:
            ValueError: for a subscriber's record, which only the owner of its partition writes.
        """
        places = np.fromiter((plan.index[key] for key in records), np.int64, len(records))
        if (plan.entity[places] == Entity.SUBSCRIBER).any():
            raise ValueError("a subscriber's record has one writer: it is never applied again")
        part, rows = plan.restricted(places)
        stored, state = self._load(part, list(records.values()))
        fresh, offsets = _freshness(part, stored)
        effects, offset_ms = result.effects[rows], self._program.offset_ms
        batch = _batch(part.columns, part.slots, fresh)
        reapply(state, batch, np.arange(len(rows)), offset_ms, effects)
        again = RunResult(
            plan=part,
            stored=stored,
            state=state,
            vectors=result.vectors[:0],
            effects=effects,
            fresh_slots=fresh,
            applied_offsets=offsets,
            offset_ms=offset_ms,
            compact=self._form() is StateForm.COMPACT,
        )
        return again.pack(np.arange(len(places)))

    def _load(self, plan: Plan, records: Sequence[bytes | None]) -> tuple[StoredRecords, State]:
        """Join the stored records, and unpack them into a state with room for the plan's events."""
        if len(records) != len(plan.keys):
            raise ValueError(f"{len(records)} records for {len(plan.keys)} keys")
        stored = join_records(records)
        state: State = allocate(plan.entity, plan.touches, stored)
        corrupted = unpack_all(state, stored, self._program.offset_ms)
        if corrupted >= 0:
            raise CorruptRecordError(plan.keys[corrupted])
        return stored, state

    def _execute(
        self,
        state: State,
        batch: npt.NDArray[np.int64],
        vectors: npt.NDArray[np.float32],
        effects: npt.NDArray[np.int64],
        threads: int,
    ) -> None:
        rows = np.arange(len(vectors))

        def part(parts: int, shard: int, shards: int) -> None:
            share = Share(parts, shard, shards)
            execute(state, batch, rows, self._program, share, vectors, effects)

        if threads <= 1:
            part(ALL_PARTS, 0, 1)
            return
        with ThreadPoolExecutor(threads) as pool:
            for parts in (PART_SHARED, PART_SUBSCRIBER, PART_SECOND):
                # Asking for the results raises what a thread raised.
                list(pool.map(lambda shard, p=parts: part(p, shard, threads), range(threads)))


def _batch(
    columns: EventColumns, slots: npt.NDArray[np.int64], fresh: npt.NDArray[np.uint8]
) -> npt.NDArray[np.int64]:
    """The events as one table of 64-bit integers; columns ``B_...`` of the layout."""
    batch = np.empty((len(columns), BATCH_COLUMNS), np.int64)
    batch[:, BATCH.kind] = columns.kind
    batch[:, BATCH.time_ms] = columns.time_ms
    batch[:, BATCH.subscriber] = columns.subscriber.view(np.int64)
    batch[:, BATCH.counterparty] = columns.counterparty.view(np.int64)
    batch[:, BATCH.subject] = columns.subject.view(np.int64)
    batch[:, BATCH.amount] = columns.amount_minor
    batch[:, BATCH.duration_ms] = columns.duration_ms
    batch[:, BATCH.flags] = columns.flags
    batch[:, BATCH.slots : B_FRESH] = slots
    batch[:, B_FRESH:] = fresh
    return batch


def _freshness(
    plan: Plan, loaded: StoredRecords
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Which events each record has not applied yet, and the new offset of each watermark."""
    before = applied_offsets(loaded, plan.group_record, plan.group_source, plan.group_partition)
    touched = plan.groups >= 0
    offset = np.broadcast_to(plan.columns.offset[:, None], plan.groups.shape)
    fresh = np.zeros(plan.groups.shape, np.uint8)
    fresh[touched] = offset[touched] > before[plan.groups[touched]]
    applied = fresh == 1
    offsets = np.full(len(before), -1, np.int64)
    np.maximum.at(offsets, plan.groups[applied], offset[applied])
    return fresh, offsets
