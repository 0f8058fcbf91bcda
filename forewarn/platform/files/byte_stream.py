"""The bytes of a file, unpacked if its name says so, and how far into the file they reach."""

import bz2
import gzip
import io
import lzma
import re
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
_OF_THE_SYSTEM = re.compile(r"(?:^|/)(?:__MACOSX/|\.DS_Store$|\._|Thumbs\.db$|desktop\.ini$)")
"""Files that an operating system puts beside those of its user."""

_FOREIGN = {
    b"PK\x03\x04": "a workbook or an archive", b"\xd0\xcf\x11\xe0": "a workbook (.xls)",
    b"\x1f\x8b": "packed by gzip", b"BZh": "packed by bzip2", b"\xfd7zXZ": "packed by xz",
    b"\x28\xb5\x2f\xfd": "packed by zstandard", b"%PDF": "a PDF", b"PAR1": "Parquet",
    b"<html": "a web page", b"<!doctype html": "a web page", b"Rar!": "an archive", b"7z\xbc\xaf": "an archive",
    b"ofxheader": "OFX or QFX", b"<ofx": "OFX", b"!type:": "QIF", b"!account": "QIF",
}  # fmt: skip
"""How files begin that are no text, in lower case where they are."""

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


def require_text(stream: Any, name: str) -> None:
    """Refuse a file that is no text although its name says so.

    Args:
        stream: with ``peek``, at the beginning of the content.
        name: of the file.

    Raises:
        ConfigurationError: saying what it is.
    """
    head = bytes(stream.peek(512)[:512])
    if head[257:262] == b"ustar":
        raise ConfigurationError(
            f"{name} is a tar archive.", hint="Unpack it, and give the files within it."
        )
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \r\n\t")
    for mark, what in _FOREIGN.items():
        if head[: len(mark)] in (mark, mark.upper()) or head[: len(mark)].lower() == mark:
            raise ConfigurationError(
                f"{name} is {what} by its content, not what its name says.",
                hint="Give the file its true name, or export it as CSV.",
            )


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
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not _OF_THE_SYSTEM.search(member.filename)
    ]
    if len(members) != 1:
        raise ConfigurationError(
            f"{path.name} holds {len(members)} files.", hint="Unpack it and name each."
        )
    if members[0].flag_bits & 1:
        raise ConfigurationError(
            f"{path.name} is locked with a password.", hint="Unpack it by hand."
        )
    return archive.open(members[0])
