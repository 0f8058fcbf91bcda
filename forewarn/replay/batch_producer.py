"""A producer that takes records from a plain loop and hands them to Kafka in batches.

A producer call for each record costs more than reading and converting its row. Here a record is appended to the
open batch of its partition, in C, and a batch goes out when it is full or some milliseconds old. The partition is
that of Java's default partitioner, so that all producers agree on the partition of a subscriber.
"""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future as ThreadFuture
from functools import partial
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer, errors
from aiokafka.partitioner import murmur2
from kafka.errors import KafkaConnectionError, KafkaTimeoutError

from forewarn.platform.kafka import aiokafka_arguments
from forewarn.platform.settings import KafkaSettings

BATCH_BYTES = 256 * 1024
LINGER_SECONDS = 0.02
BATCHES_UNDER_WAY = 64
"""At most so many wait for an acknowledgement; beyond, the loop that sends waits: about 16 MB."""

_KEYS_REMEMBERED = 500_000

_ABOUT_RECORDS = (
    errors.MessageSizeTooLargeError, errors.RecordListTooLargeError, errors.InvalidTimestampError,
    errors.CorruptRecordException, errors.PolicyViolationError, errors.UnknownError,
)  # fmt: skip
"""Refusals that may concern one record of a batch only; ``UnknownError`` stands for INVALID_RECORD as well."""

Record = tuple[bytes | None, bytes]


Done = Callable[..., object]
"""Gets the arguments of the record, and None, or the error with which Kafka refused it."""


class EventRefusedError(Exception):
    """Kafka refuses this one record, whatever batch it is in; the cause is the client's error."""

    def __str__(self) -> str:
        return f"{type(self.__cause__).__name__}: {self.__cause__}"


class BatchFuture:
    """The acknowledgements of the records of one batch, in their order; they may come before they are awaited."""

    __slots__ = ("_calls", "_errors", "_guard", "_whole")

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._calls: list[tuple[Done, tuple[Any, ...]]] = []
        self._errors: dict[int, BaseException] | None = None
        self._whole: BaseException | None = None

    def when_settled(self, call: Done, *arguments: Any) -> None:
        """Call when Kafka has the next record of the batch, or has refused it."""
        with self._guard:
            number = len(self._calls)
            self._calls.append((call, arguments))
            if self._errors is None:
                return
        call(*arguments, self._whole or self._errors.get(number))

    def settle(
        self, whole: BaseException | None, errors: dict[int, BaseException] | None = None
    ) -> None:
        """Pass the results on.

        Args:
            whole: an error that all records share.
            errors: of single records, by their places in the batch.
        """
        with self._guard:
            self._whole, self._errors = whole, errors or {}
            calls = list(self._calls)
        for number, (call, arguments) in enumerate(calls):
            call(*arguments, whole or self._errors.get(number))


class _Open:
    """A batch that still takes records."""

    __slots__ = ("builder", "future", "records", "since", "where")

    def __init__(self, builder: Any, where: tuple[str, int]) -> None:
        self.builder, self.where = builder, where
        self.records: list[Record] = []
        self.future, self.since = BatchFuture(), time.monotonic()


