"""What a run came to: vectors, versions, annexes and the records to store."""

from collections.abc import Callable
from functools import cached_property, partial
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from features.catalog.semantics import DAY_MS
from features.kernel.record_batch import ANNEX_LENGTH_BYTES, Annexes, Packed, pack_some
from features.kernel.record_state import State
from features.kernel.watermarks import StoredRecords, Watermarks
from features.plan import Plan
from features.record_header import HEADER_BYTES, WATERMARK_BYTES
from features.store.state_store import Write

I64 = npt.NDArray[np.int64]

KEEP_MS: Final = 35 * DAY_MS
"""How long a record outlives its last write: the widest window and some days of grace."""
KEEP_CONFIRMED_MS: Final = 180 * DAY_MS
"""The same for a number, account or device that was confirmed to be a swindler's."""
MAX_ANNEX_BYTES: Final = 4096

_BUFFER_BYTES = 1 << 22


_make_write = cast(
    "Callable[[tuple[bytes, int, bytes, int, bool]], Write]", partial(tuple.__new__, Write)
)


class RunResult:
    """The result of one run. ``vectors`` is float32 [n, features], NaN where a value is missing."""

    def __init__(
        self,
        *,
        plan: Plan,
        loaded: StoredRecords,
        state: State,
        vectors: npt.NDArray[np.float32],
        effects: I64,
        fresh_slots: npt.NDArray[np.uint8],
        mark_offsets: I64,
        offset_ms: int,
    ) -> None:
        self.plan = plan
        self.vectors = vectors
        self.effects = effects
        self._loaded = loaded
        self._state = state
        self._fresh_slots = fresh_slots
        self._mark_offsets = mark_offsets
        self._offset_ms = offset_ms
        self._annexes: dict[int, bytes] = {}

    @cached_property
    def reads(self) -> npt.NDArray[np.uint32]:
        """Version of each record that an event read, 0 where there was none; uint32 [n, 3]."""
        slots = self.plan.slots
        versions = np.zeros(slots.shape, np.uint32)
        versions[slots >= 0] = self._loaded.versions[slots[slots >= 0]]
        return versions

    @cached_property
    def fresh(self) -> npt.NDArray[np.bool_]:
        """False for an event that its subscriber's record has already applied; bool [n].

        A continuation row of an outcome tells it of its counterparty.
        """
        which = np.where(self.plan.slots[:, 0] >= 0, 0, 1)
        fresh: npt.NDArray[np.bool_] = self._fresh_slots[np.arange(len(which)), which] == 1
        return fresh

    @cached_property
    def _stored_annexes(self) -> tuple[I64, I64]:
        """Start and length of each record's stored annex."""
        data, starts = self._loaded.data, self._loaded.starts
        at, length = np.zeros(len(starts), np.int64), np.zeros(len(starts), np.int64)
        stored = starts >= 0
        start = starts[stored]
        marks = data[start + 2].astype(np.int64) | data[start + 3].astype(np.int64) << 8
        behind = start + HEADER_BYTES + WATERMARK_BYTES * marks
        at[stored] = behind + ANNEX_LENGTH_BYTES
        length[stored] = data[behind].astype(np.int64) | data[behind + 1].astype(np.int64) << 8
        return at, length

    @property
    def has_annex(self) -> npt.NDArray[np.bool_]:
        """Whether the annex of each event's subscriber has any bytes; bool [n]."""
        full = self._stored_annexes[1] > 0
        for record, annex in self._annexes.items():
            full[record] = len(annex) > 0
        slots = self.plan.slots[:, 0]
        out: npt.NDArray[np.bool_] = slots >= 0
        out[out] = full[slots[out]]
        return out

    def annex(self, row: int) -> bytes:
        """The annex of the subscriber of an event; empty for nearly everyone."""
        record = int(self.plan.slots[row, 0])
        if record < 0:
            return b""
        if record in self._annexes:
            return self._annexes[record]
        at, length = (int(array[record]) for array in self._stored_annexes)
        return self._loaded.data[at : at + length].tobytes()

    def set_annex(self, row: int, data: bytes) -> None:
        """Replace the annex of the subscriber of an event.

        Raises:
            ValueError: if it is longer than ``MAX_ANNEX_BYTES``, or the row is a continuation.
        """
        if len(data) > MAX_ANNEX_BYTES:
            raise ValueError(f"an annex of {len(data)} bytes; {MAX_ANNEX_BYTES} is the most")
        record = int(self.plan.slots[row, 0])
        if record < 0:
            raise ValueError("a continuation row has no subscriber's record")
        self._annexes[record] = data

    def writes(self) -> list[Write]:
        """The records that changed, each once, in the order of ``plan.keys``."""
        changed = np.zeros(len(self.plan.keys), np.bool_)
        changed[self.plan.group_record[self._mark_offsets >= 0]] = True
        changed[list(self._annexes)] = True
        return self.pack(np.flatnonzero(changed))

    def pack(self, chosen: I64) -> list[Write]:
        """The given records as writes."""
        plan, loaded = self.plan, self._loaded
        watermarks = Watermarks(
            *plan.group_order, plan.group_source, plan.group_partition, self._mark_offsets
        )
        annexes = self._new_annexes()
        out = Packed(
            np.empty(_BUFFER_BYTES, np.uint8),
            np.zeros(len(chosen), np.int64),
            np.zeros(len(chosen), np.bool_),
        )
        values: list[bytes] = []
        done = 0
        while done < len(chosen):
            before = done
            done = pack_some(
                self._state, chosen, before, loaded, watermarks, annexes, self._offset_ms, out
            )
            packed = out.buffer[: out.ends[done - 1]].tobytes()
            at = 0
            for end in out.ends[before:done].tolist():
                values.append(packed[at:end])
                at = end
        places, keys = chosen.tolist(), plan.keys
        versions = loaded.versions[chosen].tolist()
        keep = np.where(out.confirmed, KEEP_CONFIRMED_MS, KEEP_MS).tolist()
        # Write's own constructor takes twice the time, and there are two of them an event.
        # A swindler's account often falls silent with the very payment that confirms it, so that
        # its longer life has to begin now.
        columns = (
            [keys[place] for place in places],
            versions,
            values,
            keep,
            out.confirmed.tolist(),
        )
        return list(map(_make_write, zip(*columns, strict=True)))

    def _new_annexes(self) -> Annexes:
        at = np.full(len(self.plan.keys), -1, np.int64)
        length = np.zeros(len(self.plan.keys), np.int64)
        position = 0
        for record, annex in self._annexes.items():
            at[record], length[record] = position, len(annex)
            position += len(annex)
        return Annexes(np.frombuffer(b"".join(self._annexes.values()), np.uint8), at, length)
