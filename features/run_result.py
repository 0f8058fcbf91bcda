"""Results of one engine run: vectors, versions read, annexes, pending writes."""

from collections.abc import Callable
from functools import cached_property, partial
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from features.catalog.semantics import DAY_MS
from features.kernel.record_batch import Annexes, Packed, pack_some
from features.kernel.record_state import State
from features.kernel.watermarks import StoredRecords, Watermarks, annex_spans
from features.plan import Plan
from features.store.state_store import Write

I64 = npt.NDArray[np.int64]

KEEP_MS: Final = 35 * DAY_MS
"""How long a record is kept after its last write: the widest window and five days of grace."""
KEEP_CONFIRMED_MS: Final = 180 * DAY_MS
"""The same for a number, account or device that was confirmed as fraudulent."""
MAX_ANNEX_BYTES: Final = 4096

_BUFFER_BYTES = 1 << 22

# The constructor of a NamedTuple takes twice the time, and there are two writes an event.
_make_write = cast(
    "Callable[[tuple[bytes, int, bytes, int, bool]], Write]", partial(tuple.__new__, Write)
)


class RunResult:
    """Results of one run.

    Attributes:
        plan: of the run.
        vectors: float32 [n, features]; NaN where a value is missing.
        effects: int64 [n], what the subscriber's record says of each event to the shared records.
        annexes: by index of a record, the annex set on it since the run.
        whole: the run that this chunk was joined in; None for a run of its own.
        records: its records among those of ``whole``.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        stored: StoredRecords,
        state: State,
        vectors: npt.NDArray[np.float32],
        effects: I64,
        fresh_slots: npt.NDArray[np.uint8],
        applied_offsets: I64,
        offset_ms: int,
        compact: bool,
    ) -> None:
        self.plan = plan
        self.vectors = vectors
        self.effects = effects
        self._stored = stored
        self._state = state
        self._fresh_slots = fresh_slots
        self._applied_offsets = applied_offsets
        self._offset_ms = offset_ms
        self._compact = compact
        self.annexes: dict[int, bytes] = {}
        self.whole: RunResult | None = None
        self.records = slice(0, len(plan.keys))

    def part(self, plan: Plan, *, rows: slice, records: slice, groups: slice) -> "RunResult":
        """The result of one of the chunks that this run joined, before any annex is set.

        Args:
            plan: of the chunk.
            rows, records, groups: its rows, records and watermarks among those of the run.
        """
        stored = self._stored
        part = RunResult(
            plan=plan,
            stored=stored._replace(
                starts=stored.starts[records],
                ends=stored.ends[records],
                versions=stored.versions[records],
            ),
            state=self._state._replace(starts=self._state.starts[records]),
            vectors=self.vectors[rows],
            effects=self.effects[rows],
            fresh_slots=self._fresh_slots[rows],
            applied_offsets=self._applied_offsets[groups],
            offset_ms=self._offset_ms,
            compact=self._compact,
        )
        part.whole, part.records = self, records
        return part

    @cached_property
    def reads(self) -> npt.NDArray[np.uint32]:
        """Version of each record that an event read, 0 where there was none; uint32 [n, 3]."""
        slots = self.plan.slots
        versions = np.zeros(slots.shape, np.uint32)
        versions[slots >= 0] = self._stored.versions[slots[slots >= 0]]
        return versions

    @cached_property
    def fresh(self) -> npt.NDArray[np.bool_]:
        """False for an event that its subscriber's record has already applied; bool [n].

        Of a continuation row of an outcome, the record of its counterparty decides.
        """
        which = np.where(self.plan.slots[:, 0] >= 0, 0, 1)
        fresh: npt.NDArray[np.bool_] = self._fresh_slots[np.arange(len(which)), which] == 1
        return fresh

    @cached_property
    def _stored_annexes(self) -> tuple[I64, I64]:
        """Start and length of each record's stored annex."""
        at, length = annex_spans(self._stored)
        return at, length

    @cached_property
    def _annex_places(self) -> tuple[list[int], list[int], list[int]]:
        """Record of each row's subscriber; start and length of each record's stored annex."""
        at, length = self._stored_annexes
        return self.plan.slots[:, 0].tolist(), at.tolist(), length.tolist()

    @property
    def has_annex(self) -> npt.NDArray[np.bool_]:
        """Whether the annex of each event's subscriber has any bytes; bool [n]."""
        full = self._stored_annexes[1] > 0
        for record, annex in self.annexes.items():
            full[record] = len(annex) > 0
        slots = self.plan.slots[:, 0]
        out: npt.NDArray[np.bool_] = slots >= 0
        out[out] = full[slots[out]]
        return out

    def annex(self, row: int) -> bytes:
        """The annex of the subscriber of an event; empty for most subscribers."""
        records, starts, lengths = self._annex_places
        record = records[row]
        if record < 0:
            return b""
        if record in self.annexes:
            return self.annexes[record]
        at = starts[record]
        return self._stored.data[at : at + lengths[record]].tobytes()

    def set_annex(self, row: int, data: bytes) -> None:
        """Replace the annex of the subscriber of an event.

        Raises:
            ValueError: if it is longer than ``MAX_ANNEX_BYTES``, or the row is a continuation.
        """
        if len(data) > MAX_ANNEX_BYTES:
            raise ValueError(f"an annex of {len(data)} bytes; the limit is {MAX_ANNEX_BYTES}")
        record = int(self.plan.slots[row, 0])
        if record < 0:
            raise ValueError("a continuation row has no subscriber's record")
        self.annexes[record] = data

    def writes(self) -> list[Write]:
        """The records that changed, each once, in the order of ``plan.keys``."""
        return self.pack(np.flatnonzero(self.changed()))

    def changed(self) -> npt.NDArray[np.bool_]:
        """Whether each record changed; bool [records]."""
        changed = np.zeros(len(self.plan.keys), np.bool_)
        changed[self.plan.group_record[self._applied_offsets >= 0]] = True
        changed[list(self.annexes)] = True
        return changed

    def pack(self, chosen: I64) -> list[Write]:
        """Pack the given records (indices into ``plan.keys``) as writes."""
        plan, stored = self.plan, self._stored
        added = Watermarks(
            *plan.group_order, plan.group_source, plan.group_partition, self._applied_offsets
        )
        annexes = self._new_annexes()
        words = np.empty(_BUFFER_BYTES // 8, np.uint64)
        out = Packed(
            words.view(np.uint8),
            words,
            self._compact,
            np.zeros(len(chosen), np.int64),
            np.zeros(len(chosen), np.bool_),
        )
        values: list[bytes] = []
        done = 0
        while done < len(chosen):
            before = done
            done = pack_some(
                self._state, chosen, before, stored, added, annexes, self._offset_ms, out
            )
            packed = out.buffer[: out.ends[done - 1]].tobytes()
            at = 0
            for end in out.ends[before:done].tolist():
                values.append(packed[at:end])
                at = end
        keys = [plan.keys[place] for place in chosen.tolist()]
        versions = stored.versions[chosen].tolist()
        keep = np.where(out.confirmed, KEEP_CONFIRMED_MS, KEEP_MS).tolist()
        # The time to live of a confirmed record is renewed, because the record often falls silent
        # with the very event that confirms it.
        renew = out.confirmed.tolist()
        return list(map(_make_write, zip(keys, versions, values, keep, renew, strict=True)))

    def _new_annexes(self) -> Annexes:
        starts = np.full(len(self.plan.keys), -1, np.int64)
        lengths = np.zeros(len(self.plan.keys), np.int64)
        position = 0
        for record, annex in self.annexes.items():
            starts[record], lengths[record] = position, len(annex)
            position += len(annex)
        data = np.frombuffer(bytearray().join(self.annexes.values()), np.uint8)
        return Annexes(data, starts, lengths)
