"""The service beside the Faust app: it starts before the app and stops after it.

It owns the lanes, the producer, the store and the slow loops (heartbeat, reload, gauges), and tells
the probes the truth about all of them.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor

import faust
import structlog
from faust.types import TP
from mode import Service

from features.store import FencedError, StateStore
from forewarn.contracts.topics import SOURCES
from forewarn.errors import ForewarnError
from forewarn.platform.settings import WorkerSettings
from streams.intake.key_placement import KeyPlacement
from streams.intake.lanes import AbandonedError, Lanes, Processor
from streams.intake.record_decoder import decode_records, require_same_topic
from streams.model.lists_consumer import ListsConsumer
from streams.model.reloader import Reloader
from streams.pipeline.batch_processor import Dependency
from streams.pipeline.producer import OutputProducer
from streams.transport import ChunkConsumer, FetchedRecords, Partition
from streams.worker.consumer_lag import Lag
from streams.worker.health import WorkerHealth
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)

GAUGE_SECONDS = 1.0

DOUBT_SECONDS = 30.0
"""After this long without a fetch Kafka is asked whether it is there."""

FENCED_SESSIONS = 3
"""Sessions after which a fenced partition must have been revoked, if another worker has it."""


class Runtime(Service):
    """Everything of a worker but the Faust app.

    Args:
        settings: bounds and intervals.
        topics: names in the cluster of the source topics, in order.
        partitions: of each of them.
        store: not opened.
        new_store: an empty store is no loss (nothing was ever consumed).
        outputs: not started.
        lists: not started.
        reloader: started already.
        health: told about everything.
        metrics: gauges are refreshed here.
        executor: for blocking reloads.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        topics: tuple[str, ...],
        partitions: int,
        store: StateStore,
        new_store: bool,
        outputs: OutputProducer,
        lists: ListsConsumer,
        reloader: Reloader,
        health: WorkerHealth,
        metrics: WorkerMetrics,
        executor: Executor,
    ) -> None:
        super().__init__()
        self._settings = settings
        self._topics = topics
        self._placement = KeyPlacement(partitions, metrics)
        self._lag = Lag(topics, metrics)
        self._store = store
        self._new_store = new_store
        self._outputs = outputs
        self._lists = lists
        self._reloader = reloader
        self._health = health
        self._metrics = metrics
        self._executor = executor
        self._waiting: dict[Dependency, set[tuple[int, ...]]] = {}
        self._waited_at = time.monotonic()
        self._failed_commits = 0
        self._assigned: tuple[int, ...] = ()
        self._fenced_since: dict[int, float] = {}
        self._lanes: Lanes | None = None
        self._app: faust.App | None = None

    def attach(self, app: faust.App, processor: Processor) -> None:
        """Bind to the app whose agents feed the lanes."""
        self._app = app
        app.transport.listener = self
        self._lanes = Lanes(
            processor,
            count=self._settings.lanes,
            batch_events=self._settings.batch_events,
            buffered_events=self._settings.buffered_events,
            behind=self._behind,
            arriving=self._arriving,
            on_failure=self._fail,
            on_dropped=self._metrics.dropped_journals.inc,
        )

    @property
    def lanes(self) -> Lanes:
        """The lanes; raises RuntimeError before ``attach``."""
        if self._lanes is None:
            raise RuntimeError("attach an app first")
        return self._lanes

    # -- service

    async def on_start(self) -> None:
        """Connect the producer and start the lanes and the slow loops."""
        identity = await self._store.open(create=self._new_store)
        log.info("store_opened", identity=identity)
        await self._outputs.start()
        await self._lists.start()
        self.lanes.start()
        for loop in (self._health.beat, self._poll_reload, self._refresh, self._lists.follow):
            self.add_future(loop())
        self._health.tell(model_loaded=True)

    async def on_stop(self) -> None:
        """Close the partitions with a note that they are done, and disconnect."""
        self._health.tell(draining=True)
        await self.lanes.stop()
        await self._outputs.stop()
        await self._lists.stop()
        await self._store.close()

    # -- intake

    async def receive(
        self, source: int, chunk: FetchedRecords, acknowledge: Callable[[], None]
    ) -> None:
        """Decode a fetched chunk and queue it; returns when there is room for the next."""
        self._placement.look(source, chunk)
        committed = [
            self._consumer.settled(self._of(s, chunk.partition)) for s in range(len(SOURCES))
        ]
        try:
            partition = await self.lanes.partition(chunk.partition, committed)
        except AbandonedError:
            return  # not acknowledged: the next owner reads it again
        floor = partition.buffer.done[source]
        run = decode_records(
            chunk.records,
            source=source,
            topic=chunk.topic,
            partition=chunk.partition,
            next_offset=chunk.next_offset,
            acknowledge=acknowledge,
            now_ms=time.time_ns() // 1_000_000,
            acceptance=self._settings.acceptance,
            from_offset=floor,
        )
        skipped = len(chunk) - len(run.events) - len(run.dead_letters)
        if skipped:
            end = self._consumer.highwater(TP(*self._of(source, chunk.partition)))
            require_same_topic(chunk.topic, chunk.partition, floor, end)
            self._metrics.redelivered.labels(SOURCES[source]).inc(skipped)
        if not run.events and not run.dead_letters:
            acknowledge()
            return
        await self.lanes.put(partition, run)

    # -- assignment, told by the transport

    async def on_assigned(self, partitions: frozenset[Partition]) -> None:
        """Take note of them; each is opened when its first chunk arrives.

        Reading starts again at the committed offsets, so what is still held would come twice.
        """
        await self.lanes.close(tuple(self.lanes.open_partitions))
        numbers = sorted({partition.partition for partition in partitions})
        self._assigned = tuple(numbers)
        self._health.tell(joined=True, partitions=len(numbers), rebalancing=False)
        log.info("assigned", partitions=numbers)

    async def on_revoked(self, partitions: frozenset[Partition]) -> None:
        """Give the partitions back."""
        numbers = sorted({partition.partition for partition in partitions})
        self._health.tell(rebalancing=True)
        log.info("revoked", partitions=numbers)
        self._assigned = ()
        await self.lanes.close(numbers)
        self._lag.forget(numbers)  # the next owner shows them from now on

    # -- what others ask or tell

    def on_wait(self, dependency: Dependency, why: str | None, numbers: tuple[int, ...]) -> None:
        """A batch of these partitions finds a dependency away (why), or waits no more (None)."""
        waiting = self._waiting.setdefault(dependency, set())
        if why is None:
            waiting.discard(numbers)
        else:
            waiting.add(numbers)
        for number in numbers:  # an attempt is progress of this lane, and of no other
            self.lanes.moved(number)
        self._metrics.waiting.labels(dependency).set(1 if waiting else 0)
        if dependency == "redis":
            self._health.tell(redis_reachable=not waiting)

    @property
    def _consumer(self) -> ChunkConsumer:
        if self._app is None:
            raise RuntimeError("attach an app first")
        consumer: ChunkConsumer = self._app.consumer
        return consumer

    def _of(self, source: int, partition: int) -> Partition:
        return Partition(self._topics[source], partition)

    def _arriving(self) -> bool:
        """Whether chunks that were fetched together are still being handed to agents."""
        return self._app is not None and bool(self._app.consumer.delivering)

    def _behind(self, source: int, partition: int) -> bool | None:
        """Whether Kafka holds records of the source that were not fetched yet."""
        return self._consumer.has_more(self._of(source, partition))

    def _fail(self, error: BaseException) -> None:
        """Bring the worker down: nothing was acknowledged, the next start goes on from there."""
        if self._app is not None:
            self.add_future(self._app.crash(error))

    # -- slow loops

    async def _poll_reload(self) -> None:
        loop = asyncio.get_running_loop()
        while not self.should_stop:
            await self.sleep(self._settings.reload_seconds)
            await loop.run_in_executor(self._executor, self._reloader.poll)

    async def _refresh(self) -> None:
        """Keep gauges and probes current, and notice a Redis that is away while all is quiet."""
        while not self.should_stop:
            await self._ping()
            self._metrics.buffered.set(self.lanes.buffered_events)
            if self._health.facts.joined:
                await self._watch(time.monotonic())
                self._show(self._consumer)
            self._leave_fenced(time.monotonic())
            await self.sleep(GAUGE_SECONDS)

    def _show(self, consumer: ChunkConsumer) -> None:
        self._lag.show(consumer, self.lanes.open_partitions, self._assigned, time.time())
        failed = consumer.failed_commits
        self._metrics.failed_commits.inc(failed - self._failed_commits)
        self._failed_commits = failed

    async def _watch(self, now: float) -> None:
        """Tell the probes since when what should move does not, for whatever reason of ours."""
        # Agents that wait for a dependency acknowledge and fetch nothing. A journalled chunk waits
        # for Kafka alone.
        if any(self._waiting.values()) or self.lanes.recovering:
            self._waited_at = now
        consumer = self._consumer
        moved = [moved_at for busy, moved_at in self.lanes.progress if busy]
        if consumer.seconds_without_progress:
            moved.append(max(now - consumer.seconds_without_progress, self._waited_at))
        doubtful = now - max(consumer.fetched_at, self._waited_at) > DOUBT_SECONDS
        # A rebalance does not end, or Kafka is away, which a restart would not mend.
        if doubtful and not await self._lists.answers():
            self._waited_at = now
        self._health.tell(
            stuck_since=min(moved, default=None),
            consuming_at=max(consumer.fetched_at, self._waited_at),
        )

    def _leave_fenced(self, now: float) -> None:
        """Go down if a partition stays fenced and ours: nobody works on it, and no probe shows it.

        That is so when its last owner took it over once more, late; a new start takes it back.
        """
        fenced = [number for number, p in self.lanes.open_partitions.items() if p.fenced]
        self._fenced_since = {number: self._fenced_since.get(number, now) for number in fenced}
        bound_seconds = FENCED_SESSIONS * self._settings.session_seconds
        if any(now - since > bound_seconds for since in self._fenced_since.values()):
            self._fenced_since.clear()
            self._fail(FencedError(fenced))

    async def _ping(self) -> None:
        if self._waiting.get("redis"):
            return  # a lane asks already, and says when it is back
        try:
            await self._store.ping()
        except ForewarnError as error:
            self._health.tell(redis_reachable=False)
            log.warning("redis_unreachable", why=str(error))
        else:
            self._health.tell(redis_reachable=True)
