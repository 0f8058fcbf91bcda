"""Old record layouts, migrated when read.

A record of layout *n* becomes one of layout *n + 1* by the migration registered under *n*; what is read
is then written back in the new layout by the next event. Layout 0 was the layout of the first trials:
its watermarks lacked the version (9 bytes each) and it had no annex.
"""

import struct
from collections.abc import Callable
from typing import Final

from features.header import HEADER_BYTES, LAYOUT_VERSION, Header, Watermark, build
from forewarn.errors import ConfigurationError

Migration = Callable[[bytes], bytes]

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
