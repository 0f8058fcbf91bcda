"""Stores that keep records between the slices of a history: in memory or in a scratch file."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from features.offline.record_file import RecordFile
from features.store.state_store import Write


class RecordStore(Protocol):
    """Records by key, without versions and without expiry."""

    def load(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The records of keys, None where there is none."""
        ...

    def store(self, writes: Iterable[Write]) -> None:
        """Replace records."""
        ...

    def writes(self) -> Iterator[Write]:
        """All records, as writes on an empty store."""
        ...

    def close(self) -> None:
        """Release what the store holds; it is not used after this."""
        ...


class MemoryRecordStore:
    """Records in memory: about 600 bytes an entity."""

    def __init__(self) -> None:
        self._records: dict[bytes, tuple[bytes, int]] = {}

    @property
    def count(self) -> int:
        """How many records it holds."""
        return len(self._records)

    def load(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See :class:`RecordStore`."""
        found = (self._records.get(key) for key in keys)
        return [None if record is None else record[0] for record in found]

    def store(self, writes: Iterable[Write]) -> None:
        """See :class:`RecordStore`."""
        self._records.update((write.key, (write.value, write.expire_ms)) for write in writes)

    def writes(self) -> Iterator[Write]:
        """See :class:`RecordStore`."""
        for key, (value, expire_ms) in self._records.items():
            yield Write(key, 0, value, expire_ms)

    def close(self) -> None:
        """See :class:`RecordStore`."""
        self._records.clear()


MEMORY_RECORDS: Final = 500_000
"""Records that memory holds before the rest of a history keeps them on disk: about 0.3 GB with their keys."""

_MOVED_AT_ONCE: Final = 50_000


class SpillingRecordStore:
    """Records in memory, and in a scratch file from the moment when they are too many for it.

    Args:
        path: of the file, which is made only when it is needed; ``close`` removes it.
        most: records that memory may hold.
    """

    def __init__(self, path: Path, *, most: int = MEMORY_RECORDS) -> None:
        self._path = path
        self._most = most
        self._inner: MemoryRecordStore | RecordFile = MemoryRecordStore()

    @property
    def spilled(self) -> bool:
        """Whether the records are on disk."""
        return isinstance(self._inner, RecordFile)

    def load(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See :class:`RecordStore`."""
        return self._inner.load(keys)

    def store(self, writes: Iterable[Write]) -> None:
        """See :class:`RecordStore`."""
        self._inner.store(writes)
        if isinstance(self._inner, MemoryRecordStore) and self._inner.count > self._most:
            on_disk = RecordFile(self._path)
            held = self._inner.writes()
            while some := list(islice(held, _MOVED_AT_ONCE)):
                on_disk.store(some)
            self._inner.close()
            self._inner = on_disk

    def writes(self) -> Iterator[Write]:
        """See :class:`RecordStore`."""
        return self._inner.writes()

    def close(self) -> None:
        """See :class:`RecordStore`."""
        self._inner.close()
