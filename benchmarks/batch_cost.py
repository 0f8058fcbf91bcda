"""What a batch costs a worker by the number of its events, without Redis and Kafka.

Usage: python -m benchmarks.batch_cost [--partitions 4] [--events 5,20,100,500] [--profile]

The worker's own batch processor runs over a state store in memory and outputs that are dropped. A live stream comes in
small chunks, so its cost is mostly that of a batch, whatever is in it; a backlog comes in large ones. Figures are
processor time of the process, the median of the rounds.
"""

import argparse
import asyncio
import cProfile
import pstats
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from benchmarks.synthetic_model import make_registry
from benchmarks.traffic import Traffic
from features.catalog import CATALOG
from features.engine import Engine
from forewarn.contracts import Acceptance
from forewarn.contracts.topics import SOURCES
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import ModelsSettings
from forewarn.telemetry.tracing import NoTracer
from models.policy import DEFAULT_POLICY, Lists
from models.policy.district_budget import DistrictSpending
from models.registry import open_registry
from streams.intake.open_partition import OpenPartition
from streams.intake.record_decoder import decode_records
from streams.model.reloader import Reloader
from streams.pipeline.batch_processor import BatchProcessor
from streams.pipeline.commit import JournalCommit
from streams.pipeline.decide import Decider
from streams.pipeline.dependency_retry import DependencyRetry
from streams.pipeline.explain import Explainer, WarningBuilder
from streams.pipeline.job_computation import JobComputation
from streams.pipeline.job_report import JobReport
from streams.pipeline.messages import LiveFeatures, OutputTopics
from streams.pipeline.payment_answers import LINE_FEATURES, AnswerBuilder
from streams.pipeline.producer import KeyValue
from streams.pipeline.quarantine import Quarantine
from streams.pipeline.score_monitor import ScoreMonitor
from streams.pipeline.state_io import StateIO
from streams.worker_metrics import WorkerMetrics
from tests.contract.memory_store import MemoryStateStore

PREPARED_EVENTS = 20_000
ROUNDS = 40


class Record:
    """A record as a consumer hands it over."""

    __slots__ = ("headers", "key", "offset", "timestamp", "value")

    def __init__(self, offset: int, timestamp: int, key: bytes, value: bytes) -> None:
        self.offset, self.timestamp, self.key, self.value = offset, timestamp, key, value
        self.headers: tuple[tuple[str, bytes], ...] = ()


class NoOutputs:
    """Outputs that are dropped; their bytes are counted."""

    def __init__(self) -> None:
        self.bytes = 0

    async def send_all(self, parts: Iterable[tuple[str, int, Sequence[KeyValue]]]) -> None:
        """Count the bytes."""
        self.bytes += sum(len(value) for _, _, records in parts for _, value in records)


