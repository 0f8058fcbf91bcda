"""Records in a scratch file, for more entities than memory holds: 20 bytes of memory for each."""

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from features.store.state_store import Write
from forewarn.errors import ForewarnError

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]

SLOT_BYTES: Final = 128
"""Room of a record is a multiple of this, so that most new versions fit where the last one was."""

_HEADER: Final = struct.Struct("<HIq")
"""Before each record: length of its key, length of its value, time to live in milliseconds."""

_FRESH_SHARE: Final = 8
"""New keys are merged into the index when they are more than one in this many, so each is moved a few times only."""


class KeyCollisionError(ForewarnError):
    """Two keys have one hash."""


class RecordFile:
    """Records in a scratch file, found by an index of sorted hashes.

    The hash is Python's own, of 64 bits and with another seed in each process: among fifty million keys two share
    one with a chance of 0.007 %. That is noticed before anything is overwritten, since keys are in the file, too.

    Args:
        path: of the file; an existing one is replaced, and ``close`` removes it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.unlink(missing_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._end = 0
        self._index = _empty_index()
        self._fresh = _empty_index()
        self._free: dict[int, list[int]] = {}

    @property
    def count(self) -> int:
        """How many records it holds."""
        return len(self._index[0]) + len(self._fresh[0])

    def load(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See :class:`RecordStore`.

        Raises:
            KeyCollisionError: if another key has the hash of one of these; a new run has other hashes.
        """
        offsets, sizes = self._find(_hashes(keys))
        found: list[bytes | None] = []
        for key, offset, size in zip(keys, offsets.tolist(), sizes.tolist(), strict=True):
            found.append(None if offset < 0 else self._read(offset, size, key)[1])
        return found

    def store(self, writes: Iterable[Write]) -> None:
        """See :class:`RecordStore`; of two writes of one key the later counts.

        Raises:
            KeyCollisionError: as for ``load``.
        """
        latest = {write.key: write for write in writes}
        hashes = _hashes(list(latest))
        if len(np.unique(hashes)) < len(hashes):
            raise _collision()
        offsets, sizes = self._find(hashes)
        new_offsets, new_sizes = offsets.copy(), sizes.copy()
        rows = zip(latest.values(), offsets.tolist(), sizes.tolist(), strict=True)
        for place, (write, offset, size) in enumerate(rows):
            row = _HEADER.pack(len(write.key), len(write.value), write.expire_ms)
            row += write.key + write.value
            if offset >= 0:
                self._require(offset, write.key)
            if offset < 0 or _room(len(row)) != _room(size):
                if offset >= 0:
                    self._free.setdefault(_room(size), []).append(offset)
                offset = self._allocate(_room(len(row)))  # noqa: PLW2901  # where the row goes now
            os.pwrite(self._file, row, offset)
            new_offsets[place], new_sizes[place] = offset, len(row)
        self._note(hashes, new_offsets, new_sizes, known=offsets >= 0)

    def writes(self) -> Iterator[Write]:
        """See :class:`RecordStore`."""
        for _, offsets, sizes in (self._index, self._fresh):
            for offset, size in zip(offsets.tolist(), sizes.tolist(), strict=True):
                key, value, expire_ms = self._read(offset, size, None)
                yield Write(key, 0, value, expire_ms)

    def close(self) -> None:
        """See :class:`RecordStore`."""
        os.close(self._file)
        self._path.unlink(missing_ok=True)
        self._index, self._fresh = _empty_index(), _empty_index()
        self._free.clear()

    def _find(self, hashes: U64) -> tuple[I64, I32]:
        """Where the record of each hash is, -1 for none, and how many bytes it has."""
        offsets, sizes = np.full(len(hashes), -1, np.int64), np.zeros(len(hashes), np.int32)
        for index in (self._index, self._fresh):
            place, known = _places(index[0], hashes)
            offsets[known], sizes[known] = index[1][place[known]], index[2][place[known]]
        return offsets, sizes

    def _note(self, hashes: U64, offsets: I64, sizes: I32, *, known: npt.NDArray[np.bool_]) -> None:
        """Put where records are now into the index."""
        for index in (self._index, self._fresh):
            place, here = _places(index[0], hashes)
            index[1][place[here]], index[2][place[here]] = offsets[here], sizes[here]
        self._fresh = _merged(self._fresh, (hashes[~known], offsets[~known], sizes[~known]))
        if len(self._fresh[0]) * _FRESH_SHARE > len(self._index[0]):
            self._index = _merged(self._index, self._fresh)
            self._fresh = _empty_index()

    def _allocate(self, room: int) -> int:
        free = self._free.get(room)
        if free:
            return free.pop()
        self._end += room
        return self._end - room

    def _read(self, offset: int, size: int, key: bytes | None) -> tuple[bytes, bytes, int]:
        row = os.pread(self._file, size, offset)
        key_bytes, value_bytes, expire_ms = _HEADER.unpack_from(row)
        middle = _HEADER.size + key_bytes
        own = row[_HEADER.size : middle]
        if key is not None and own != key:
            raise _collision()
        return own, row[middle : middle + value_bytes], expire_ms

    def _require(self, offset: int, key: bytes) -> None:
        if os.pread(self._file, len(key), offset + _HEADER.size) != key:
            raise _collision()


_Index = tuple[U64, I64, I32]


def _empty_index() -> _Index:
    return np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int32)


def _hashes(keys: Sequence[bytes]) -> U64:
    return np.fromiter(map(hash, keys), np.int64, len(keys)).view(np.uint64)


def _room(size: int) -> int:
    return -(-size // SLOT_BYTES) * SLOT_BYTES


def _places(sorted_hashes: U64, hashes: U64) -> tuple[I64, npt.NDArray[np.bool_]]:
    """Place of each hash among sorted ones, and whether it is there."""
    if not len(sorted_hashes):
        return np.zeros(len(hashes), np.int64), np.zeros(len(hashes), np.bool_)
    place = np.minimum(np.searchsorted(sorted_hashes, hashes), len(sorted_hashes) - 1)
    return place, sorted_hashes[place] == hashes


def _merged(one: _Index, other: _Index) -> _Index:
    order = np.argsort(hashes := np.concatenate([one[0], other[0]]), kind="stable")
    return (
        hashes[order],
        np.concatenate([one[1], other[1]])[order],
        np.concatenate([one[2], other[2]])[order],
    )


def _collision() -> KeyCollisionError:
    return KeyCollisionError(
        "Two records' keys have one hash of 64 bits, so the scratch file cannot tell them apart.",
        hint="Run the command again: each run has other hashes.",
    )
