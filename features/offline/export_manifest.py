"""The request and the progress of an export, kept beside the files.

The offsets asked for are settled when the export begins ("up to now" becomes a number), so an export
that is taken up again ends with the same rows as one that never stopped.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from forewarn.contracts import Acceptance
from forewarn.contracts.score_block import MAX_ROWS
from forewarn.errors import ConfigurationError

MANIFEST_NAME: Final = "export.json"
REJECTED_KEPT: Final = 10_000
"""Rejected records listed by offset; further ones are only counted."""


class OffsetRange(msgspec.Struct, frozen=True):
    """Offsets ``[first, after)`` of one partition of a topic."""

    topic: str
    partition: int
    first: int
    after: int


class RejectedRecord(msgspec.Struct, frozen=True):
    """A record that is not a valid event; the workers wrote a dead letter for it."""

    topic: str
    partition: int
    offset: int
    reason: str


class ExportManifest(msgspec.Struct):
    """The state of one export.

    Attributes:
        ranges: the offsets requested; never changes.
        rows_per_file: offsets that one file covers, of ``scores`` a fraction of them; never changes.
        acceptance: the workers' rules for a valid event; never changes.
        rows: rows written by topic.
        rejected: number of records that are not valid events; ``rejections`` lists the first of them.
        complete: every requested offset has been read.
    """

    ranges: list[OffsetRange]
    rows_per_file: int
    acceptance: Acceptance
    rows: dict[str, int] = {}
    rejected: int = 0
    rejections: list[RejectedRecord] = []
    complete: bool = False

    def segments(self) -> Iterator[OffsetRange]:
        """The files' ranges: each range in steps of ``rows_per_file`` offsets.

        A record of ``scores`` may hold many rows, so a file of them covers as many offsets less.
        """
        for part in self.ranges:
            step = self.rows_per_file
            if part.topic == "scores":
                step = max(1, step // MAX_ROWS)
            for first in range(part.first, part.after, step):
                after = min(first + step, part.after)
                yield OffsetRange(part.topic, part.partition, first, after)


def segment_path(directory: Path, segment: OffsetRange) -> Path:
    """The file of a segment; its name says what it covers."""
    name = f"p{segment.partition:05d}-{segment.first:015d}-{segment.after:015d}.parquet"
    return directory / segment.topic / name


def read_manifest(directory: Path) -> ExportManifest | None:
    """The manifest of a directory, None if there is none.

    Raises:
        ConfigurationError: if it cannot be read.
    """
    try:
        return msgspec.json.decode((directory / MANIFEST_NAME).read_bytes(), type=ExportManifest)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise ConfigurationError(
            f"{directory / MANIFEST_NAME} is corrupted: {error}.",
            hint="Export into another directory.",
        ) from None


def write_manifest(directory: Path, manifest: ExportManifest) -> None:
    """Replace the manifest in one step."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    with atomic_file(directory / MANIFEST_NAME) as path:
        path.write_bytes(text)


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A draft beside ``path`` that takes its name if the block succeeds and is removed otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
