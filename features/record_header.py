"""The header of a state record, the only part that the store and the recovery read.

There are two layouts; the first byte distinguishes them. The *plain* one, little-endian throughout::

    layout u8 | entity u8 | watermarks u16 | version u32 | last event time u48 (ms)      14 bytes
    per watermark: source u8 | partition u16 | offset u48 | version u32                  13 bytes
    annex: length u16 | bytes

The *compact* one is bits from the third line on, in the codes of ``features.record_bits``::

    layout 5 bits | has an annex 1 bit | entity 2 bits       one byte
    version: 7 bits a byte, the highest bit set if another byte follows
    annex, if there is one: length u16 | bytes
    counts of tiles and pairs | whether there is a sketch | last event time | number of watermarks
    per watermark: source | partition | offset | versions since it was landed on

What follows belongs to ``features.kernel.codec`` and ``features.kernel.compact``.
A *watermark* states which offset of a source partition was applied last and which version of the record
resulted: so a redelivered event is recognised, and so is the version on which it landed. The record version
counts the chunks applied; one write may raise it by more than one.
"""

import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from features.record_bits import BitReader, BitWriter

PLAIN_LAYOUT: Final = 3
"""The first byte of a plain record."""
COMPACT_LAYOUT: Final = 4
"""The upper five bits of the first byte of a compact one. A record of another layout is refused with advice."""

HEADER_BYTES: Final = 14
WATERMARK_BYTES: Final = 13
ANNEX_BIT: Final = 4
_ENTITY_BITS: Final = 3

_HEAD = struct.Struct("<BBHI")
_MARK_PARTITION = struct.Struct("<BH")
_U32 = struct.Struct("<I")

MAX_PARTITION: Final = 0xFFFF
MAX_OFFSET: Final = (1 << 48) - 1


class _HeaderOrders(NamedTuple):
    """Orders of the codes of a compact header."""

    clock: int = 41
    """Milliseconds since 1970 have 41 bits until 2039, and two bits more afterwards."""
    marks: int = 0
    source: int = 1
    partition: int = 4
    offset: int = 24
    landed: int = 0


HEADER_ORDERS: Final = _HeaderOrders()
COUNT_ORDERS: Final = np.array(
    [[5, 0, 5, 5], [2, 1, 1, 0], [1, 1, 1, 0], [3, 3, 1, 0]], dtype=np.int64
)
"""By entity: tiles of both series, pairs of both tables."""


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
        """Bytes of a plain header, watermarks included."""
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
    if record[0] >> 3 == COMPACT_LAYOUT:
        return _compact_version(record)[0]
    version: int = _U32.unpack_from(record, 4)[0]
    return version


def version_bytes(version: int) -> bytes:
    """A version as a compact record has it behind its first byte."""
    out = bytearray()
    while version >= 128:
        out.append(version & 127 | 128)
        version >>= 7
    out.append(version)
    return bytes(out)


def parse(record: bytes) -> Header:
    """Read the header of a record.

    Raises:
        ValueError: if the bytes are too short to be a record.
    """
    if len(record) > 1 and record[0] >> 3 == COMPACT_LAYOUT:
        return _parse_compact(record)
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
    """The bytes of a header; a compact one says that the record holds nothing else."""
    if header.layout == COMPACT_LAYOUT:
        return _build_compact(header)
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


def _compact_version(record: bytes) -> tuple[int, int]:
    """The version, and the byte behind it."""
    version = shift = 0
    for at, byte in enumerate(record[1:6], 1):
        version |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return version, at + 1
    raise ValueError(f"a state record of {len(record)} bytes is shorter than its header")


def _parse_compact(record: bytes) -> Header:
    version, at = _compact_version(record)
    if record[0] & ANNEX_BIT:
        at += 2 + int.from_bytes(record[at : at + 2], "little")
    entity = record[0] & _ENTITY_BITS
    bits = BitReader(record[at:])
    for order in COUNT_ORDERS[entity].tolist():
        bits.code(order)
    bits.bits(1)
    clock = bits.code(HEADER_ORDERS.clock)
    marks = []
    for _ in range(bits.code(HEADER_ORDERS.marks)):
        if bits.overrun:
            break
        source, partition = bits.code(HEADER_ORDERS.source), bits.code(HEADER_ORDERS.partition)
        offset, since = bits.code(HEADER_ORDERS.offset), bits.code(HEADER_ORDERS.landed)
        marks.append(Watermark(source, partition, offset, version - since))
    if bits.overrun:
        raise ValueError(f"a state record of {len(record)} bytes is shorter than its header")
    return Header(COMPACT_LAYOUT, entity, version, clock, tuple(marks))


def _build_compact(header: Header) -> bytes:
    bits = BitWriter()
    for order in COUNT_ORDERS[header.entity].tolist():
        bits.code(order, 0)
    bits.bits(1, 0)
    bits.code(HEADER_ORDERS.clock, header.last_event_ms)
    bits.code(HEADER_ORDERS.marks, len(header.watermarks))
    for mark in header.watermarks:
        bits.code(HEADER_ORDERS.source, mark.source)
        bits.code(HEADER_ORDERS.partition, mark.partition)
        bits.code(HEADER_ORDERS.offset, mark.offset)
        bits.code(HEADER_ORDERS.landed, header.version - mark.version)
    first = bytes([COMPACT_LAYOUT << 3 | header.entity])
    return first + version_bytes(header.version) + bits.to_bytes()