class Line:
    """A processor with its store, and partitions that are filled from seeded traffic."""

    def __init__(self, directory: Path, partitions: int, executor: ThreadPoolExecutor) -> None:
        metrics = WorkerMetrics(CollectorRegistry())
        engine = Engine(CATALOG)
        store: Any = MemoryStateStore()
        registry = make_registry(directory, CATALOG.names, CATALOG.fingerprint, large_amounts=True)
        reloader = Reloader(
            open_registry(ModelsSettings(registry=str(registry))).current,
            DEFAULT_POLICY,
            fingerprint=CATALOG.fingerprint,
            signing_key=b"",
            metrics=metrics,
        )
        reloader.start()
        live = LiveFeatures(
            on_call=CATALOG.slot("on_call_now"), forwarding_on=CATALOG.slot("forwarding_on")
        )
        retry = DependencyRetry(lambda *_: None)
        state = StateIO(store, engine, metrics)
        spending = DistrictSpending(reloader.bundle.policy.document.budgets.window_hours)
        self._outputs: Any = NoOutputs()
        self.store = store
        self.processor = BatchProcessor(
            state=state,
            commit=JournalCommit(store, state, retry, metrics, 0.0),
            retry=retry,
            quarantine=Quarantine(
                computation=JobComputation(
                    engine=engine,
                    decider=Decider(Lists(), spending, metrics),
                    monitor=ScoreMonitor(metrics),
                    builder=WarningBuilder(live, SOURCES),
                    pseudonymiser=Pseudonymiser(b"a key that only benchmarks use"),
                    metrics=metrics,
                ),
                withdraw=reloader.withdraw,
                sources=SOURCES,
                metrics=metrics,
            ),
            explainer=Explainer(executor, metrics),
            outputs=self._outputs,
            topics=OutputTopics(SOURCES, "warnings", "scores", "dead-letters"),
            answers=AnswerBuilder(
                "answers", partitions, [CATALOG.slot(name) for name in LINE_FEATURES], SOURCES
            ),
            bundle=lambda: reloader.bundle,
            metrics=metrics,
            report=JobReport(metrics, NoTracer()),
        )
        self._count = partitions
        self._opened: list[OpenPartition] = []
        self._offsets = [[0] * len(SOURCES) for _ in range(partitions)]
        self._now_ms = time.time_ns() // 1_000_000 - 3_600_000
        self._seed = 0

    async def start(self, events: int) -> None:
        """Open the partitions and process some events, so that people have records."""
        await self.store.open(create=True)
        for number in range(self._count):
            self._opened.append(await self.processor.open(number, [None] * len(SOURCES)))
        while events > 0:
            await self.batch(500)
            events -= 500 * self._count

    def fill(self, events: int) -> None:
        """Put that many events into each partition, as fetched records that are decoded here."""
        self._seed += 1
        traffic = Traffic(self._seed, large_share=0.01)
        waiting: list[list[list[Record]]] = [[[] for _ in SOURCES] for _ in self._opened]
        for topic, key, value in traffic.events(events * self._count, self._now_ms):
            part, source = sum(key.encode()) % self._count, SOURCES.index(topic)
            offset = self._offsets[part][source]
            self._offsets[part][source] += 1
            waiting[part][source].append(Record(offset, self._now_ms, key.encode(), value))
        self._now_ms += events * self._count
        self._waiting = waiting

    async def batch(self, events: int) -> float:
        """Process a batch of that many events a partition; returns its processor time in seconds."""
        self.fill(events)
        began = time.process_time()
        await self.process()
        return time.process_time() - began

    async def process(self) -> None:
        """Decode what was put into the partitions and process it."""
        batch = []
        for partition, sources in zip(self._opened, self._waiting, strict=True):
            for source, records in enumerate(sources):
                if records:
                    partition.buffer.add(
                        decode_records(
                            records,
                            source=source,
                            topic=SOURCES[source],
                            partition=partition.number,
                            next_offset=records[-1].offset + 1,
                            acknowledge=lambda: None,
                            now_ms=self._now_ms,
                            acceptance=Acceptance(future_ms=1 << 50),
                        )
                    )
            chunk = partition.buffer.take(1 << 20, lambda _source: False, time.monotonic())
            if chunk is not None:
                batch.append((partition, chunk))
        await self.processor.process(batch)


async def measure(options: argparse.Namespace) -> None:
    """Print a row for each number of events."""
    with (
        tempfile.TemporaryDirectory() as directory,
        ThreadPoolExecutor(1) as executor,
    ):
        line = Line(Path(directory), options.partitions, executor)
        await line.start(PREPARED_EVENTS)
        print(f"{options.partitions} partitions; events each, ms a batch, us an event")
        for events in map(int, options.events.split(",")):
            for _ in range(5):
                await line.batch(events)
            seconds = median([await line.batch(events) for _ in range(ROUNDS)])
            print(
                f"{events:6} {1e3 * seconds:8.2f} {1e6 * seconds / events / options.partitions:8.1f}"
            )
            if options.profile:
                profile = cProfile.Profile()
                for _ in range(20):
                    line.fill(events)
                    profile.enable()
                    await line.process()
                    profile.disable()
                pstats.Stats(profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--events", default="5,20,100,500")
    parser.add_argument("--profile", action="store_true")
    asyncio.run(measure(parser.parse_args()))
