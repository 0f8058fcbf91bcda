"""The bytes of a file, unpacked if its name says so, and how far into the file they reach."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import zstandard

from forewarn.errors import ConfigurationError

PACKED = frozenset({".gz", ".zip", ".zst", ".bz2", ".xz"})
BLOCK_BYTES = 1 << 20
_BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, zstandard.ZstdError)


class CountedFile(io.FileIO):
    """A file that knows how many bytes of it were read: the progress of packed files too."""

    bytes_read = 0

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; the number of bytes is added up."""
        count = super().readinto(buffer)
        self.bytes_read += count
        return count

    def readall(self) -> bytes:
        """Read the rest of the file."""
        data = super().readall()
        self.bytes_read += len(data)
        return data

    def read(self, size: int | None = -1, /) -> bytes:
        """Read some bytes; the number of bytes is added up."""
        data = super().read(-1 if size is None else size)
        self.bytes_read += len(data)
        return data


def kind_of(path: Path) -> str:
    """The ending that says what the file holds, without the one that says how it is packed."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


@contextmanager
def unpacked(path: Path) -> Iterator[tuple[IO[bytes], CountedFile]]:
    """The content of a file.

    Raises:
        ConfigurationError: if the file is missing, locked with a password, or not one file.
    """
    if not path.is_file():
        raise ConfigurationError(f"there is no file {path}.")
    with CountedFile(path) as counted:
        try:
            yield _opened(path, counted), counted
        except _BROKEN as error:
            if path.suffix.lower() not in PACKED:
                raise
            raise ConfigurationError(
                f"{path.name} cannot be unpacked: {error}.",
                hint="Fetch it again, or unpack it by hand.",
            ) from error


def _opened(path: Path, counted: CountedFile) -> Any:
    ending = path.suffix.lower()
    if ending == ".gz":
        return gzip.GzipFile(fileobj=io.BufferedReader(counted))
    if ending == ".bz2":
        return bz2.BZ2File(io.BufferedReader(counted))
    if ending == ".xz":
        return lzma.LZMAFile(io.BufferedReader(counted))
    if ending == ".zst":
        reader = zstandard.ZstdDecompressor().stream_reader(counted, read_across_frames=True)
        return io.BufferedReader(reader)
    if ending == ".zip":
        return _only_member(path, counted)
    return io.BufferedReader(counted, BLOCK_BYTES)


def _only_member(path: Path, counted: CountedFile) -> IO[bytes]:
    archive = zipfile.ZipFile(counted)
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != 1:
        raise ConfigurationError(
            f"{path.name} holds {len(members)} files.", hint="Unpack it and name each."
        )
    if members[0].flag_bits & 1:
        raise ConfigurationError(
            f"{path.name} is locked with a password.", hint="Unpack it by hand."
        )
    return archive.open(members[0])
