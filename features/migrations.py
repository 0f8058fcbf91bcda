"""Old record layouts, migrated when read.

A record of layout *n* becomes one of layout *n + 1* by the migration registered under *n*; what is read
is then written back in the new layout by the next event. Layout 0 was the layout of the first trials:
its watermarks lacked the version (9 bytes each) and it had no annex.
"""

import struct
from collections.abc import Callable
from typing import Final

from features.record_header import (
    HEADER_BYTES,
    LAYOUT_VERSION,
    WATERMARK_BYTES,
    Header,
    Watermark,
    build,
)
from forewarn.errors import ConfigurationError

Migration = Callable[[bytes], bytes]

_COUNTS_BYTES = 5
_DROPPED = 25

MIGRATIONS: Final[dict[int, Migration]] = {}


def migration(layout: int) -> Callable[[Migration], Migration]:
    """Register a function from records of ``layout`` to records of the next one."""

    def register(function: Migration) -> Migration:
        MIGRATIONS[layout] = function
        return function

    return register


def migrate(record: bytes) -> bytes:
    """Bring a record to the current layout.

    Raises:
        ConfigurationError: if the record was written by a newer version, or no migration is known.
    """
    while record[0] != LAYOUT_VERSION:
        step = MIGRATIONS.get(record[0])
        if step is None:
            raise ConfigurationError(
                f"a state record has layout {record[0]}, this version reads up to {LAYOUT_VERSION}.",
                hint="Run the version that wrote it, or `forewarn rebuild` the state.",
            )
        record = step(record)
    return record


@migration(0)
def _versions_of_watermarks(record: bytes) -> bytes:
    """Layout 0 to 1: say that each watermark landed on the record's version; add an empty annex."""
    _, entity, count, version = struct.unpack_from("<BBHI", record)
    clock = int.from_bytes(record[8:14], "little")
    marks = []
    for at in range(HEADER_BYTES, HEADER_BYTES + 9 * count, 9):
        source, partition = struct.unpack_from("<BH", record, at)
        offset = int.from_bytes(record[at + 3 : at + 9], "little")
        marks.append(Watermark(source, partition, offset, version))
    header = Header(1, entity, version, clock, tuple(marks))
    return build(header) + b"\0\0" + record[HEADER_BYTES + 9 * count :]


@migration(1)
def _room_for_cases(record: bytes) -> bytes:
    """Layout 1 to 2: the head's bitmap grows by what came at its end, and a subscriber's field 25 (a
    level that nothing read) is dropped, because its place now means something else.

    What layout 1 counted of outcomes stays counted, but it did not say of which cases: a correction
    of one of them counts as a case of its own. All else reads the same.
    """
    _, entity, count, _ = struct.unpack_from("<BBHI", record)
    annex = HEADER_BYTES + WATERMARK_BYTES * count
    bitmap = annex + 2 + int.from_bytes(record[annex : annex + 2], "little") + _COUNTS_BYTES
    before, after = (10, 14) if entity == 0 else (2, 4)
    bits = int.from_bytes(record[bitmap : bitmap + before], "little")
    fields = record[bitmap + before :]
    if entity == 0 and bits >> _DROPPED & 1:
        at = 0
        for field in range(_DROPPED):
            at += _varint_bytes(fields, at) if bits >> field & 1 else 0
        fields = fields[:at] + fields[at + _varint_bytes(fields, at) :]
        bits &= ~(1 << _DROPPED)
    return b"\2" + record[1:bitmap] + bits.to_bytes(after, "little") + fields


def _varint_bytes(data: bytes, at: int) -> int:
    """How many bytes the varint takes that begins at ``at``."""
    end = at
    while data[end] >= 128:
        end += 1
    return end + 1 - at
