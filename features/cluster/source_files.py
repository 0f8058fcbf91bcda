"""The source files of a run: by their content, since a replaced file keeps its name."""

import hashlib
from dataclasses import dataclass

from features.offline.event_files import Place, opened, version
from forewarn.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as a worker found it.

    Attributes:
        path: absolute, or a URL.
        hash: of its content.
        size: in bytes.
        version: changes when the file is written again.
    """

    path: Place
    hash: str
    size: int
    version: str

    def require_unchanged(self) -> None:
        """Raise ConfigurationError if the file is another one than was hashed."""
        if version(self.path) != (self.size, self.version):
            raise ConfigurationError(
                f"{self.path} has changed while it was read.",
                hint="Start the same command again once nothing writes to the directory.",
            )


def read_hash(path: Place) -> SourceFile:
    """Hash the content of a file.

    Raises:
        ConfigurationError: if this process cannot read it.
    """
    try:
        size, mark = version(path)
        with opened(path) as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
    except OSError as error:
        raise ConfigurationError(
            f"A worker cannot read {path}: {error}.",
            hint="Mount the directory of the events under the same path on every worker.",
        ) from None
    return SourceFile(path, digest.hexdigest(), size, mark)
