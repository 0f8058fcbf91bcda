"""Stores that keep records between the slices of a history: in memory or in a scratch file."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

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
    """Records in memory: about 450 bytes an entity."""

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


MEMORY_RECORDS: Final = 2_000_000
"""Records that memory holds before the rest of a history keeps them on disk: about 1.5 GB with their keys."""


class SpillingRecordStore:
    """Records in memory, and in a scratch file from the moment when they are too many for it.

    Args:
        path: of the file, which is made only when it is needed; ``close`` removes it.
        most: records that memory may hold.
    """

    def __init__(self, path: Path, *, most: int = MEMORY_RECORDS) -> None:
        self._path = path
        self._most = most
        self._inner: MemoryRecordStore | SqliteRecordStore = MemoryRecordStore()

    @property
    def spilled(self) -> bool:
        """Whether the records are on disk."""
        return isinstance(self._inner, SqliteRecordStore)

    def load(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See :class:`RecordStore`."""
        return self._inner.load(keys)

    def store(self, writes: Iterable[Write]) -> None:
        """See :class:`RecordStore`."""
        self._inner.store(writes)
        if isinstance(self._inner, MemoryRecordStore) and self._inner.count > self._most:
            on_disk = SqliteRecordStore(self._path)
            on_disk.store(self._inner.writes())
            self._inner.close()
            self._inner = on_disk

    def writes(self) -> Iterator[Write]:
        """See :class:`RecordStore`."""
        return self._inner.writes()

    def close(self) -> None:
        """See :class:`RecordStore`."""
        self._inner.close()


class SqliteRecordStore:
    """Records in a scratch file, for more entities than memory holds.

    Args:
        path: of the file; an existing one is replaced, and ``close`` removes it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.unlink(missing_ok=True)
        # Used by one thread at a time, but not always by the same one.
        self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._base.execute("PRAGMA journal_mode = OFF")  # scratch: useless after a crash anyway
        self._base.execute("PRAGMA synchronous = OFF")
        self._base.execute(
            "CREATE TABLE record (key BLOB PRIMARY KEY, value BLOB, expire_ms INTEGER)"
            " WITHOUT ROWID"
        )

    def load(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See :class:`RecordStore`."""
        query = "SELECT value FROM record WHERE key = ?"
        rows = (self._base.execute(query, (key,)).fetchone() for key in keys)
        return [None if row is None else row[0] for row in rows]

    def store(self, writes: Iterable[Write]) -> None:
        """See :class:`RecordStore`."""
        self._base.execute("BEGIN")
        self._base.executemany(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?)",
            ((write.key, write.value, write.expire_ms) for write in writes),
        )
        self._base.execute("COMMIT")

    def writes(self) -> Iterator[Write]:
        """See :class:`RecordStore`."""
        for key, value, expire_ms in self._base.execute("SELECT * FROM record"):
            yield Write(key, 0, value, expire_ms)

    def close(self) -> None:
        """See :class:`RecordStore`."""
        self._base.close()
        self._path.unlink(missing_ok=True)
