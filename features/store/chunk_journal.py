"""The journal of a chunk: enough to compute the chunk again exactly as it was computed.

It holds the offsets of the chunk in each source topic, the order in which the sources were merged, and
the records as they were loaded (before the chunk). Nothing in it depends on a clock.

The encoding is MessagePack behind a short head with a checksum: a truncated or corrupted journal must
never be replayed as if it were whole.
"""

import zlib
from collections.abc import Sequence
from typing import Final

import msgspec

from forewarn.errors import ForewarnError

MAGIC: Final = b"FJ1\0"
_HEAD_BYTES: Final = len(MAGIC) + 4


class JournalCorruptError(ForewarnError):
    """The bytes of a journal differ from what a worker wrote."""


class SourceRange(msgspec.Struct, frozen=True, array_like=True):
    """The part of one source topic's partition that belongs to a chunk.

    Attributes:
        source: index of the topic in ``forewarn.contracts.topics.SOURCES``.
        first_offset: offset of the first record; every record below it is done.
        next_offset: offset after the last record; equal to ``first_offset`` where there is none.
    """

    source: int
    first_offset: int
    next_offset: int


class Journal(msgspec.Struct, frozen=True, array_like=True):
    """One chunk, with all that a new owner of its partition needs.

    Attributes:
        chunk: number of the chunk in its partition, counted up by one.
        ranges: one for every source, including those without a record in this chunk.
        order: for each record of the chunk in merge order, the index of its source, one byte each.
        records: key and bytes of each record as it was loaded; None where there was none.
        failed: places in ``order`` of events that could not be processed: they are dead letters,
            also when the chunk is repeated, even if the fault no longer occurs.
    """

    chunk: int
    ranges: tuple[SourceRange, ...]
    order: bytes = b""
    records: tuple[tuple[bytes, bytes | None], ...] = ()
    failed: tuple[int, ...] = ()

    def floors(self) -> dict[int, int]:
        """Offset by source below which every record is done."""
        return {part.source: part.first_offset for part in self.ranges}

    def ends(self) -> dict[int, int]:
        """Offset by source at which the next chunk begins."""
        return {part.source: part.next_offset for part in self.ranges}


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Journal)


def encode(journal: Journal) -> bytes:
    """Encode a journal; the bytes go to ``StateStore.commit``."""
    body = _encoder.encode(journal)
    return MAGIC + zlib.crc32(body).to_bytes(4, "little") + body


def decode(entry: bytes) -> Journal:
    """Decode the bytes of ``encode``.

    Raises:
        JournalCorruptError: if the bytes are truncated, corrupted or of another layout.
    """
    body = entry[_HEAD_BYTES:]
    checksum = int.from_bytes(entry[len(MAGIC) : _HEAD_BYTES], "little")
    if entry[: len(MAGIC)] != MAGIC or checksum != zlib.crc32(body):
        raise _corrupt("its head or its checksum is wrong")
    try:
        journal = _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise _corrupt(str(error)) from None
    if journal.order and max(journal.order) not in {part.source for part in journal.ranges}:
        raise _corrupt("its order names a source that has no range")
    return journal


def floor(chunk: int, next_offsets: dict[int, int]) -> Journal:
    """The journal of a partition whose sources are done up to ``next_offsets``."""
    ranges = (SourceRange(source, at, at) for source, at in sorted(next_offsets.items()))
    return Journal(chunk=chunk, ranges=tuple(ranges))


def of_chunk(
    chunk: int,
    ranges: Sequence[SourceRange],
    order: bytes,
    keys: Sequence[bytes],
    records: Sequence[bytes | None],
    failed: Sequence[int] = (),
) -> Journal:
    """The journal of a chunk from the ``records`` that the engine loaded under ``keys``."""
    pairs = tuple(zip(keys, records, strict=True))
    return Journal(
        chunk=chunk, ranges=tuple(ranges), order=order, records=pairs, failed=tuple(failed)
    )


def _corrupt(detail: str) -> JournalCorruptError:
    return JournalCorruptError(
        f"A partition's journal is corrupted: {detail}.",
        hint="Run `forewarn rebuild` for this partition; its events are still in Kafka.",
    )
