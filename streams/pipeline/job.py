"""A chunk on its way through the steps of a batch; each step adds its results."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from features.engine import Engine, JointPlan, Plan, RunResult
from features.event_columns import EventColumns, from_events
from features.store import Write
from features.store.chunk_journal import Journal, SourceRange, encode, of_chunk
from forewarn.contracts import DeadLetter, Event, FraudWarning, Reason
from forewarn.platform.pseudonyms import Pseudonymiser
from models.policy import Decision, PaymentVerdict
from models.policy.decision_candidates import Candidates
from models.serving.drift import Judged
from streams.intake.open_partition import OpenPartition
from streams.intake.partition_buffer import SOURCE_COUNT, Chunk


@dataclass(slots=True)
class DecisionJob:
    """One chunk with its columns, its state and the decisions on it.

    Attributes:
        partition: the partition of the chunk.
        chunk: the events.
        columns: the events as arrays, one row each (an outcome may have more).
        rows: for each event its first row in ``columns``.
        plan: which records the chunk reads and writes.
        number: of the chunk in its partition.
        recovering: the chunk is repeated from its journal.
        records: the records as loaded, or as journalled when the chunk is repeated.
        writes: the records that it changed, as packed for the store, in the order of the plan.
        journal: encoded journal of the chunk.
        landed: by key, the version on which the update of a record landed, where that is not the
            version that was read.
        probabilities: of each event.
        challenger: probabilities by the challenger; None for none.
        decisions: by event index, for the few events that reached the policy.
        unchanged: number of events of warned people that concern no warning (below the threshold).
        typologies: by event index, the likely kind of fraud of the events in ``decisions`` and of the
            payments whose answer delays them.
        verdicts: by event index, the answers to banks that wait.
        reasons: by event index, the reasons of the scores of warnings and of answers that delay.
        warnings: messages to be sent, with the index of the causing event.
        judged: warnings whose outcome came, with the probability that they had.
        spent: district, tenant and event time of each warning that counts against their budgets.
        spent_by_district: number of these.
        spent_by_tenant: number of these by tenant and hour of the clock.
        joint: the plan of the batch with which the chunk was planned; None for a chunk planned alone.
        candidates: which events need a look at their subscriber's history; None before the batch is screened.
    """

    partition: OpenPartition
    chunk: Chunk
    columns: EventColumns
    rows: npt.NDArray[np.intp]
    plan: Plan
    number: int
    recovering: bool
    records: list[bytes | None] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    journal: bytes = b""
    landed: dict[bytes, int] = field(default_factory=dict)
    probabilities: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    challenger: npt.NDArray[np.float64] | None = None
    decisions: dict[int, Decision] = field(default_factory=dict)
    unchanged: int = 0
    typologies: dict[int, str] = field(default_factory=dict)
    verdicts: dict[int, PaymentVerdict] = field(default_factory=dict)
    reasons: dict[int, tuple[Reason, ...]] = field(default_factory=dict)
    warnings: list[tuple[int, FraudWarning]] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    spent: list[tuple[str, str, int]] = field(default_factory=list)
    spent_by_district: Counter[str] = field(default_factory=Counter)
    spent_by_tenant: Counter[tuple[str, int]] = field(default_factory=Counter)
    joint: JointPlan | None = None
    candidates: Candidates | None = None
    _result: RunResult | None = None

    @property
    def result(self) -> RunResult:
        """Vectors, versions read and pending writes of the chunk.

        Raises:
            RuntimeError: before the kernel ran.
        """
        if self._result is None:
            raise RuntimeError("the kernel has not run")
        return self._result

    @result.setter
    def result(self, result: RunResult) -> None:
        self._result = result

    def first_offset(self, source: int) -> int | None:
        """Offset of the chunk's first event of a source; None for none."""
        offsets = self.chunk.offsets[self.chunk.source == source]
        return int(offsets[0]) if len(offsets) else None

    def journal_entry(self) -> Journal:
        """The journal of this chunk."""
        ranges = tuple(
            SourceRange(source, self.chunk.before[source], self.chunk.after[source])
            for source in range(SOURCE_COUNT)
        )
        return of_chunk(
            self.number,
            ranges,
            self.chunk.taken.tobytes(),
            self.plan.keys,
            self.records,
            self.chunk.failed,
        )

    def without(
        self, indices: Sequence[int], letters: Sequence[DeadLetter], engine: Engine
    ) -> "DecisionJob":
        """Return a new job without some events, on the same records as loaded.

        Args:
            indices: of the events to leave out.
            letters: their dead letters.
            engine: plans the new job.
        """
        lengths = np.diff(self.rows, append=len(self.columns))
        event = np.repeat(np.arange(len(self.rows)), lengths)
        columns = self.columns.take(np.flatnonzero(~np.isin(event, indices)))
        plan = engine.plan(columns)
        job = DecisionJob(
            partition=self.partition,
            chunk=self.chunk.set_aside(indices, letters),
            columns=columns,
            rows=columns.event_rows(),
            plan=plan,
            number=self.number,
            recovering=self.recovering,
        )
        known = dict(zip(self.plan.keys, self.records, strict=True))
        job.records = [known[key] for key in plan.keys]
        job.journal = encode(job.journal_entry())
        return job


def columns_of(
    chunks: Sequence[Chunk], pseudonymiser: Pseudonymiser
) -> tuple[EventColumns, npt.NDArray[np.intp]]:
    """Columns of chunks, each in merge order, and the first row of each event."""
    events: list[Event] = [event for chunk in chunks for event in chunk.events]
    columns = from_events(
        events,  # type: ignore[arg-type]  # decoders return these kinds only
        pseudonymiser,
        source=0,
        partition=0,
        offsets=[offset for chunk in chunks for offset in chunk.offsets.tolist()],
    )
    rows = columns.event_rows()
    lengths = np.diff(rows, append=len(columns))
    columns.source[:] = np.repeat(np.concatenate([chunk.source for chunk in chunks]), lengths)
    partitions = np.repeat([c.partition for c in chunks], [len(c.events) for c in chunks])
    columns.partition[:] = np.repeat(partitions, lengths)
    return columns, rows
