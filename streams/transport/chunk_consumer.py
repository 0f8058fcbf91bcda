"""Faust consumer that delivers chunks to streams and commits behind their acknowledgements.

It keeps Faust's contract (conductor, streams, ``event.ack()``, sensors, flow control) and replaces
the accounting under it: the stock one commits over an unacknowledged first record, counts an event
that a stream skipped during a rebalance as done, and holds one entry a record.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, cast

from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP, ConsumerMessage, Message
from mode import Service, get_logger
from mode.utils.futures import notify

from streams.transport.ack_ledger import AckLedger
from streams.transport.consumer_thread import ChunkConsumerThread
from streams.transport.fetched_records import FetchedRecords, Partition

FETCH_TIMEOUT_SECONDS = 1.0
CHECK_SECONDS = 1.0


class AssignmentListener(Protocol):
    """Receives assignments of partitions. Set ``app.transport.listener`` before start.

    Called on the main loop, one call at a time, alternately. No chunk is delivered from the start
    of ``on_revoked`` to the end of the next ``on_assigned``.
    """

    async def on_assigned(self, partitions: frozenset[Partition]) -> None:
        """Take note of all partitions that are assigned now; chunks flow when this returns."""
        ...

    async def on_revoked(self, partitions: frozenset[Partition]) -> None:
        """Give all partitions back, because of a rebalance or because the worker stops.

        Finish and acknowledge chunks in progress, drop waiting ones (they will be read again), and
        return within ``limits.drain_seconds``, after which this is cancelled. Acknowledged chunks
        are committed next.
        """
        ...


class ChunkConsumer(Consumer):
    """Delivers one message a chunk; ``event.value`` is a ``FetchedRecords``."""

    logger = get_logger(__name__)
    _thread: ChunkConsumerThread
    _n_acked: int

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._ledger = AckLedger(self.transport.limits)
        self._full: set[Partition] = set()
        self._fetching: asyncio.Future[list[FetchedRecords]] | None = None
        self._arrived: deque[FetchedRecords] = deque()
        self._rewound = asyncio.Event()
        self._last_ack_seconds = self._fetched_at = time.monotonic()
        self._failed_commits = 0
        self._notifying = asyncio.Lock()
        self._notified_assignment: frozenset[Partition] | None = None

    def _new_consumer_thread(self) -> ChunkConsumerThread:
        return ChunkConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # -- state

    @property
    def fetched_at(self) -> float:
        """When a fetch last returned, with or without records; monotonic seconds."""
        return self._fetched_at

    @property
    def failed_commits(self) -> int:
        """Commits that Kafka refused or did not answer, since the start."""
        return self._failed_commits

    @property
    def seconds_without_progress(self) -> float:
        """Seconds since the last acknowledgement while chunks are in hand, else 0."""
        return time.monotonic() - self._last_ack_seconds if self._ledger.chunks_out else 0.0

    def has_more(self, partition: Partition) -> bool | None:
        """Whether the broker holds records that were not fetched yet; None if not known."""
        position, end = self._ledger.position(partition), self._thread.end(partition)
        return None if position is None or end is None else end > position

    def end(self, partition: Partition) -> int | None:
        """Offset after the last record that can be read now; None while it is not known."""
        return self._thread.end(partition)

    def settled(self, partition: Partition) -> int | None:
        """Offset up to which everything is acknowledged; None while it is not known."""
        settled = self._ledger.settled(partition)
        return self._thread.reading_from(partition) if settled is None else settled

    def oldest_ms(self, partition: Partition) -> int | None:
        """Timestamp of the first record of the oldest chunk that is not done, in milliseconds."""
        return self._ledger.oldest_ms(partition)

    @property
    def delivering(self) -> bool:
        """Whether chunks of the last fetch wait to be handed to streams."""
        return bool(self._arrived)

    # -- fetching and delivering

    async def _drain_messages(self, fetcher: Any) -> None:
        """Run by Faust's fetcher service until the app stops."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                if not self.flow_active:
                    await self.wait(self.can_resume_flow)
                    continue
                if not self._arrived:
                    await self._receive()
                await self._deliver()
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
            self.log.info("The consumer was closed while stopping.")
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise

    async def _receive(self) -> None:
        # The fetch is kept over a cancellation of this loop: its records count as read already.
        if self._fetching is None:
            self._fetching = asyncio.ensure_future(
                self._thread.fetch_chunks(self._may_fetch, FETCH_TIMEOUT_SECONDS)
            )
        fetching = self._fetching
        await asyncio.wait([fetching])
        self._fetching = None
        self._fetched_at = time.monotonic()
        for chunk in fetching.result():
            while self._ledger.is_early(chunk):
                # Read after a seek whose result is still on its way from the thread.
                self._rewound.clear()
                await self.wait(self._rewound)
                if self.should_stop:
                    return
            if self._ledger.is_current(chunk):
                self._enter(chunk)

    def _enter(self, chunk: FetchedRecords) -> None:
        if not self._ledger.chunks_out:
            self._last_ack_seconds = time.monotonic()
        chunk.ticket = self._ledger.open(chunk)
        if chunk.ticket is not None:
            self._arrived.append(chunk)
            partition = Partition(chunk.topic, chunk.partition)
            if not self._ledger.has_room(partition):
                self._full.add(partition)

    async def _deliver(self) -> None:
        """Hand arrived chunks to streams until Faust suspends the flow.

        One watch for all of them, because each watch costs four tasks.
        """
        if self._arrived and self.flow_active and not self.should_stop:
            await self.wait_first(self._deliver_all(), self.suspend_flow.wait())

    async def _deliver_all(self) -> None:
        track_end = self.app.monitor.track_tp_end_offset
        while self._arrived and self.flow_active and not self.should_stop:
            chunk = self._arrived.popleft()
            # A rewind since it arrived brings the same records again.
            if self._ledger.is_current(chunk):
                message = self._to_message(TP(chunk.topic, chunk.partition), chunk)
                highwater = self.highwater(message.tp)
                if highwater is not None:
                    track_end(message.tp, highwater)
                await self.callback(message)

    def _to_message(self, tp: TP, record: FetchedRecords) -> ConsumerMessage:
        last: Any = record.records[-1]
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            [],
            None,
            record,
            None,
            0,
            record.size_bytes,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    # -- acknowledging and committing

    def ack(self, message: Message) -> bool:
        """Close the message's ticket; called by Faust when all streams have acknowledged it."""
        if message.acked or not message.tracked:
            # Not tracked: a stream skipped the message because a rebalance was on, and acks that.
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        closed = self._ledger.close(message.value.ticket)
        if closed:
            self._last_ack_seconds = time.monotonic()
            self._n_acked += len(message.value)
            self._reopen()
            if self._commit_every is not None and self._n_acked >= self._commit_every:
                self._n_acked = 0
                self.add_future(self.commit())
        notify(self._waiting_for_ack)
        return closed

    def _reopen(self) -> None:
        with_room = [partition for partition in self._full if self._ledger.has_room(partition)]
        if with_room:
            self._full.difference_update(with_room)
            self._thread.wake()

    def _may_fetch(self, partition: Partition) -> bool:
        """Whether Faust lets the partition flow and it has room; called from the thread."""
        return (
            self.flow_active
            and partition not in self._full
            and partition in self._active_partitions
        )

    async def force_commit(
        self,
        topics: Any = None,
        start_new_transaction: bool = True,  # noqa: ARG002
    ) -> bool:
        """Commit the acknowledged offsets; False if none has moved or the broker refused."""
        state = self.app.sensors.on_commit_initiated(self)
        chosen = None
        if topics is not None:
            chosen = [p for p in self._ledger.partitions if p in topics or p.topic in topics]
        offsets = self._ledger.committable(chosen)
        done = bool(offsets) and await self._commit_offsets(offsets)
        self.app.sensors.on_commit_completed(self, state)
        return done

    async def _commit_offsets(
        self,
        offsets: Mapping[Partition, int],
        start_new_transaction: bool = True,  # noqa: ARG002  Faust's signature
    ) -> bool:
        # Records sent through Faust must reach the broker before their cause is committed.
        await self.app.producer.flush()
        if not await self._thread.commit(offsets):
            self._failed_commits += 1
            return False
        self._ledger.committed(offsets)
        by_tp = {TP(*partition): offset for partition, offset in offsets.items()}
        self._committed_offset.update(by_tp)
        self.app.monitor.on_tp_commit(by_tp)
        return True

    @Service.transitions_to("WAIT_EMPTY")
    async def wait_empty(self) -> None:
        """Let chunks in hand finish within ``limits.drain_seconds``, and commit them.

        Called by Faust with the flow stopped, before partitions are revoked and before it stops.
        """
        if self.transport.listener is None:
            await self._wait_for_streams()
        else:
            await self._notify_revoked()
        await self.commit_and_end_transactions()

    async def _wait_for_streams(self) -> None:
        deadline = time.monotonic() + self.transport.limits.drain_seconds
        while (begun := self._begun()) and time.monotonic() < deadline:
            await self._wait_for_ack(timeout=1)
        if begun:
            self.log.warning("%d chunks not done in time; they will be read again.", begun)

    def _begun(self) -> int:
        return sum(not message.acked for message in list(self._unacked_messages))

    async def _notify_revoked(self) -> None:
        drain_seconds = self.transport.limits.drain_seconds
        try:
            async with asyncio.timeout(drain_seconds), self._notifying:
                revoked, self._notified_assignment = self._notified_assignment, None
                if revoked is not None:
                    await self.transport.listener.on_revoked(revoked)
        except TimeoutError:
            self.log.warning("Chunks not done within %g s; they will be read again.", drain_seconds)

    # -- assignment

    async def perform_seek(self) -> None:
        """Go back to the committed offsets; Faust does this before it lets chunks flow."""
        outcome = await self._thread.rewind()
        self._ledger.forget(self._ledger.partitions)
        for partition, (committed, epoch) in outcome.items():
            self._ledger.reset(partition, committed, epoch)
            self._committed_offset[TP(*partition)] = committed
            self._read_offset[TP(*partition)] = committed
        self._reopen_all()
        listener: AssignmentListener | None = self.transport.listener
        if listener is not None:
            # Two rebalances in a row can come without Faust asking us to drain between them.
            await self._notify_revoked()
            async with self._notifying:
                self._notified_assignment = frozenset(outcome)
                await listener.on_assigned(self._notified_assignment)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Let Faust take them over; notify of an empty assignment, for which it does not seek."""
        await super().on_partitions_assigned(assigned, generation_id)
        listener: AssignmentListener | None = self.transport.listener
        if listener is None or assigned or self.should_stop:
            return
        await self._notify_revoked()
        async with self._notifying:
            self._notified_assignment = frozenset()
            await listener.on_assigned(self._notified_assignment)

    @Service.task
    async def _check_group(self) -> None:
        """Crash over a fatal error of the group also while nothing is fetched."""
        while not self.should_stop:
            await self.sleep(CHECK_SECONDS)
            if not self.should_stop:
                await self._thread.check_group()

    async def seek(self, partition: TP, offset: int) -> None:
        """Read one partition from ``offset`` on; its chunks in hand will not be committed."""
        epoch = await self._thread.seek_stamped(Partition(*partition), offset)
        self._ledger.reset(Partition(*partition), offset, epoch)
        self._read_offset[partition] = offset
        self._reopen_all()

    def _reopen_all(self) -> None:
        self._full.clear()
        self._rewound.set()
        self._thread.wake()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let Faust stop the flow, finish chunks in hand and commit them; then forget them."""
        await super().on_partitions_revoked(revoked)
        self._ledger.forget(cast("Iterable[Partition]", revoked))

    async def on_stop(self) -> None:
        """Commit a last time and stop reading."""
        await super().on_stop()
        if self._fetching is not None:
            self._fetching.cancel()
