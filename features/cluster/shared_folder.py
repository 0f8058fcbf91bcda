"""A folder that every process of a cluster reaches: a mounted path, or an object store through fsspec.

A file appears whole or not at all: on a disk it is written under a temporary name, synchronised and renamed, in
an object store it is uploaded in one request once it is complete.
"""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from features.offline.event_files import filesystem_of, place_of


@dataclass(frozen=True, slots=True)
class SharedFolder:
    """A folder by its path or URL; travels between processes as this text alone.

    Attributes:
        url: an absolute path, or a URL of fsspec such as ``s3://bucket/prefix``.
    """

    url: str

    @classmethod
    def at(cls, place: str | Path) -> "SharedFolder":
        """The folder at a path (made absolute, since each process has its own working directory) or URL."""
        return cls(str(place_of(place)))

    @property
    def is_local(self) -> bool:
        """Whether it is a path of a (mounted) file system."""
        return "://" not in self.url

    def at_name(self, name: str) -> str:
        """Path or URL of a file in it."""
        return f"{self.url}/{name}"

    def folder(self, name: str) -> "SharedFolder":
        """A folder in it."""
        return SharedFolder(self.at_name(name))

    def size(self, name: str) -> int | None:
        """Bytes of a file, None where there is none."""
        files = self._files()
        try:
            return int(files.size(self.at_name(name)))
        except FileNotFoundError:
            return None

    def read(self, name: str) -> bytes | None:
        """The content of a file, None where there is none."""
        try:
            content: bytes = self._files().cat_file(self.at_name(name))
        except FileNotFoundError:
            return None
        return content

    def read_range(self, name: str, start: int, end: int) -> bytes:
        """Bytes ``[start, end)`` of a file; fewer where it is shorter.

        Raises:
            FileNotFoundError: if there is no such file.
        """
        content: bytes = self._files().cat_file(self.at_name(name), start=start, end=end)
        return content

    def write(self, name: str, content: bytes) -> None:
        """Create or replace a file in one step."""
        with self.draft(name) as path:
            path.write_bytes(content)

    def create(self, name: str, content: bytes) -> bool:
        """Create a small file unless there is one; False if there is one."""
        files = self._files()
        try:
            if self.is_local:
                Path(self.url).mkdir(parents=True, exist_ok=True)
                with Path(self.at_name(name)).open("xb") as file:
                    file.write(content)
            else:
                files.pipe_file(self.at_name(name), content, mode="create")
        except FileExistsError:
            return False
        return True

    @contextmanager
    def draft(self, name: str) -> Iterator[Path]:
        """A local path to write to; the file gets its name if the block succeeds and is removed otherwise."""
        if self.is_local:
            target = Path(self.at_name(name))
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        else:
            handle, scratch = tempfile.mkstemp(prefix="forewarn-upload-")
            os.close(handle)
            draft = Path(scratch)
        try:
            yield draft
            if self.is_local:
                with draft.open("rb+") as file:
                    os.fsync(file.fileno())
                draft.replace(target)
            else:
                self._files().put_file(str(draft), self.at_name(name))
        finally:
            draft.unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Names of the files and folders in it, sorted; drafts and an absent folder have none."""
        files = self._files()
        files.invalidate_cache()
        try:
            listed = files.ls(self.url, detail=False)
        except FileNotFoundError:
            return []
        found = {str(path).rstrip("/").rsplit("/", 1)[-1] for path in listed}
        return sorted(name for name in found if name and not name.endswith(".tmp"))

    def remove(self, name: str) -> None:
        """Remove a file or a folder with all that is in it; nothing happens where there is none."""
        with suppress(FileNotFoundError):
            self._files().rm(self.at_name(name), recursive=True)

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading; raises FileNotFoundError."""
        opened: BinaryIO = self._files().open(self.at_name(name), "rb")
        return opened

    def _files(self) -> Any:
        return filesystem_of(self.url)
