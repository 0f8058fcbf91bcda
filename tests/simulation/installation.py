"""An installation in one process: the worker's own batch processor over a log, a store and outputs
that live in memory and fail on purpose.

Workers are tasks that take turns at every wait, so their batches interleave. A crash ends a worker
wherever it waits and takes all that it had in memory; a newcomer takes its partitions over, sometimes
while the old owner still works. Everything follows from one seed, which a failing test prints.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry

from features.catalog import CATALOG
from features.engine import Engine
from features.store.state_store import Conflict, JournalWrite, Write
from forewarn.contracts import Acceptance, encode
from forewarn.contracts.topics import SOURCES
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.telemetry.tracing import NoTracer
from streams.intake.open_partition import OpenPartition
from streams.intake.partition_buffer import Chunk
from streams.intake.record_decoder import decode_records
from streams.pipeline.batch_processor import BatchProcessor, ComputedBatch
from streams.pipeline.commit import JournalCommit
from streams.pipeline.dependency_retry import DependencyRetry
from streams.pipeline.explain import Explainer, WarningBuilder
from streams.pipeline.job import DecisionJob
from streams.pipeline.job_computation import JobComputation
from streams.pipeline.job_report import JobReport
from streams.pipeline.messages import LiveFeatures, OutputTopics
from streams.pipeline.payment_answers import AnswerBuilder
from streams.pipeline.producer import KeyValue
from streams.pipeline.quarantine import Quarantine
from streams.pipeline.state_io import StateIO
from streams.worker_metrics import WorkerMetrics
from tests.contract.memory_store import MemoryStateStore
from tests.simulation.little_town import Fact, topic_of

PSEUDONYMISER = Pseudonymiser(b"a key that only tests use")


class Crash(BaseException):
    """The process is gone."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A record of the log."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Faults:
    """Decides by a seed where a worker crashes; counts where it did.

    Each step crashes once for certain, on one of its first visits, and later by chance.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.chance = 0.0
        self.crashes: Counter[str] = Counter()
        self._first: dict[str, int] = {}

    async def step(self, name: str) -> None:
        """Let others go first, then go on or crash."""
        for _ in range(self.rng.randrange(4)):
            await asyncio.sleep(0)
        if not self.chance:
            return
        visits_left = self._first.setdefault(name, self.rng.randrange(1, 12)) - 1
        self._first[name] = visits_left
        if visits_left == 0 or self.rng.random() < self.chance:
            self.crashes[name] += 1
            raise Crash(name)


class ShakyStore(MemoryStateStore):
    """A store whose callers may crash before, in the middle of and after each operation.

    Records of one commit may land in two parts, as they do on a cluster.
    """

    def __init__(self, faults: Faults) -> None:
        super().__init__(now_ms=lambda: 0)
        self._faults = faults

    async def load(self, keys: Sequence[bytes]) -> list[bytes | None]:
        await self._faults.step("before loading")
        return await super().load(keys)

    async def commit(
        self,
        writes: Sequence[Write],
        *,
        journals: Sequence[JournalWrite] = (),
        epochs: Mapping[int, int] | None = None,
    ) -> list[Conflict]:
        await self._faults.step("before the journal")
        await super().commit([], journals=journals, epochs=epochs)
        await self._faults.step("between journal and records")
        half = len(writes) // 2
        conflicts = await super().commit(writes[:half])
        await self._faults.step("between records")
        for conflict in await super().commit(writes[half:]):
            conflicts.append(Conflict(conflict.index + half, conflict.key, conflict.record))
        await self._faults.step("after the records")
        return conflicts


class ShakyOutputs:
    """Topics of outputs; a producer may crash between the records of a batch."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.records: dict[tuple[str, int], list[bytes]] = defaultdict(list)

    async def send_all(self, parts: Iterable[tuple[str, int, Sequence[KeyValue]]]) -> None:
        await self._faults.step("before producing")
        for topic, partition, records in parts:
            for _, value in records:
                if self._faults.rng.random() < 0.2:
                    await self._faults.step("between outputs")
                self.records[topic, partition].append(value)
        await self._faults.step("before the acknowledgement")