class BatchProducer:
    """Sends records; the interface is that of kafka-python's producer, as far as replay needs it.

    Args:
        settings: of the connection.

    Raises:
        kafka and aiokafka errors: if there is no connection.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._timeout = settings.request_timeout_seconds
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="producer", daemon=True)
        self._guard = threading.Lock()
        self._open: dict[tuple[str, int], _Open] = {}
        self._counts: dict[str, int] = {}
        self._places: dict[bytes, int] = {}
        self._spread = itertools.count()
        self._isolating: set[asyncio.Task[None]] = set()
        self._room = threading.BoundedSemaphore(BATCHES_UNDER_WAY)
        self._thread.start()
        self._producer = self._run(self._started(settings))
        self._queue: asyncio.Queue[_Open] = asyncio.Queue()
        self._tasks = [
            asyncio.run_coroutine_threadsafe(task, self._loop)
            for task in (self._linger(), self._hand_over())
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(timeout=self._timeout)

    def send(self, topic: str, value: bytes, key: bytes | None = None) -> BatchFuture:
        """Append a record to the batch of its partition.

        Raises:
            KafkaTimeoutError: if no batch was acknowledged for the request timeout.
        """
        count = self._counts.get(topic) or self._counted(topic)
        if key is None:
            place = next(self._spread) % count
        else:
            place = self._places.get(key, -1)
            if place < 0:
                place = self._placed(key)
            place %= count
        where = (topic, place)
        with self._guard:
            batch = self._open.get(where)
            if batch is not None:
                if batch.builder.append(key=key, value=value, timestamp=None) is not None:
                    batch.records.append((key, value))
                    return batch.future
                del self._open[where]
        if batch is not None:
            self._dispatch(batch)
        batch = _Open(self._producer.create_batch(), where)
        batch.builder.append(key=key, value=value, timestamp=None)
        batch.records.append((key, value))
        with self._guard:
            self._open[where] = batch
        return batch.future

    def flush(self, timeout: float | None = None) -> None:
        """Send what is open and wait until everything was acknowledged or refused.

        Raises:
            KafkaTimeoutError: if that takes longer than the timeout, in seconds.
        """
        for batch in self._taken(time.monotonic(), with_room=False):
            self._dispatch(batch)
        deadline = time.monotonic() + (timeout or 10 * self._timeout)
        for _ in range(BATCHES_UNDER_WAY):
            if not self._room.acquire(timeout=max(deadline - time.monotonic(), 0)):
                raise KafkaTimeoutError("batches are not acknowledged")
        self._room.release(BATCHES_UNDER_WAY)

    def close(self, timeout: float | None = None) -> None:
        """Stop; what was not flushed is lost."""
        for task in self._tasks:
            task.cancel()
        self._run(self._producer.stop(), timeout)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout)

    async def _started(self, settings: KafkaSettings) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **aiokafka_arguments(settings), acks="all", max_batch_size=BATCH_BYTES, linger_ms=0
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _linger(self) -> None:
        """Hand over batches that no further record fills."""
        while True:
            await asyncio.sleep(LINGER_SECONDS)
            limit = time.monotonic() - LINGER_SECONDS
            for batch in self._taken(limit, with_room=True):
                self._queue.put_nowait(batch)

    def _taken(self, limit: float, *, with_room: bool) -> list[_Open]:
        """Batches opened until then, which take no further records; ``with_room`` as many as may go out."""
        taken = []
        with self._guard:
            for where, batch in list(self._open.items()):
                if batch.since > limit or (with_room and not self._room.acquire(blocking=False)):
                    continue
                del self._open[where]
                taken.append(batch)
        return taken

    def _dispatch(self, batch: _Open) -> None:
        if not self._room.acquire(timeout=self._timeout):
            raise KafkaTimeoutError("no batch was acknowledged in time")
        self._loop.call_soon_threadsafe(self._queue.put_nowait, batch)

    async def _hand_over(self) -> None:
        """One after another, so that the batches of a partition keep their order."""
        while True:
            batch = await self._queue.get()
            topic, partition = batch.where
            try:
                sent = await self._producer.send_batch(batch.builder, topic, partition=partition)
            except Exception as error:  # noqa: BLE001  whatever it is, the records are not in Kafka
                self._settled(batch, error)
                continue
            sent.add_done_callback(partial(self._acknowledged, batch))

    def _acknowledged(self, batch: _Open, sent: "asyncio.Future[Any]") -> None:
        error = sent.exception()
        if isinstance(error, _ABOUT_RECORDS):
            self._isolating.add(task := self._loop.create_task(self._isolated(batch, error)))
            task.add_done_callback(self._isolating.discard)
        else:
            self._settled(batch, error)

    async def _isolated(self, batch: _Open, error: BaseException) -> None:
        """Send the records of a refused batch in ever smaller ones, until those that are refused stand alone.

        They keep their order among each other; a batch that was on its way behind them may overtake them.
        """
        found: dict[int, BaseException] = {}
        try:
            await self._split(batch.where, 0, batch.records, error, found)
        except Exception as whole:  # noqa: BLE001  whatever it is, not all records are in Kafka
            self._settled(batch, whole)
        else:
            self._settled(batch, None, found)

    async def _split(
        self,
        where: tuple[str, int],
        start: int,
        records: list[Record],
        error: BaseException,
        found: dict[int, BaseException],
    ) -> None:
        """Send refused records in halves; those that are refused alone are found, by their places."""
        if len(records) == 1:
            found[start] = EventRefusedError()
            found[start].__cause__ = error
            return
        middle = len(records) // 2
        for place, half in ((start, records[:middle]), (start + middle, records[middle:])):
            builder = self._producer.create_batch()
            for key, value in half:
                builder.append(key=key, value=value, timestamp=None)
            topic, partition = where
            try:
                await (await self._producer.send_batch(builder, topic, partition=partition))
            except _ABOUT_RECORDS as again:
                await self._split(where, place, half, again, found)

    def _settled(
        self,
        batch: _Open,
        error: BaseException | None,
        refused: dict[int, BaseException] | None = None,
    ) -> None:
        batch.future.settle(error, refused)
        self._room.release()

    def _counted(self, topic: str) -> int:
        found = self._run(self._producer.partitions_for(topic))
        self._counts[topic] = len(found)
        return len(found)

    def _placed(self, key: bytes) -> int:
        if len(self._places) >= _KEYS_REMEMBERED:
            self._places.clear()
        place = self._places[key] = murmur2(key) & 0x7FFFFFFF
        return int(place)

    def _run(self, work: Any, timeout: float | None = None) -> Any:
        running: ThreadFuture[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result(timeout)
        except errors.KafkaError as error:  # callers know the errors of kafka-python only
            raise KafkaConnectionError(f"{type(error).__name__} {error}") from error
