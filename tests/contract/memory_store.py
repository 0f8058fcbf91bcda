"""A state store in memory, for tests, simulations and offline work on one machine.

It keeps every promise of the contract, fencing and expiry included, except that nothing outlives
the process.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence

from features.entity_keys import StateForm
from features.record_header import record_version
from features.store.state_store import Conflict, FencedError, JournalWrite, Write, lost


class MemoryStateStore:
    """Records in a dictionary.

    Args:
        now_ms: the clock that expires records, in milliseconds; wall time unless given.
    """

    def __init__(self, *, now_ms: Callable[[], int] | None = None) -> None:
        self._now_ms = now_ms or (lambda: time.time_ns() // 1_000_000)
        self._records: dict[bytes, tuple[bytes, int]] = {}
        self._journals: dict[int, bytes] = {}
        self._epochs: dict[int, int] = {}
        self._identity = ""
        self._opened = ""
        self._rebuilding = False

    form = StateForm.COMPACT

    async def open(self, *, create: bool) -> str:
        """Learn the identity; see the contract."""
        if self._rebuilding:
            raise lost("a rebuild has not finished")
        if not self._identity:
            if not create:
                raise lost("it has no identity")
            self._identity = uuid.uuid4().hex
        self._opened = self._identity
        return self._identity

    async def load(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Read records; see the contract."""
        self._check()
        return [self._get(key) for key in keys]

    async def commit(
        self,
        writes: Sequence[Write],
        *,
        journals: Sequence[JournalWrite] = (),
        epochs: Mapping[int, int] | None = None,
    ) -> list[Conflict]:
        """Write journals, then records; see the contract."""
        self._check()
        named = dict(epochs or {}) | {entry.partition: entry.epoch for entry in journals}
        stale = [part for part, epoch in named.items() if self._epochs.get(part, 0) != epoch]
        if stale:
            raise FencedError(stale)
        for entry in journals:
            self._journals[entry.partition] = entry.entry
        conflicts: list[Conflict] = []
        for index, write in enumerate(writes):
            current = self._get(write.key)
            version = 0 if current is None else record_version(current)
            if version == write.expected_version:
                self._records[write.key] = (write.value, self._now_ms() + write.expire_ms)
            elif current != write.value:  # equal: a repetition of a write that had landed
                conflicts.append(Conflict(index, write.key, current))
        return conflicts

    async def take_over(self, partitions: Sequence[int]) -> dict[int, int]:
        """Become the owner of partitions; see the contract."""
        self._check()
        for partition in partitions:
            self._epochs[partition] = self._epochs.get(partition, 0) + 1
        return {partition: self._epochs[partition] for partition in partitions}

    async def journals(self, partitions: Sequence[int]) -> dict[int, bytes | None]:
        """The journals in place; see the contract."""
        self._check()
        return {partition: self._journals.get(partition) for partition in partitions}

    async def begin_rebuild(self) -> None:
        """Empty the store; see the contract."""
        self.wipe()
        self._rebuilding = True
        self._opened = self._identity = uuid.uuid4().hex

    async def end_rebuild(self) -> None:
        """Let others open the store; see the contract."""
        self._rebuilding = False

    async def ping(self) -> None:
        """Check the identity; see the contract."""
        self._check()

    async def close(self) -> None:
        """Nothing to give back; what was written stays for the next ``open``."""
        self._opened = ""

    def wipe(self) -> None:
        """Lose everything, as a server without persistence does when it restarts."""
        self._records.clear()
        self._journals.clear()
        self._epochs.clear()
        self._identity = ""

    def __len__(self) -> int:
        return len(self._records)

    def _get(self, key: bytes) -> bytes | None:
        held = self._records.get(key)
        if held is None:
            return None
        if held[1] <= self._now_ms():
            del self._records[key]
            return None
        return held[0]

    def _check(self) -> None:
        if not self._opened:
            raise RuntimeError("the store is used before open() or after close()")
        if self._opened != self._identity:
            raise lost("it is not the store that was opened")
