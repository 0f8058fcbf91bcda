"""The source files of a run: by their content, since a replaced file keeps its name."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from forewarn.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as a worker found it.

    Attributes:
        path: absolute.
        hash: of its content.
        size: in bytes.
        modified_ns: when it was written last, by the clock of its file system.
    """

    path: Path
    hash: str
    size: int
    modified_ns: int

    def require_unchanged(self) -> None:
        """Raise ConfigurationError if the file is another one than was hashed."""
        size, modified_ns = _state(self.path)
        if (size, modified_ns) != (self.size, self.modified_ns):
            raise ConfigurationError(
                f"{self.path} has changed while it was read.",
                hint="Start the same command again once nothing writes to the directory.",
            )


def read_hash(path: Path) -> SourceFile:
    """Hash the content of a file.

    Raises:
        ConfigurationError: if this process cannot read it.
    """
    try:
        size, modified_ns = _state(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
    except OSError as error:
        raise ConfigurationError(
            f"A worker cannot read {path}: {error}.",
            hint="Mount the directory of the events under the same path on every worker.",
        ) from None
    return SourceFile(path, digest.hexdigest(), size, modified_ns)


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
