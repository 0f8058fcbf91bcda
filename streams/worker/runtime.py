"""The service beside the Faust app: it starts before the app and stops after it.

It owns the lanes, the producer, the store and the periodic tasks (heartbeat, reload, gauges), and
reports the state of all of them to the probes.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import faust
import structlog
from faust.types import TP
from mode import Service

from features.store import FencedError, StateStore
from forewarn.contracts.topics import SOURCES
from forewarn.errors import ForewarnError
from forewarn.platform.settings import WorkerSettings
from forewarn.platform.watched_file import RELOAD_SECONDS
from streams.intake.key_placement import KeyPlacement
from streams.intake.lane import AbandonedError, Processor
from streams.intake.lanes import Lanes
from streams.intake.record_decoder import decode_records, require_same_topic
from streams.model.lists_consumer import ListsConsumer
from streams.model.reloader import Reloader
from streams.pipeline.dependency_retry import Dependency
from streams.pipeline.producer import OutputProducer
from streams.transport import ChunkConsumer, FetchedRecords, Partition
from streams.worker.consumer_lag import ConsumerLag
from streams.worker.health import WorkerHealth
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)

GAUGE_SECONDS = 1.0

DOUBT_SECONDS = 30.0
"""After this long without a fetch, the worker checks whether Kafka answers."""

FENCED_SESSIONS = 3
"""Sessions after which a fenced partition must have been revoked, if another worker owns it."""


class Runtime(Service):
    """All parts of a worker except the Faust app.

    Args:
        settings: bounds and intervals.
        topics: names in the cluster of the source topics, in order.
        partitions: of each of them.
        store: not opened.
        new_store: an empty store is expected, since nothing was ever consumed.
        outputs: not started.
        lists: not started.
        reloader: started already.
        health: facts for the probes.
        metrics: the gauges.
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
        self._lag = ConsumerLag(topics, metrics)
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

    def attach(self, app: faust.App, processor: Processor[Any]) -> None:
        """Connect the lanes to the app whose agents feed them."""
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
            on_journal_dropped=self._metrics.dropped_journals.inc,
        )

    @property
    def lanes(self) -> Lanes:
        """The lanes; raises RuntimeError before ``attach``."""
        if self._lanes is None:
            raise RuntimeError("attach an app first")
        return self._lanes

    # -- service

    async def on_start(self) -> None:
        """Connect the producer and start the lanes and the periodic tasks."""
        # First: a worker that waits for Redis or Kafka here is alive, and a restart would repair nothing.
        self.add_future(self._health.beat())
        identity = await self._store.open(create=self._new_store)
        log.info("store_opened", identity=identity)
        await self._outputs.start()
        await self._lists.start()
        self.lanes.start()
        for task in (self._poll_reload, self._refresh, self._lists.follow):
            self.add_future(task())
        self._health.update(model_loaded=True)

    async def on_stop(self) -> None:
        """Close the partitions and disconnect."""
        self._health.update(draining=True)
        await self.lanes.stop()
        await self._outputs.stop()
        await self._lists.stop()
        await self._store.close()

    # -- intake

    async def receive(
        self, source: int, fetched: FetchedRecords, acknowledge: Callable[[], None]
    ) -> None:
        """Decode fetched records and queue them; returns when there is room for the next."""
        self._placement.observe(source, fetched)
        number = fetched.partition
        try:
            partition = await self.lanes.partition(number, lambda: self._committed(number))
        except AbandonedError:
            return  # not acknowledged: the next owner reads it again
        floor = partition.buffer.done[source]
        decoded = decode_records(
            fetched.records,
            source=source,
            topic=fetched.topic,
            partition=fetched.partition,
            next_offset=fetched.next_offset,
            acknowledge=acknowledge,
            now_ms=time.time_ns() // 1_000_000,
            acceptance=self._settings.acceptance,
            from_offset=floor,
        )
        skipped = len(fetched) - len(decoded.events) - len(decoded.dead_letters)
        if skipped:
            end = self._consumer.highwater(TP(*self._of(source, fetched.partition)))
            require_same_topic(fetched.topic, fetched.partition, floor, end)
            self._metrics.redelivered.labels(SOURCES[source]).inc(skipped)
        if not decoded.events and not decoded.dead_letters:
            acknowledge()
            return
        await self.lanes.put(partition, decoded)

    def _committed(self, partition: int) -> list[int | None]:
        """Offset of each source from which Kafka sends; None for its beginning."""
        return [
            self._consumer.settled(self._of(source, partition)) for source in range(len(SOURCES))
        ]

    # -- assignment, called by the transport

    async def on_assigned(self, partitions: frozenset[Partition]) -> None:
        """Drop held records; each partition is opened when its first records arrive.

        Reading starts again at the committed offsets, so held records would come twice.
        """
        await self.lanes.close(tuple(self.lanes.open_partitions))
        numbers = sorted({partition.partition for partition in partitions})
        self._assigned = tuple(numbers)
        self._health.update(joined=True, partitions=len(numbers), rebalancing=False)
        log.info("partitions_assigned", partitions=numbers)

    async def on_revoked(self, partitions: frozenset[Partition]) -> None:
        """Give the partitions back."""
        numbers = sorted({partition.partition for partition in partitions})
        self._health.update(rebalancing=True)
        log.info("partitions_revoked", partitions=numbers)
        self._assigned = ()
        await self.lanes.close(numbers)
        self._lag.forget(numbers)  # the next owner reports them from now on

    # -- callbacks

    def on_wait(self, dependency: Dependency, why: str | None, numbers: tuple[int, ...]) -> None:
        """Note that a batch of these partitions waits for a dependency (why), or continues (None)."""
        waiting = self._waiting.setdefault(dependency, set())
        if why is None:
            waiting.discard(numbers)
        else:
            waiting.add(numbers)
        for number in numbers:  # an attempt is progress of this lane only
            self.lanes.note_progress(number)
        self._metrics.waiting.labels(dependency).set(1 if waiting else 0)
        if dependency == "redis":
            self._health.update(redis_reachable=not waiting)

    @property
    def _consumer(self) -> ChunkConsumer:
        if self._app is None:
            raise RuntimeError("attach an app first")
        consumer: ChunkConsumer = self._app.consumer
        return consumer

    def _of(self, source: int, partition: int) -> Partition:
        return Partition(self._topics[source], partition)

    def _arriving(self) -> bool:
        """Whether records of the last fetch are still being handed to agents."""
        return self._app is not None and bool(self._app.consumer.delivering)

    def _behind(self, source: int, partition: int) -> bool | None:
        """Whether Kafka holds records of the source that were not fetched yet."""
        return self._consumer.has_more(self._of(source, partition))

    def _fail(self, error: BaseException) -> None:
        """Stop the worker; the next start continues from the acknowledged offsets."""
        if self._app is not None:
            self.add_future(self._app.crash(error))

    # -- periodic tasks

    async def _poll_reload(self) -> None:
        loop = asyncio.get_running_loop()
        while not self.should_stop:
            await self.sleep(RELOAD_SECONDS)
            await loop.run_in_executor(self._executor, self._reloader.poll)

    async def _refresh(self) -> None:
        """Update gauges and probes, and detect an absent Redis while no batch uses it."""
        while not self.should_stop:
            await self._ping()
            self._metrics.buffered.set(self.lanes.buffered_events)
            if self._health.facts.joined:
                await self._check_progress(time.monotonic())
                self._update_lag(self._consumer)
            self._stop_if_fenced(time.monotonic())
            await self.sleep(GAUGE_SECONDS)

    def _update_lag(self, consumer: ChunkConsumer) -> None:
        oldest = self._lag.update(consumer, self.lanes.open_partitions, self._assigned, time.time())
        self._health.update(oldest=oldest)
        failed = consumer.failed_commits
        self._metrics.failed_commits.inc(failed - self._failed_commits)
        self._failed_commits = failed

    async def _check_progress(self, now: float) -> None:
        """Report to the probes since when batches or fetches make no progress by our own fault."""
        # Agents that wait for a dependency acknowledge and fetch nothing. A journalled chunk waits
        # for Kafka only.
        if any(self._waiting.values()) or self.lanes.recovering:
            self._waited_at = now
        consumer = self._consumer
        moved = [moved_at for busy, moved_at in self.lanes.progress if busy]
        if consumer.seconds_without_progress:
            moved.append(max(now - consumer.seconds_without_progress, self._waited_at))
        doubtful = now - max(consumer.fetched_at, self._waited_at) > DOUBT_SECONDS
        # Either a rebalance does not end, or Kafka is away, which a restart would not repair.
        if doubtful and not await self._lists.answers():
            self._waited_at = now
        self._health.update(
            stuck_since=min(moved, default=None),
            consuming_at=max(consumer.fetched_at, self._waited_at),
        )

    def _stop_if_fenced(self, now: float) -> None:
        """Stop the worker if a partition stays both fenced and assigned: it would never progress.

        That happens when its previous owner took it over again, late; a restart takes it back.
        """
        fenced = [number for number, p in self.lanes.open_partitions.items() if p.fenced]
        self._fenced_since = {number: self._fenced_since.get(number, now) for number in fenced}
        bound_seconds = FENCED_SESSIONS * self._settings.session_seconds
        if any(now - since > bound_seconds for since in self._fenced_since.values()):
            self._fenced_since.clear()
            self._fail(FencedError(fenced))

    async def _ping(self) -> None:
        if self._waiting.get("redis"):
            return  # a lane tries already, and reports when Redis is back
        try:
            await self._store.ping()
        except ForewarnError as error:
            self._health.update(redis_reachable=False)
            log.warning("redis_unreachable", why=str(error))
        else:
            self._health.update(redis_reachable=True)
