"""Part of the consumer that runs in its own thread, next to aiokafka.

Faust runs aiokafka in a thread so that heartbeats go on while an agent keeps the main loop busy.
Everything here runs on that thread's loop. Reads and seeks are stamped with an *epoch*, changed in
the same step as the position, so that the main loop can tell records read before a seek from those
read after it; comparing offsets cannot, since a seek may go back over the same ones.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import aiokafka
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import (
    CommitFailedError,
    ConsumerStoppedError,
    KafkaError,
    KafkaTimeoutError,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.exceptions import ImproperlyConfigured
from faust.transport.drivers.aiokafka import (
    AIOKafkaConsumerThread,
    credentials_to_aiokafka_auth,
    server_list,
)

from streams.transport.chunk_limits import ChunkLimits
from streams.transport.fetched_records import FetchedRecords, Partition

MAX_INT32 = 2**31 - 1


MayFetch = Callable[[Partition], bool]
"""Whether a partition may be read now; called from the thread, changed from the main loop."""


class ChunkConsumerThread(AIOKafkaConsumerThread):
    """Fetches chunks, seeks and commits; one aiokafka consumer."""

    _waiter: "asyncio.Future[None] | None" = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._epoch = 0
        self._epochs: dict[TopicPartition, int] = {}
        # Where reading began in a partition that has no committed offset: with auto_offset_reset
        # "latest" nothing else would bring records that were read but not committed back.
        self._origins: dict[TopicPartition, int] = {}

    @property
    def _limits(self) -> ChunkLimits:
        limits: ChunkLimits = self.transport.limits
        return limits

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf, limits = self.app.conf, self._limits
        if self.consumer.in_transaction:
            raise ImproperlyConfigured("chunked:// does not support exactly_once processing.")
        if conf.broker_session_timeout > conf.broker_request_timeout:
            raise ImproperlyConfigured("broker_session_timeout is above broker_request_timeout.")
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            bootstrap_servers=server_list(transport.url, transport.default_port),
            # Range gives partition p of every topic to one member, which the join of calls and
            # transfers needs; round robin does so only when members divide the partitions.
            partition_assignment_strategy=[RangePartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset=conf.consumer_auto_offset_reset,
            # Agents that wait for Redis fetch nothing. A member that left the group for that would
            # never come back; the worker's own probes distinguish waiting from stuck.
            max_poll_interval_ms=MAX_INT32,
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_min_bytes=limits.fetch_min_bytes,
            fetch_max_wait_ms=int(limits.fetch_wait_seconds * 1000),
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            check_crcs=conf.broker_check_crcs,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            # Free where no producer uses transactions, and correct where one does.
            isolation_level="read_committed",
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
            **credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )

    async def fetch_chunks(
        self, may_fetch: MayFetch, timeout_seconds: float
    ) -> list[FetchedRecords]:
        """Read one chunk of each open partition that has data; wait for the first.

        Called from the main loop. A chunk without records reports a position that moved over a
        gap. Returns an empty list when ``timeout_seconds`` pass without data.
        """
        future = asyncio.run_coroutine_threadsafe(
            self._fetch_chunks(may_fetch, timeout_seconds), self.thread_loop
        )
        return await asyncio.wrap_future(future)

    async def _fetch_chunks(
        self, may_fetch: MayFetch, timeout_seconds: float
    ) -> list[FetchedRecords]:
        consumer = self._ensure_consumer()
        self._raise_fatal_error(consumer)
        fetcher = consumer._fetcher  # noqa: SLF001  Faust's own driver reads it the same way
        deadline = self.thread_loop.time() + timeout_seconds
        # The context tells aiokafka that we are polling, also while back-pressure makes us wait.
        with fetcher._subscriptions.fetch_context():  # noqa: SLF001
            while True:
                if consumer._closed or fetcher._closed:  # noqa: SLF001
                    raise ConsumerStoppedError
                chunks = await self._read_buffered(consumer, may_fetch)
                left = deadline - self.thread_loop.time()
                if chunks or left <= 0:
                    return chunks
                self._waiter = fetcher._create_fetch_waiter()  # noqa: SLF001
                await asyncio.wait([self._waiter], timeout=left)
                waiter, self._waiter = self._waiter, None
                if waiter.done():
                    waiter.result()  # raises a fatal error of the fetcher or the group
                else:
                    waiter.cancel()

    async def _read_buffered(
        self, consumer: aiokafka.AIOKafkaConsumer, may_fetch: MayFetch
    ) -> list[FetchedRecords]:
        """Take records that aiokafka has fetched already, at most one chunk a partition."""
        fetcher = consumer._fetcher  # noqa: SLF001
        chunks: list[FetchedRecords] = []
        for tp in list(fetcher._records):  # noqa: SLF001
            if not may_fetch(tp):
                continue
            assignment = consumer._subscription.subscription.assignment  # noqa: SLF001
            if assignment is None or tp not in assignment.tps:
                continue
            before = _position(assignment, tp)
            if before is None:
                continue  # a reset is in progress: records fetched before it are dropped
            self._origins.setdefault(tp, before)
            try:
                drained = await fetcher.fetched_records(
                    {tp}, timeout=0, max_records=self._limits.chunk_records
                )
            except KafkaError:
                if not chunks:
                    raise
                return chunks  # keep what was read; a lasting error comes again
            # No await from here to the stamp: position and epoch belong to these records. (While
            # a rebalance was on, the call above may have waited and the assignment changed.)
            assignment = consumer._subscription.subscription.assignment  # noqa: SLF001
            records = drained.get(tp, ())
            if assignment is None or tp not in assignment.tps:
                continue
            position = _position(assignment, tp)
            if position is not None and (records or position != before):
                epoch = self._epochs.get(tp, 0)
                chunks.append(
                    FetchedRecords(
                        tp.topic, tp.partition, records, next_offset=position, epoch=epoch
                    )
                )
        return chunks

    async def check_group(self) -> None:
        """Raise a fatal error of the group; called from the main loop.

        aiokafka keeps a refused authorization, for example, until the next fetch, and there is
        none before the first assignment.
        """
        if self._consumer is not None:
            future = asyncio.run_coroutine_threadsafe(self._check_group(), self.thread_loop)
            await asyncio.wrap_future(future)

    async def _check_group(self) -> None:
        self._raise_fatal_error(self._ensure_consumer())

    def _raise_fatal_error(self, consumer: aiokafka.AIOKafkaConsumer) -> None:
        """Raise an error of the group that no retry resolves; aiokafka waits to be asked for it."""
        try:
            consumer._coordinator.check_errors()  # noqa: SLF001
        except KafkaError as error:
            if not error.retriable:
                self.log.error("The group cannot go on: %r", error)  # noqa: TRY400  it crashes next
                raise
            self.log.warning("The group goes on after %r", error)

    def highwater(self, tp: TopicPartition) -> int | None:
        """Offset after the last known record; None for a partition not assigned or not read yet."""
        state = self._state(tp)
        found: int | None = None if state is None else state.highwater
        return found

    def end(self, tp: TopicPartition) -> int | None:
        """Offset after the last record that can be read now; None as for ``highwater``.

        Records of a transaction that is still open lie behind it.
        """
        state = self._state(tp)
        return None if state is None else readable_end(state.highwater, state.lso)

    def reading_from(self, tp: TopicPartition) -> int | None:
        """Offset of the next fetch; None as for ``highwater``."""
        state = self._state(tp)
        found: int | None = state.position if state and state.has_valid_position else None
        return found

    def _state(self, tp: TopicPartition) -> Any:
        """aiokafka's state of a partition; None if it is not assigned.

        Called from the main loop, which may still know a partition that a rebalance has revoked;
        aiokafka itself raises an AssertionError then.
        """
        subscription = self._ensure_consumer()._subscription.subscription  # noqa: SLF001
        assignment = None if subscription is None else subscription.assignment
        partition = TopicPartition(tp.topic, tp.partition)
        if assignment is None or partition not in assignment.tps:
            return None
        return assignment.state_value(partition)

    def wake(self) -> None:
        """Look for readable partitions now; called from the main loop when one has room again."""
        with suppress(RuntimeError):  # the thread's loop may be closed while stopping
            self.thread_loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def rewind(self) -> dict[Partition, tuple[int | None, int]]:
        """Seek every assigned partition to its committed offset.

        Returns:
            For each partition its committed offset (None: never) and the epoch that begins now.
        """
        result: dict[Partition, tuple[int | None, int]] = await self.call_thread(self._rewind)
        return result

    async def _rewind(self) -> dict[Partition, tuple[int | None, int]]:
        consumer = self._ensure_consumer()
        coordinator = consumer._coordinator  # noqa: SLF001
        bound_seconds = self._limits.rewind_timeout_seconds
        try:  # aiokafka itself repeats without end
            found = await asyncio.wait_for(
                coordinator.fetch_committed_offsets(list(consumer.assignment())), bound_seconds
            )
        except TimeoutError as error:
            raise KafkaTimeoutError(
                f"Kafka did not return the committed offsets within {bound_seconds:g} s"
            ) from error
        outcome: dict[Partition, tuple[int | None, int]] = {}
        for tp in consumer.assignment():
            committed = found[tp].offset if tp in found else None
            target = self._origins.get(tp) if committed is None else committed
            epoch = self._stamp(consumer, tp, target)
            outcome[Partition(*tp)] = (committed, epoch)
        return outcome

    async def seek_stamped(self, tp: Partition, offset: int) -> int:
        """Seek one partition; returns the epoch that begins with it."""
        epoch: int = await self.call_thread(self._seek_stamped, tp, offset)
        return epoch

    async def _seek_stamped(self, tp: Partition, offset: int) -> int:
        return self._stamp(self._ensure_consumer(), TopicPartition(*tp), offset)

    def _stamp(
        self, consumer: aiokafka.AIOKafkaConsumer, tp: TopicPartition, target: int | None
    ) -> int:
        # aiokafka's own seek_to_committed leaves a partition where it is when 0 is committed.
        if target is not None:
            consumer.seek(tp, target)
        self._epoch += 1
        self._epochs[tp] = self._epoch
        return self._epoch

    async def _commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Commit; False if it failed, which is never fatal: the next commit repeats it.

        The stock driver stops the application on any error here, and waits without bound while
        the coordinator is away.
        """
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        wanted = {
            TopicPartition(*tp): OffsetAndMetadata(offset, "")
            for tp, offset in offsets.items()
            if tp in assigned
        }
        if not wanted:
            return False
        try:
            await asyncio.wait_for(consumer.commit(wanted), self._limits.commit_timeout_seconds)
        except CommitFailedError:
            self.log.info("Offsets not committed: the group has moved on.")
            return False
        except (KafkaError, TimeoutError) as error:
            self.log.warning("Offsets not committed, will be tried again: %r", error)
            return False
        return True


def readable_end(highwater: int | None, stable: int | None) -> int | None:
    """Offset at which a reader of committed records reaches the end; None while not known.

    Args:
        highwater: offset after the last record.
        stable: first offset of the oldest open transaction, or the highwater; negative or None
            where the broker does not report it.
    """
    if highwater is None or stable is None or stable < 0:
        return highwater
    return min(highwater, stable)


def _position(assignment: Any, tp: TopicPartition) -> int | None:
    """Offset at which reading of an assigned partition continues; None until it is known."""
    state = assignment.state_value(tp)
    return state.position if state.has_valid_position else None
