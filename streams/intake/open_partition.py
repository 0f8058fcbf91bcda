"""State of one partition while this worker owns it."""

from collections import deque
from dataclasses import dataclass, field

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
        in_hand: for each chunk of it in progress, oldest first, the append time of its first event of each source,
            UTC milliseconds; 0 for none.
        missed_since: when the journalled chunk was first found incomplete with nothing more to
            come, monotonic seconds; None while more may come.
        fenced: another worker owns it by now, or will; this one leaves it alone.
        newest_ms: newest event time seen, UTC milliseconds.
    """

    number: int
    epoch: int
    buffer: PartitionBuffer
    journal: Journal | None
    chunk: int = 0
    closing: bool = False
    in_hand: deque[tuple[int, ...]] = field(default_factory=deque)
    missed_since: float | None = None
    fenced: bool = False
    newest_ms: int = 0

    @property
    def in_hand_ms(self) -> tuple[int, ...]:
        """Append time of the first event of each source in the oldest chunk in progress; 0 for none."""
        return self.in_hand[0] if self.in_hand else (0,) * SOURCE_COUNT
