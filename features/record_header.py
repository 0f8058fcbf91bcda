"""The header of a state record, the only part that the store and the recovery read.

::

    layout u8 | entity u8 | watermarks u16 | version u32 | last event time u48 (ms)      14 bytes
    per watermark: source u8 | partition u16 | offset u48 | version u32                  13 bytes

Little-endian throughout. What follows the header (annex and body) belongs to ``features.kernel.codec``.
A *watermark* states which offset of a source partition was applied last and which version of the record
resulted: so a redelivered event is recognised, and so is the version on which it landed. The record version
counts the chunks applied; one write may raise it by more than one.
"""

import struct
from dataclasses import dataclass
from typing import Final

LAYOUT_VERSION: Final = 3
"""Layout that this code writes; a record of another one is refused with advice."""

HEADER_BYTES: Final = 14
WATERMARK_BYTES: Final = 13

_HEAD = struct.Struct("<BBHI")
_MARK_PARTITION = struct.Struct("<BH")
_U32 = struct.Struct("<I")

MAX_PARTITION: Final = 0xFFFF
MAX_OFFSET: Final = (1 << 48) - 1


@dataclass(frozen=True, slots=True)
class Watermark:
    """Up to which offset a source partition has been applied to a record."""

    source: int
    partition: int
    offset: int
    version: int


@dataclass(frozen=True, slots=True)
class Header:
    """The parsed header of a record; ``last_event_ms`` is the record's clock."""

    layout: int
    entity: int
    version: int
    last_event_ms: int
    watermarks: tuple[Watermark, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the header, watermarks included."""
        return HEADER_BYTES + WATERMARK_BYTES * len(self.watermarks)

    def watermark(self, source: int, partition: int) -> Watermark | None:
        """The watermark of one source partition, or None if it never touched the record."""
        for mark in self.watermarks:
            if mark.source == source and mark.partition == partition:
                return mark
        return None


def record_version(record: bytes | None) -> int:
    """Version of a record as stored; 0 where there is none."""
    if record is None:
        return 0
    version: int = _U32.unpack_from(record, 4)[0]
    return version


def parse(record: bytes) -> Header:
    """Read the header of a record.

    Raises:
        ValueError: if the bytes are too short to be a record.
    """
    if len(record) < HEADER_BYTES:
        raise ValueError(f"a state record of {len(record)} bytes is shorter than its header")
    layout, entity, count, version = _HEAD.unpack_from(record, 0)
    if len(record) < HEADER_BYTES + WATERMARK_BYTES * count:
        raise ValueError(f"a state record of {len(record)} bytes cannot hold {count} watermarks")
    last_event_ms = int.from_bytes(record[8:14], "little")
    marks = []
    for at in range(HEADER_BYTES, HEADER_BYTES + WATERMARK_BYTES * count, WATERMARK_BYTES):
        source, partition = _MARK_PARTITION.unpack_from(record, at)
        offset = int.from_bytes(record[at + 3 : at + 9], "little")
        marks.append(Watermark(source, partition, offset, _U32.unpack_from(record, at + 9)[0]))
    return Header(layout, entity, version, last_event_ms, tuple(marks))


def build(header: Header) -> bytes:
    """The bytes of a header."""
    parts = [
        _HEAD.pack(header.layout, header.entity, len(header.watermarks), header.version),
        header.last_event_ms.to_bytes(6, "little"),
    ]
    for mark in header.watermarks:
        parts += [
            _MARK_PARTITION.pack(mark.source, mark.partition),
            mark.offset.to_bytes(6, "little"),
            _U32.pack(mark.version),
        ]
    return b"".join(parts)
