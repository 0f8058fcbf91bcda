"""Bounds of the transport: sizes of chunks, back-pressure and timeouts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChunkLimits:
    """Bounds of the transport. Set ``app.transport.limits`` before the app starts.

    A chunk holds the records that had arrived when it was fetched, so chunks are small while the
    stream is quiet and grow towards ``chunk_records`` when the worker is the slower side.

    Attributes:
        chunk_records: most records in one chunk.
        partition_chunks: chunks of one partition in hand before its fetching pauses. In a live
            stream a chunk holds a few records, so a low bound would pause partitions that have
            room, and a paused partition waits for the fetch that is under way.
        partition_records: records of one partition in hand before its fetching pauses.
        bytes_out: bytes in hand over all partitions before all fetching pauses; it may be passed
            by one chunk a partition.
        fetch_min_bytes: the broker answers once it has this much; 1 is best for latency.
        fetch_wait_seconds: longest time that the broker holds an answer back; also the longest
            time for which a partition with room again waits for the fetch that is under way.
        drain_seconds: how long a revocation or a stop waits for chunks in hand; those not done by
            then are not committed and will be read again by the next owner.
        commit_timeout_seconds: after that a commit counts as failed and is tried again later.
        rewind_timeout_seconds: longest wait for the committed offsets after a rebalance, after
            which the app crashes. It has to lie well under Faust's ``broker_request_timeout``:
            when that passes, Faust silently delivers no chunk any more.
    """

    chunk_records: int = 1024
    partition_chunks: int = 32
    partition_records: int = 4096
    bytes_out: int = 64 << 20
    fetch_min_bytes: int = 1
    fetch_wait_seconds: float = 0.05
    drain_seconds: float = 15.0
    commit_timeout_seconds: float = 5.0
    rewind_timeout_seconds: float = 45.0