class SilentDecider:
    """Scores everything the same and raises no warning."""

    def score(self, jobs: Sequence[DecisionJob], _bundle: object) -> None:
        for job in jobs:
            job.probabilities = np.zeros(len(job.rows))

    def challenge(self, *_: object) -> None: ...

    def screen(self, *_: object) -> None: ...

    def decide(self, *_: object) -> None: ...

    def count(self, _job: DecisionJob) -> None: ...


BUNDLE: Any = SimpleNamespace(
    scorer=SimpleNamespace(version="m1", fingerprint=CATALOG.fingerprint, features=CATALOG.names),
    policy=SimpleNamespace(version="p1"),
    challenger=None,
)


class Installation:
    """Partitions of three topics, a store, and workers that come and go.

    Args:
        seed: of everything that is left to chance.
        crash_chance: at each step of a worker.
        steal_chance: after each batch, that a newcomer takes a partition of a living worker.
    """

    def __init__(
        self, seed: int, *, partitions: int, crash_chance: float = 0.0, steal_chance: float = 0.0
    ) -> None:
        self.rng = random.Random(seed)
        self.partitions = partitions
        self.faults = Faults(self.rng)
        self._crash_chance, self._steal_chance = crash_chance, steal_chance
        self.store = ShakyStore(self.faults)
        self.outputs = ShakyOutputs(self.faults)
        self.log: dict[tuple[int, int], list[Raw]] = defaultdict(list)
        self.committed: dict[tuple[int, int], int] = defaultdict(int)
        self.owner: dict[int, object] = {}
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.steals = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.engine = Engine()

    def append(self, events: Iterable[Fact]) -> None:
        """Append events to the log as a producer keyed by the subscriber would."""
        for number, event in enumerate(events):
            key = event.subscriber.encode()
            where = SOURCES.index(topic_of(event)), sum(key) % self.partitions
            records = self.log[where]
            stamp = max(event.event_time_ms, 1_767_571_200_000 + number)
            records.append(Raw(len(records), stamp, key, encode(event)))

    async def run(self) -> None:
        """Work until everything is done, however often workers crash."""
        await self.store.open(create=True)
        self.faults.chance = self._crash_chance
        with ThreadPoolExecutor(1) as self._executor:
            half = (self.partitions + 1) // 2
            self.start(range(half))
            self.start(range(half, self.partitions))
            while self._tasks:
                # The awaited worker may start another, so the set is not taken from the reply.
                done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
                self._tasks -= done
                for task in done:
                    task.result()

    def start(self, partitions: Iterable[int]) -> None:
        """Start a worker that owns partitions from now on, even while another still works on them."""
        mine = list(partitions)
        if mine:
            worker = _Worker(self, self.processor(self._executor))
            self.owner.update(dict.fromkeys(mine, worker))
            self._tasks.add(asyncio.create_task(worker.run(mine)))

    def processor(self, executor: ThreadPoolExecutor) -> BatchProcessor:
        """The worker's own processor over the shaky parts."""
        state = StateIO(self.store, self.engine, self.metrics, 50)
        retry = DependencyRetry(lambda *_: None)
        return BatchProcessor(
            state=state,
            commit=JournalCommit(self.store, state, retry, self.metrics, align_seconds=0.0),
            retry=retry,
            quarantine=Quarantine(
                computation=JobComputation(
                    engine=self.engine,
                    decider=SilentDecider(),  # type: ignore[arg-type]
                    monitor=SimpleNamespace(observe=lambda *_: None),  # type: ignore[arg-type]
                    builder=WarningBuilder(LiveFeatures(0, 0), SOURCES),
                    pseudonymiser=PSEUDONYMISER,
                    metrics=self.metrics,
                ),
                withdraw=lambda *_: BUNDLE,
                sources=SOURCES,
                metrics=self.metrics,
            ),
            explainer=Explainer(executor, self.metrics),
            outputs=self.outputs,  # type: ignore[arg-type]
            topics=OutputTopics(SOURCES, "warnings", "scores", "dead-letters"),
            answers=AnswerBuilder("answers", 1, range(8), SOURCES),
            bundle=lambda: BUNDLE,
            metrics=self.metrics,
            report=JobReport(self.metrics, NoTracer()),
        )

    def steals_now(self) -> bool:
        """Whether a newcomer turns up now."""
        stolen = self.rng.random() < self._steal_chance
        self.steals += stolen
        return stolen


