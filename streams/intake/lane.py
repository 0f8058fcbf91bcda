"""A lane: one loop that takes batches from its partitions and has them processed in order."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import structlog

from forewarn.errors import ForewarnError
from streams.intake.batch_assembly import Batch, BatchAssembly
from streams.intake.open_partition import OpenPartition
from streams.intake.partition_buffer import Chunk

log = structlog.get_logger(__name__)

GATHER_SECONDS = 0.005
"""Longest wait for the rest of one fetch: a batch has a fixed cost, worth that of many events."""

ALIGN_CHECK_SECONDS = 0.02
"""How often a partition that waits for its other topic is looked at again."""


class AbandonedError(ForewarnError):
    """All partitions of the batch were revoked while it waited; their next owner repeats it."""


class Computed(Protocol):
    """A batch on which everything is decided."""

    @property
    def recovers(self) -> bool:
        """Whether a chunk is repeated from its journal."""
        ...


C = TypeVar("C", bound=Computed)


class Processor(Protocol[C]):
    """Opens and closes partitions, and processes batches of them."""

    async def open(self, partition: int, committed: Sequence[int | None]) -> OpenPartition:
        """Take the partition over and read its journal; Kafka sends from ``committed`` on."""

    async def compute(self, batch: Sequence[tuple[OpenPartition, Chunk]]) -> C:
        """Decide on the events of a batch, without any effect; the batch before it has to be written."""
        ...

    async def write(self, batch: C) -> None:
        """Write the state after a batch; the batch before it has to be complete."""

    async def complete(self, batch: C) -> None:
        """Send the outputs of a batch; returns when they are acknowledged."""

    async def close(self, partition: OpenPartition) -> None:
        """Note in the journal that nothing of the partition is half done."""


class Lane:
    """One loop over batches; its owner adds and removes ``partitions`` as assignments change.

    While Kafka acknowledges the outputs of a batch, the next one is loaded and computed. It is written only when
    the one before it is complete, for its journals replace those of that batch.

    Args:
        number: names the lane in logs.
        processor: processes batches.
        assembly: chooses the chunks of a batch.
        worth_waiting: whether the next batch would grow by waiting for the rest of a fetch.
        on_failure: called once with an error that no retry resolves.
        gather_seconds: longest wait for the rest of a fetch.
    """

    def __init__(
        self,
        number: int,
        *,
        processor: Processor[Any],
        assembly: BatchAssembly,
        worth_waiting: Callable[["Lane"], bool],
        on_failure: Callable[[BaseException], None],
        gather_seconds: float,
    ) -> None:
        self.partitions: dict[int, OpenPartition] = {}
        self.moved_at = time.monotonic()
        self.busy = False
        self._number = number
        self._processor = processor
        self._assembly = assembly
        self._worth_waiting = worth_waiting
        self._on_failure = on_failure
        self._gather_seconds = gather_seconds
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._taken = asyncio.Condition()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._in_hand = 0
        self._completion: asyncio.Task[None] | None = None

    @property
    def buffered_events(self) -> int:
        """Events that wait in the lane's partitions."""
        return sum(partition.buffer.events for partition in self.partitions.values())

    @property
    def asked(self) -> bool:
        """Whether a payment is buffered that a bank waits for."""
        return any(partition.buffer.asked for partition in self.partitions.values())

    def start(self) -> None:
        """Start the loop."""
        self._task = asyncio.create_task(self._run(), name=f"lane-{self._number}")

    async def stop(self) -> None:
        """Cancel the loop and wait for its end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """Look for a batch now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake.set()

    def wake_soon(self) -> None:
        """Look for a batch after ``gather_seconds`` at the latest."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._gather_seconds, self.wake)

    async def wait_idle(self) -> None:
        """Wait until no batch is in hand, or the loop has ended."""
        if self._task is None or self._task.done():
            return
        waiter = asyncio.create_task(self._idle.wait())
        await asyncio.wait({waiter, self._task}, return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()

    async def wait_taken(self) -> None:
        """Wait until a batch was taken from the lane's buffers and finished, or a second passed."""
        async with self._taken:
            try:
                await asyncio.wait_for(self._taken.wait(), timeout=1.0)
            except TimeoutError:
                return

    async def _run(self) -> None:
        try:
            while True:
                await self._step()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            log.exception("lane_failed", lane=self._number)
            self._on_failure(error)
        finally:
            if self._completion is not None:
                self._completion.cancel()
            self._idle.set()

    async def _step(self) -> None:
        self._wake.clear()
        if self._completion is not None and self._completion.done():
            await self._completed()
        if self._worth_waiting(self):
            self.wake_soon()
            await self._wake.wait()
            self._wake.clear()
        batch = self._assembly.next_batch(self.partitions, time.monotonic())
        if not batch:
            await self._wait_for_records()
            return
        self._begin()
        try:
            computed = await self._processor.compute(batch)
            await self._completed()
            await self._processor.write(computed)
        except AbandonedError:
            log.info("batch_abandoned", lane=self._number)
            self._end()
        except BaseException:
            self._end()
            raise
        else:
            self._completion = asyncio.create_task(self._complete(batch, computed))
            self._completion.add_done_callback(lambda _task: self.wake())
            if computed.recovers:  # what follows a repeated chunk is taken once it is done
                await self._completed()
        async with self._taken:
            self._taken.notify_all()

    async def _complete(self, batch: Batch, computed: Computed) -> None:
        try:
            await self._processor.complete(computed)
        except AbandonedError:
            log.info("batch_abandoned", lane=self._number)
        else:
            for partition, chunk in batch:
                if not partition.fenced:
                    chunk.acknowledge()
        finally:
            self._end()
        async with self._taken:
            self._taken.notify_all()

    async def _completed(self) -> None:
        """Wait until the batch before is complete; raises what went wrong in it."""
        completion, self._completion = self._completion, None
        if completion is not None:
            await completion

    def _begin(self) -> None:
        self._in_hand += 1
        self.busy = True
        self._idle.clear()
        self.moved_at = time.monotonic()

    def _end(self) -> None:
        self._in_hand -= 1
        self.moved_at = time.monotonic()
        if not self._in_hand:
            self.busy = False
            self._idle.set()

    async def _wait_for_records(self) -> None:
        """Sleep until woken; briefly while a partition waits for its other topic."""
        holding = any(not partition.buffer.empty for partition in self.partitions.values())
        try:
            await asyncio.wait_for(
                self._wake.wait(), timeout=ALIGN_CHECK_SECONDS if holding else None
            )
        except TimeoutError:
            return
