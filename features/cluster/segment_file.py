"""Files of named segments, each with a hash of its content: what tasks leave for each other.

::

    magic | segment ... segment | footer (JSON) | length of the footer, u64 | hash of the footer, 16 bytes | magic

A segment is a table of arrays as an Arrow stream, compressed with zstd. The footer states where each segment is
and its hash, so the hash of the footer is one of the whole file: it goes into the keys of the tasks that read it.
A file whose end is missing is recognised by its last bytes, one with other bytes by the hash of the segment.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.cluster.shared_folder import SharedFolder
from forewarn.errors import ForewarnError

Arrays = Mapping[str, npt.NDArray[Any]]

_MAGIC: Final = b"FWSEGM1\n"
_HASH_BYTES: Final = 16
_TAIL_BYTES: Final = 8 + _HASH_BYTES + len(_MAGIC)
_FOOTER_GUESS_BYTES: Final = 1 << 16


class DamagedFileError(ForewarnError):
    """A file of a run is not what its task wrote."""


class Footer(msgspec.Struct):
    """The contents of a segment file.

    Attributes:
        key: of the task that wrote it; another key means other inputs, another catalog or other code.
        segments: offset, length in bytes and hash of each segment by name.
        notes: counts that the task reports.
    """

    key: str
    segments: dict[str, tuple[int, int, str]]
    notes: dict[str, int]


class FileReceipt(msgspec.Struct, frozen=True):
    """A written file as its readers refer to it.

    Attributes:
        name: in the folder of the run.
        hash: of its footer, and by it of its whole content.
        size: in bytes.
        notes: counts that the task reports.
    """

    name: str
    hash: str
    size: int
    notes: dict[str, int]


class SegmentWriter:
    """Writes a segment file; it gets its name when the block succeeds.

    Args:
        folder: of the run.
        name: of the file.
        key: of the task.
    """

    def __init__(self, folder: SharedFolder, name: str, key: str) -> None:
        self._folder, self._name = folder, name
        self._footer = Footer(key, {}, {})
        self._options = pa.ipc.IpcWriteOptions(compression="zstd")
        self._draft: Any = folder.draft(name)
        self._path: Path | None = None
        self._file: BinaryIO | None = None
        self._receipt: FileReceipt | None = None

    def __enter__(self) -> Self:
        self._path = self._draft.__enter__()
        self._file = self._path.open("wb")
        self._file.write(_MAGIC)
        return self

    def add(self, name: str, arrays: Arrays | pa.Table) -> None:
        """Append a segment; arrays have one length, and one or two dimensions."""
        assert self._file is not None  # noqa: S101  used inside the block
        table = arrays if isinstance(arrays, pa.Table) else _table(arrays)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=self._options) as stream:
            stream.write_table(table)
        content = sink.getvalue()
        start = self._file.tell()
        self._file.write(content)
        self._footer.segments[name] = (start, content.size, _hash(content))

    def note(self, **counts: int) -> None:
        """Add counts to the receipt."""
        self._footer.notes |= counts

    @property
    def receipt(self) -> FileReceipt:
        """Of the finished file."""
        assert self._receipt is not None  # noqa: S101  asked for behind the block
        return self._receipt

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._file is not None  # noqa: S101  set by __enter__
        with self._file:
            if error is None:
                footer = msgspec.json.encode(self._footer)
                mark = _digest(footer)
                self._file.write(footer + len(footer).to_bytes(8, "little") + mark + _MAGIC)
                size = self._file.tell()
                self._receipt = FileReceipt(self._name, mark.hex(), size, self._footer.notes)
        self._draft.__exit__(kind, error, trace)


class SegmentReader:
    """Reads a segment file.

    Args:
        folder: of the run.
        receipt: of the file, from the task that wrote it.

    Raises:
        DamagedFileError: if the file is missing, truncated or another one.
    """

    def __init__(self, folder: SharedFolder, receipt: FileReceipt) -> None:
        self._folder, self._receipt = folder, receipt
        footer = _read_footer(folder, receipt.name)
        if footer is None or footer[1] != receipt.hash:
            raise damaged(folder, receipt.name)
        self._footer = footer[0]

    def __contains__(self, name: str) -> bool:
        return name in self._footer.segments

    def table(self, name: str) -> pa.Table:
        """A segment as an Arrow table; raises DamagedFileError."""
        start, length, expected = self._footer.segments[name]
        content = self._folder.read_range(self._receipt.name, start, start + length)
        if len(content) != length or _hash(content) != expected:
            raise damaged(self._folder, self._receipt.name)
        return pa.ipc.open_stream(content).read_all()

    def arrays(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """A segment as arrays; raises DamagedFileError."""
        table = self.table(name)
        return {column: _array(table.column(column)) for column in table.column_names}


def finished(folder: SharedFolder, name: str, key: str) -> FileReceipt | None:
    """The receipt of a file that a task with this key has written whole already, else None."""
    found = _read_footer(folder, name)
    if found is None or found[0].key != key:
        return None
    size = folder.size(name)
    return FileReceipt(name, found[1], size or 0, found[0].notes)


def damaged(folder: SharedFolder, name: str) -> DamagedFileError:
    """The error about a file that is missing, truncated or changed."""
    return DamagedFileError(
        f"{folder.at_name(name)} is missing, truncated or changed.",
        hint="Remove it and start the same command again: only what is missing is computed.",
    )


def _read_footer(folder: SharedFolder, name: str) -> tuple[Footer, str] | None:
    """Footer and its hash; None where the file is missing or has no sound end."""
    size = folder.size(name)
    if size is None or size < len(_MAGIC) + _TAIL_BYTES:
        return None
    tail = folder.read_range(name, max(0, size - _FOOTER_GUESS_BYTES), size)
    length = int.from_bytes(tail[-_TAIL_BYTES:][:8], "little")
    if not tail.endswith(_MAGIC) or length > size - _TAIL_BYTES:
        return None
    if length + _TAIL_BYTES > len(tail):
        tail = folder.read_range(name, size - length - _TAIL_BYTES, size)
    text = tail[-_TAIL_BYTES - length : -_TAIL_BYTES]
    mark = tail[-_TAIL_BYTES:][8 : 8 + _HASH_BYTES]
    if _digest(text) != mark:
        return None
    return msgspec.json.decode(text, type=Footer), mark.hex()


def _table(arrays: Arrays) -> pa.Table:
    return pa.table({name: _column(array) for name, array in arrays.items()})


def _column(array: npt.NDArray[Any]) -> pa.Array:
    if array.ndim == 1:
        return pa.array(array)
    flat = pa.array(np.ascontiguousarray(array).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, array.shape[1])


def _array(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    whole = pa.concat_arrays(column.chunks or [pa.array([], column.type)])
    if not pa.types.is_fixed_size_list(whole.type):
        one: npt.NDArray[Any] = whole.to_numpy(zero_copy_only=False)
        return one
    two: npt.NDArray[Any] = whole.flatten().to_numpy().reshape(len(whole), whole.type.list_size)
    return two


def _digest(content: Any) -> bytes:
    return hashlib.blake2b(content, digest_size=_HASH_BYTES).digest()


def _hash(content: Any) -> str:
    return _digest(content).hex()
