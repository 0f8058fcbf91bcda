"""Storage of a registry's files: a folder, or any object store that fsspec reaches (S3, GCS, ...).

Workers with a folder need no fsspec. Every write of one file is atomic on both: a rename on disk, a
single PUT on S3.
"""

import os
import tempfile
from pathlib import Path
from typing import Protocol

from forewarn.errors import ConfigurationError, DependencyUnavailableError


class Storage(Protocol):
    """Files by slash-separated names below one root."""

    def read(self, name: str) -> bytes | None:
        """The content, or None if there is no such file."""

    def write(self, name: str, data: bytes) -> None:
        """Create or replace a file, all or nothing."""

    def folders(self, name: str) -> list[str]:
        """Names of the folders in a folder, sorted; none if it does not exist."""

    def files(self, name: str) -> list[str]:
        """Names of the files in a folder, sorted."""

    def local(self, name: str) -> Path | None:
        """The folder on this machine's disk, or None if it is elsewhere."""


class FolderStorage:
    """A folder on disk (or on a mounted volume)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, name: str) -> bytes | None:
        """See Storage."""
        try:
            return (self._root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, data: bytes) -> None:
        """See Storage."""
        target = self._root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".writing-", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def folders(self, name: str) -> list[str]:
        """See Storage."""
        return self._names(name, folders=True)

    def files(self, name: str) -> list[str]:
        """See Storage."""
        return self._names(name, folders=False)

    def local(self, name: str) -> Path | None:
        """See Storage."""
        return self._root / name

    def _names(self, name: str, *, folders: bool) -> list[str]:
        folder = self._root / name
        if not folder.is_dir():
            return []
        return sorted(
            path.name
            for path in folder.iterdir()
            if path.is_dir() == folders and not path.name.startswith(".")
        )


class ObjectStorage:
    """A prefix of an object store; options go to fsspec (for S3 see s3fs: endpoint, keys)."""

    def __init__(self, url: str, options: dict[str, object] | None = None) -> None:
        try:
            import fsspec  # noqa: PLC0415  # an extra: workers with a folder do without
        except ImportError:
            raise ConfigurationError(
                f"reading {url} needs fsspec", hint="Install forewarn[s3]."
            ) from None
        # No listing cache: another process promotes, and this one has to see it.
        self._faults = _faults()
        self._files, self._root = fsspec.url_to_fs(
            url, use_listings_cache=False, skip_instance_cache=True, **(options or {})
        )

    def read(self, name: str) -> bytes | None:
        """See Storage."""
        try:
            return bytes(self._files.cat_file(f"{self._root}/{name}"))
        except FileNotFoundError:
            return None
        except self._faults as error:
            raise DependencyUnavailableError(f"the registry did not answer: {error}") from error

    def write(self, name: str, data: bytes) -> None:
        """See Storage."""
        try:
            self._files.pipe_file(f"{self._root}/{name}", data)
        except self._faults as error:
            raise DependencyUnavailableError(f"the registry did not answer: {error}") from error

    def folders(self, name: str) -> list[str]:
        """See Storage."""
        return self._names(name, "directory")

    def files(self, name: str) -> list[str]:
        """See Storage."""
        return self._names(name, "file")

    def local(self, name: str) -> Path | None:  # noqa: ARG002  # never on this disk
        """See Storage."""
        return None

    def _names(self, name: str, kind: str) -> list[str]:
        try:
            listed = self._files.ls(f"{self._root}/{name}", detail=True, refresh=True)
        except FileNotFoundError:
            return []
        except self._faults as error:
            raise DependencyUnavailableError(f"the registry did not answer: {error}") from error
        names = {
            str(one["name"]).rstrip("/").rsplit("/", 1)[-1] for one in listed if one["type"] == kind
        }
        return sorted(names - {name.rsplit("/", 1)[-1], ""})


def _faults() -> tuple[type[Exception], ...]:
    """What a store raises when it does not answer; botocore's errors are no OSErrors."""
    try:
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415  # only where S3 is used
    except ImportError:
        return (OSError,)
    return (OSError, BotoCoreError)


def open_storage(url: str) -> Storage:
    """Storage for a folder's path or a URL such as ``s3://bucket/prefix``."""
    if "://" not in url:
        return FolderStorage(Path(url))
    return ObjectStorage(url.rstrip("/"))