class _Worker:
    """One life of a worker; like a lane it computes a batch while the one before it is being completed."""

    def __init__(self, place: Installation, processor: BatchProcessor) -> None:
        self._place = place
        self._processor = processor
        self._fetched: dict[tuple[int, int], int] = {}
        self._completion: asyncio.Task[None] | None = None

    async def run(self, partitions: Sequence[int]) -> None:
        """Work until everything is done, every partition is fenced, or it crashes."""
        place = self._place
        try:
            opened = [
                await self._processor.open(
                    partition, [place.committed[s, partition] for s in range(len(SOURCES))]
                )
                for partition in partitions
            ]
            while any(self._left(partition) for partition in opened if not partition.fenced):
                self._fetch(opened)
                await self._work([partition for partition in opened if not partition.fenced])
                if place.steals_now():
                    # A newcomer takes one over; this worker does not know and goes on with it.
                    place.start([place.rng.choice(partitions)])
            await self._completed()
            for partition in opened:
                await self._processor.close(partition)
        except Crash:
            if self._completion is not None:  # it dies with the process
                self._completion.cancel()
                await asyncio.wait([self._completion])
            place.start(number for number in partitions if place.owner[number] is self)

    def _left(self, partition: OpenPartition) -> bool:
        return any(
            self._place.committed[source, partition.number]
            < len(self._place.log[source, partition.number])
            for source in range(len(SOURCES))
        )

    def _fetch(self, opened: Sequence[OpenPartition]) -> None:
        """Read a random stretch of each topic into the buffers."""
        place = self._place
        for partition in opened:
            for source, topic in enumerate(SOURCES):
                where = source, partition.number
                start = self._fetched.get(where, place.committed[where])
                stop = min(start + place.rng.randrange(1, 60), len(place.log[where]))
                if stop == start:
                    continue
                self._fetched[where] = stop
                run = decode_records(
                    place.log[where][start:stop],
                    source=source,
                    topic=topic,
                    partition=partition.number,
                    next_offset=stop,
                    acknowledge=lambda where=where, stop=stop: self._commit(where, stop),
                    now_ms=0,
                    acceptance=Acceptance(future_ms=300_000),
                    from_offset=partition.buffer.done[source],
                )
                if run.events or run.dead_letters:
                    partition.buffer.add(run)
                else:
                    run.acknowledge()

    async def _work(self, opened: Sequence[OpenPartition]) -> None:
        batch = [
            (partition, chunk)
            for partition in opened
            if (chunk := self._chunk(partition)) is not None
        ]
        if not batch:
            await self._completed()
            return
        computed = await self._processor.compute(batch)
        await self._completed()
        await self._processor.write(computed)
        self._completion = asyncio.create_task(self._complete(batch, computed))
        if computed.recovers:
            await self._completed()

    async def _complete(
        self, batch: Sequence[tuple[OpenPartition, Chunk]], computed: ComputedBatch
    ) -> None:
        await self._processor.complete(computed)
        await self._place.faults.step("before committing offsets")
        for partition, chunk in batch:
            if not partition.fenced:
                chunk.acknowledge()

    async def _completed(self) -> None:
        completion, self._completion = self._completion, None
        if completion is not None:
            await completion

    def _chunk(self, partition: OpenPartition) -> Chunk | None:
        if partition.journal is not None:
            ends = partition.journal.ends()
            order = np.frombuffer(partition.journal.order, np.uint8)
            after = tuple(ends[source] for source in range(len(SOURCES)))
            return partition.buffer.take_journalled(order, after)
        return partition.buffer.take(self._place.rng.randrange(1, 40), lambda _: False, 0.0)

    def _commit(self, where: tuple[int, int], stop: int) -> None:
        if self._place.owner[where[1]] is self:
            self._place.committed[where] = max(self._place.committed[where], stop)
