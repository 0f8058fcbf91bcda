"""Ledger of the chunks in hand and of the offsets that may be committed.

Pure bookkeeping without I/O. Its promise: ``committable`` never passes a chunk that is not done,
whatever the order in which chunks are done and whatever gaps the offsets have. A partition that is
reset or forgotten drops all its tickets, and a ticket closed after that changes nothing: a chunk of
an earlier assignment cannot move the offsets of a later one.
"""

from collections import deque
from collections.abc import Iterable, Mapping

from streams.transport.chunk_limits import ChunkLimits
from streams.transport.fetched_records import FetchedRecords, Partition


class Ticket:
    """A chunk that was handed out; closed when it is acknowledged."""

    __slots__ = (
        "account",
        "appended_ms",
        "done",
        "first_offset",
        "next_offset",
        "records",
        "size_bytes",
    )

    def __init__(self, account: "_Account", chunk: FetchedRecords) -> None:
        self.account = account
        self.first_offset = chunk.first_offset
        self.next_offset = chunk.next_offset
        self.records = len(chunk)
        self.size_bytes = chunk.size_bytes
        self.appended_ms = chunk.records[0].timestamp
        self.done = False


class _Account:
    """A partition of the present assignment."""

    __slots__ = (
        "chunks_out",
        "committed",
        "epoch",
        "live",
        "position",
        "records_out",
        "settled",
        "tickets",
    )

    def __init__(self, committed: int | None, epoch: int) -> None:
        self.committed = committed
        self.settled = committed
        self.position = committed
        self.epoch = epoch
        self.live = True
        self.tickets: deque[Ticket] = deque()
        self.chunks_out = 0
        self.records_out = 0

    def settle(self) -> None:
        """Drop the tickets that are done from the head; their end becomes committable."""
        while self.tickets and self.tickets[0].done:
            self.settled = self.tickets.popleft().next_offset


class AckLedger:
    """The accounts of all assigned partitions.

    Args:
        limits: how much may be out before a partition is closed for fetching.
    """

    def __init__(self, limits: ChunkLimits) -> None:
        self._limits = limits
        self._accounts: dict[Partition, _Account] = {}
        self._reported_epoch = 0
        self.bytes_out = 0

    def reset(self, partition: Partition, committed: int | None, epoch: int) -> None:
        """Start over at ``committed`` (None: nothing was ever committed)."""
        self._drop(partition)
        self._accounts[partition] = _Account(committed, epoch)
        self._reported_epoch = max(self._reported_epoch, epoch)

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Remove partitions that were revoked."""
        for partition in partitions:
            self._drop(partition)

    def _drop(self, partition: Partition) -> None:
        account = self._accounts.pop(partition, None)
        if account is not None:
            account.live = False
            self.bytes_out -= sum(t.size_bytes for t in account.tickets if not t.done)

    def is_current(self, chunk: FetchedRecords) -> bool:
        """Whether the chunk was read since the last reset of its partition."""
        account = self._accounts.get(Partition(chunk.topic, chunk.partition))
        return account is not None and account.epoch == chunk.epoch

    def is_early(self, chunk: FetchedRecords) -> bool:
        """Whether the chunk was read after a seek that has not been reported here yet.

        Epochs count seeks over all partitions and are reported in their order. So a later report of
        any partition means that this one will not come: its partition was revoked meanwhile.
        """
        return chunk.epoch > self._reported_epoch

    def open(self, chunk: FetchedRecords) -> Ticket | None:
        """Enter a chunk; one without records only moves the position over a gap.

        The chunk must be current, and chunks of a partition come in the order of their offsets.
        """
        account = self._accounts[Partition(chunk.topic, chunk.partition)]
        account.position = chunk.next_offset
        if not chunk.records:
            self._advance(account, chunk.next_offset)
            return None
        ticket = Ticket(account, chunk)
        account.tickets.append(ticket)
        account.chunks_out += 1
        account.records_out += ticket.records
        self.bytes_out += ticket.size_bytes
        return ticket

    @staticmethod
    def _advance(account: _Account, position: int) -> None:
        if account.tickets:
            last = account.tickets[-1]
            last.next_offset = max(last.next_offset, position)
        else:
            account.settled = max(account.settled or 0, position)

    def close(self, ticket: Ticket) -> bool:
        """Mark a chunk as done; False if it was done before or belongs to an earlier assignment."""
        account = ticket.account
        if ticket.done or not account.live:
            return False
        ticket.done = True
        account.chunks_out -= 1
        account.records_out -= ticket.records
        self.bytes_out -= ticket.size_bytes
        account.settle()
        return True

    def committable(self, partitions: Iterable[Partition] | None = None) -> dict[Partition, int]:
        """Offset to commit of each partition whose offset has moved."""
        chosen = self._accounts if partitions is None else partitions
        offsets = {}
        for partition in chosen:
            account = self._accounts.get(partition)
            if account is None or account.settled is None:
                continue
            if account.committed is None or account.settled > account.committed:
                offsets[partition] = account.settled
        return offsets

    def committed(self, offsets: Mapping[Partition, int]) -> None:
        """Note offsets that the broker has confirmed."""
        for partition, offset in offsets.items():
            account = self._accounts.get(partition)
            if account is not None and (account.committed is None or offset > account.committed):
                account.committed = offset

    def has_room(self, partition: Partition) -> bool:
        """Whether more records of the partition may be fetched now."""
        if self.bytes_out >= self._limits.bytes_out:
            return False
        account = self._accounts.get(partition)
        if account is None:
            return True
        return (
            account.chunks_out < self._limits.partition_chunks
            and account.records_out < self._limits.partition_records
        )

    def position(self, partition: Partition) -> int | None:
        """Offset that the next chunk of the partition begins at or after; None if unknown."""
        account = self._accounts.get(partition)
        return None if account is None else account.position

    def settled(self, partition: Partition) -> int | None:
        """Offset up to which everything is acknowledged; None if nothing was read or committed."""
        account = self._accounts.get(partition)
        if account is None:
            return None
        if account.settled is None and account.tickets:
            return account.tickets[0].first_offset
        return account.settled

    def oldest_ms(self, partition: Partition) -> int | None:
        """Timestamp of the first record of the oldest chunk that is not done, in milliseconds."""
        account = self._accounts.get(partition)
        return account.tickets[0].appended_ms if account and account.tickets else None

    @property
    def partitions(self) -> frozenset[Partition]:
        """The partitions that have an account."""
        return frozenset(self._accounts)

    @property
    def chunks_out(self) -> int:
        """Chunks handed out and not done, over all partitions."""
        return sum(account.chunks_out for account in self._accounts.values())
