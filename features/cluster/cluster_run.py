"""What all tasks of one run share, and the identity of their results.

The key of a task covers the content of everything that its result depends on: the source files, the catalog, the
code of the features, the mark of the pseudonym key, how the events are cut, and the results that it reads. So a
result is used again exactly if a new computation would give the same bytes.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import msgspec

import features
from features.catalog import Catalog
from features.cluster.run_output import RunOutput
from features.cluster.segment_file import FileReceipt, damaged
from features.cluster.shared_folder import SharedFolder
from forewarn.errors import ConfigurationError

FORMAT: Final = 1
"""Raised when the files between the phases change their layout."""


@dataclass(frozen=True, slots=True)
class ClusterRun:
    """One computation over one history.

    Attributes:
        work: folder of the files between the phases.
        key: of the run, from :func:`run_key`.
        shards: number of partitions of the records.
        catalog: which features.
        code: digest of the code that the client runs.
        mark: of the pseudonym key.
        memory_records: records that a task holds in memory before it keeps them in a scratch file.
        output: what the tasks write.
    """

    work: SharedFolder
    key: str
    shards: int
    catalog: Catalog
    code: str
    mark: str
    memory_records: int
    output: RunOutput = field(default_factory=RunOutput)

    def task_key(self, phase: str, number: int, *read: str) -> str:
        """Identity of a task's result; ``read`` are the hashes of what it reads."""
        return digest_of(self.key, phase, str(number), *read)

    def require_code(self) -> None:
        """Refuse to compute with other code than the client's; raises ConfigurationError."""
        if code_digest() != self.code:
            raise ConfigurationError(
                "A worker runs other code of the features than the client.",
                hint="Start workers and client from the same image or the same lock file.",
            )


@dataclass(frozen=True, slots=True)
class PhaseResult:
    """The receipts of all tasks of a phase, kept in a file of the run.

    Attributes:
        name: of the file.
        hash: of its content.
    """

    name: str
    hash: str


@dataclass(frozen=True, slots=True)
class PhaseResults:
    """What the phases of a run have left."""

    events: PhaseResult
    subscribers: PhaseResult
    shared: PhaseResult


def write_phase(work: SharedFolder, phase: str, receipts: list[FileReceipt]) -> PhaseResult:
    """Keep the receipts of a phase."""
    content = msgspec.json.encode(receipts)
    name = f"receipts/{phase}.json"
    work.write(name, content)
    return PhaseResult(name, _hash(content))


@lru_cache(maxsize=16)
def read_phase(work: SharedFolder, result: PhaseResult) -> tuple[FileReceipt, ...]:
    """The receipts of a phase, in the order of its tasks; raises DamagedFileError."""
    content = work.read(result.name)
    if content is None or _hash(content) != result.hash:
        raise damaged(work, result.name)
    return tuple(msgspec.json.decode(content, type=list[FileReceipt]))


@cache
def code_digest() -> str:
    """Digest of all sources of ``features``; two installations with the same one compute the same."""
    return digest_of_sources(Path(features.__file__).parent)


def digest_of_sources(root: Path) -> str:
    """Digest of all Python sources under a directory."""
    hashed = hashlib.blake2b(digest_size=16)
    for path in sorted(root.rglob("*.py")):
        hashed.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return hashed.hexdigest()


def run_key(catalog: Catalog, *parts: str) -> str:
    """Identity of a run: the catalog, the code, the layout of the files and whatever else decides its result."""
    return digest_of(str(FORMAT), catalog.fingerprint, code_digest(), *parts)


def digest_of(*parts: str) -> str:
    """One digest of several texts; 32 hexadecimal digits."""
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode()
        hashed.update(len(encoded).to_bytes(8, "little") + encoded)
    return hashed.hexdigest()


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
