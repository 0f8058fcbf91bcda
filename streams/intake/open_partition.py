"""State of one partition while this worker owns it."""

from dataclasses import dataclass

from features.store.chunk_journal import Journal
from streams.intake.partition_buffer import SOURCE_COUNT, PartitionBuffer


@dataclass(slots=True)
class OpenPartition:
    """A partition that this worker owns by the store's epoch.

    Attributes:
        number: partition number, the same in every source topic.
        epoch: ownership number from the store; a write with an older one is refused.
        buffer: records that wait for a lane.
        journal: a chunk that may be half done and has to be repeated first; None otherwise.
        chunk: number of the last chunk.
        closing: the partition was revoked.
        in_hand: a chunk of it is in progress.
        in_hand_ms: append time of that chunk's first event of each source, UTC milliseconds; 0 for
            none.
        missed_since: when the journalled chunk was first found incomplete with nothing more to
            come, monotonic seconds; None while more may come.
        fenced: another worker owns it by now; this one leaves it alone.
        newest_ms: newest event time seen, UTC milliseconds.
    """

    number: int
    epoch: int
    buffer: PartitionBuffer
    journal: Journal | None
    chunk: int = 0
    closing: bool = False
    in_hand: bool = False
    in_hand_ms: tuple[int, ...] = (0,) * SOURCE_COUNT
    missed_since: float | None = None
    fenced: bool = False
    newest_ms: int = 0
