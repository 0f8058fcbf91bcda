"""An event that cannot be processed is set aside, and all others are processed."""

import base64
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from features.catalog import CATALOG
from features.engine import Engine
from features.entity_keys import Entity, keys
from forewarn.contracts import Acceptance, DeadLetter, FraudWarning, Transfer, decode_scores, encode
from forewarn.contracts.topics import SOURCES
from forewarn.errors import ArtifactError
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.telemetry.tracing import NoTracer
from models.policy import DEFAULT_POLICY, Lists, PolicyFile
from models.policy.decision_candidates import Candidates
from models.policy.district_budget import DistrictSpending
from streams.intake.open_partition import OpenPartition
from streams.intake.partition_buffer import Chunk
from streams.intake.record_decoder import TRANSFERS, decode_records
from streams.model.bundle import ModelBundle
from streams.pipeline.batch_processor import BatchProcessor
from streams.pipeline.commit import JournalCommit
from streams.pipeline.decide import Decider
from streams.pipeline.dependency_retry import DependencyRetry
from streams.pipeline.explain import Explainer, WarningBuilder
from streams.pipeline.job_computation import JobComputation
from streams.pipeline.job_report import JobReport
from streams.pipeline.messages import LiveFeatures, OutputTopics
from streams.pipeline.payment_answers import AnswerBuilder
from streams.pipeline.quarantine import MAX_IN_A_ROW, ProcessingBrokenError, Quarantine
from streams.pipeline.state_io import StateIO
from streams.worker_metrics import WorkerMetrics
from tests.contract.memory_store import MemoryStateStore

TIME_MS = 1_780_000_000_000
POISON_MINOR = 666
KEY = Pseudonymiser(b"a key that only tests use")


class Model:
    """A scorer; ``fault`` is called with the vectors before they are scored."""

    features = CATALOG.names
    fingerprint = CATALOG.fingerprint

    def __init__(
        self,
        version: str,
        fault: Callable[[Any], None] = lambda _: None,
        probability: float = 0.001,
    ) -> None:
        self.version = version
        self._fault = fault
        self._probability = probability

    def predict(self, vectors: Any, kinds: Any) -> Any:
        self._fault(vectors)
        return np.full(len(vectors), self._probability)

    def check(self) -> None:
        self.predict(np.zeros((2, len(self.features)), np.float32), np.zeros(2, np.uint8))

    def typology(self, vectors: Any) -> list[str]:
        return ["unknown"] * len(vectors)

    def contributions(self, vectors: Any, kinds: Any) -> Any:
        return np.zeros(vectors.shape, np.float32)


class ShakyEngine(Engine):
    """A kernel that fails wherever a poisoned transfer is among the events."""

    poisoned = True

    def run(self, plan: Any, *arguments: Any, **options: Any) -> Any:
        if self.poisoned and (plan.columns.amount_minor == POISON_MINOR).any():
            raise ZeroDivisionError("a bug of the kernel")
        return super().run(plan, *arguments, **options)


class Outputs:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.records: dict[str, list[bytes]] = {}
        self.fault: Exception | None = None

    async def send_all(self, parts: Any) -> None:
        if self.fault is not None:
            raise self.fault
        for topic, _, records in parts:
            self.records.setdefault(topic, []).extend(value for _, value in records)

    @property
    def letters(self) -> list[DeadLetter]:
        values = self.records.get("dead-letters", [])
        return [msgspec.json.decode(value, type=DeadLetter) for value in values]

    @property
    def scored(self) -> list[str]:
        values = self.records.get("scores", [])
        return [score.event_id for value in values for score in decode_scores(value)]


class Place:
    """A worker's processor over a store and outputs in memory."""

    def __init__(
        self, bundle: ModelBundle, *, withdraw: Callable[..., ModelBundle] | None = None
    ) -> None:
        self.registry = CollectorRegistry()
        self.metrics = WorkerMetrics(self.registry)
        self.store = MemoryStateStore(now_ms=lambda: TIME_MS)
        self.outputs = Outputs()
        self.engine = ShakyEngine(CATALOG)
        self.executor = ThreadPoolExecutor(1)
        self.quarantine = Quarantine(
            computation=JobComputation(
                engine=self.engine,
                decider=Decider(Lists(), DistrictSpending(24), self.metrics),
                monitor=SimpleNamespace(observe=lambda *_: None),  # type: ignore[arg-type]
                builder=WarningBuilder(LiveFeatures(0, 0), SOURCES),
                pseudonymiser=KEY,
                metrics=self.metrics,
            ),
            withdraw=withdraw or (lambda *_: bundle),
            sources=SOURCES,
            metrics=self.metrics,
        )
        state = StateIO(self.store, self.engine, self.metrics, 5)
        retry = DependencyRetry(lambda *_: None)
        self.processor = BatchProcessor(
            state=state,
            quarantine=self.quarantine,
            commit=JournalCommit(self.store, state, retry, self.metrics, align_seconds=0.0),
            retry=retry,
            explainer=Explainer(self.executor, self.metrics),
            outputs=self.outputs,  # type: ignore[arg-type]
            topics=OutputTopics(SOURCES, "warnings", "scores", "dead-letters"),
            answers=AnswerBuilder("answers", 1, range(8), SOURCES),
            bundle=lambda: bundle,
            metrics=self.metrics,
            report=JobReport(self.metrics, NoTracer()),
        )

    async def open(self) -> OpenPartition:
        await self.store.open(create=True)
        return await self.processor.open(0, (None, None, None))


def bundle_of(model: Any, challenger: Any = None) -> ModelBundle:
    return ModelBundle(model, PolicyFile(DEFAULT_POLICY, CATALOG.names).current(), challenger)


def transfer(number: int, amount_minor: int = 1000, person: int = 1) -> Transfer:
    return Transfer(
        event_id=f"e{number}",
        event_time_ms=TIME_MS + number,
        subscriber=f"+861380000000{person}",
        transfer_id=f"t{number}",
        status="attempted",
        payer_account=f"a{person}",
        payee_account=f"b{number}",
        amount_minor=amount_minor,
    )


def fetch(partition: OpenPartition, events: Sequence[Transfer], first: int = 0) -> None:
    records = [
        SimpleNamespace(
            offset=first + i,
            timestamp=TIME_MS,
            key=event.subscriber.encode(),
            value=encode(event),
            headers=(),
        )
        for i, event in enumerate(events)
    ]
    run = decode_records(
        records,
        source=TRANSFERS,
        topic="transfers",
        partition=0,
        next_offset=first + len(events),
        acknowledge=lambda: None,
        now_ms=TIME_MS,
        acceptance=Acceptance(future_ms=300_000),
    )
    partition.buffer.add(run)


def chunk_of(partition: OpenPartition) -> Chunk:
    if partition.journal is None:
        chunk = partition.buffer.take(10_000, lambda _: False, 0.0)
    else:
        ends = partition.journal.ends()
        order = np.frombuffer(partition.journal.order, np.uint8)
        chunk = partition.buffer.take_journalled(order, tuple(ends[s] for s in range(3)))
    assert chunk is not None
    return chunk


async def process(place: Place, partition: OpenPartition) -> None:
    await place.processor.process([(partition, chunk_of(partition))])


async def test_an_event_that_the_kernel_cannot_take_is_put_aside_and_the_others_go_on() -> None:
    """Else it would stop every worker that takes over its partition, one after another."""
    place = Place(bundle_of(Model("m")))
    partition = await place.open()
    events = [transfer(i, POISON_MINOR if i in (2, 6) else 1000) for i in range(9)]
    fetch(partition, events)
    await process(place, partition)
    assert [(letter.reason, letter.offset) for letter in place.outputs.letters] == [
        ("processing_failed", 2),
        ("processing_failed", 6),
    ]
    letter = place.outputs.letters[0]
    assert base64.b64decode(letter.value) == encode(events[2])
    assert base64.b64decode(letter.key) == events[2].subscriber.encode()
    assert letter.topic == "transfers"
    assert "+86" not in letter.detail
    assert place.outputs.scored == [f"e{i}" for i in range(9) if i not in (2, 6)]
    assert partition.buffer.done == (0, 9, 0)


async def test_a_chunk_that_is_done_again_sets_the_same_event_aside() -> None:
    """A fault that has gone by then must not make it both a dead letter and an applied event."""
    place = Place(bundle_of(Model("m")))
    events = [transfer(i, POISON_MINOR if i == 1 else 1000) for i in range(4)]
    partition = await place.open()
    fetch(partition, events)
    place.outputs.fault = RuntimeError("the worker dies before its outputs are acknowledged")
    with pytest.raises(RuntimeError):
        await process(place, partition)
    place.outputs.fault, place.engine.poisoned = None, False
    again = await place.processor.open(0, (None, None, None))
    assert again.journal is not None
    fetch(again, events)
    await process(place, again)
    assert [letter.offset for letter in place.outputs.letters] == [1]
    assert place.outputs.scored == ["e0", "e2", "e3"]


async def test_a_damaged_record_puts_one_persons_events_aside() -> None:
    place = Place(bundle_of(Model("m")))
    partition = await place.open()
    fetch(partition, [transfer(0, person=1), transfer(1, person=2)])
    await process(place, partition)
    person = np.array([KEY.phone("+8613800000001")], np.uint64)
    damaged = keys("fw", Entity.SUBSCRIBER, person)[0]
    record, expires_ms = place.store._records[damaged]
    place.store._records[damaged] = (record[:-3], expires_ms)
    fetch(partition, [transfer(i, person=1 + i % 2) for i in range(2, 8)], first=2)
    await process(place, partition)
    assert [letter.offset for letter in place.outputs.letters] == [2, 4, 6]
    assert place.outputs.scored == ["e0", "e1", "e3", "e5", "e7"]


async def test_an_event_that_the_policy_cannot_take_is_put_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = Place(bundle_of(Model("m")))
    partition = await place.open()
    decided = Decider._decide_one

    def decide(self: Decider, job: Any, index: int, *rest: Any) -> None:
        if job.chunk.events[index].event_id == "e1":
            raise KeyError("+8613800000001")
        decided(self, job, index, *rest)

    monkeypatch.setattr(Decider, "_decide_one", decide)

    def every(_decider: Decider, jobs: Any, _policy: Any) -> list[Candidates]:
        return [Candidates(*np.ones((2, len(job.rows)), bool)) for job in jobs]

    monkeypatch.setattr(Decider, "_candidates", every)
    fetch(partition, [transfer(i) for i in range(3)])
    await process(place, partition)
    assert [letter.offset for letter in place.outputs.letters] == [1]
    assert place.outputs.scored == ["e0", "e2"]
    assert "+86" not in place.outputs.letters[0].detail


async def test_a_model_that_fails_on_anything_is_replaced_and_costs_no_event() -> None:
    def fails(_vectors: Any) -> None:
        raise RuntimeError("a broken library")

    before = bundle_of(Model("before"))
    place = Place(bundle_of(Model("bad", fails)), withdraw=lambda *_: before)
    partition = await place.open()
    fetch(partition, [transfer(i) for i in range(3)])
    await process(place, partition)
    assert place.outputs.letters == []
    values = place.outputs.records["scores"]
    versions = {score.model_version for value in values for score in decode_scores(value)}
    assert versions == {"before"}


async def test_a_model_that_fails_with_none_before_it_stops_the_worker() -> None:
    def fails(_vectors: Any) -> None:
        raise RuntimeError("a broken library")

    def nothing(*_: Any) -> ModelBundle:
        raise ArtifactError("there is none before it")

    place = Place(bundle_of(Model("bad", fails)), withdraw=nothing)
    partition = await place.open()
    fetch(partition, [transfer(0)])
    with pytest.raises(ArtifactError):
        await process(place, partition)
    assert place.outputs.records == {}


async def test_a_challenger_that_fails_is_dropped_and_delays_no_event() -> None:
    def fails(_vectors: Any) -> None:
        raise RuntimeError("on trial")

    reported: list[str] = []
    champion = Model("m")

    def withdraw(scorer: Any, _why: str) -> ModelBundle:
        reported.append(scorer.version)
        return bundle_of(champion)

    place = Place(bundle_of(champion, Model("trial", fails)), withdraw=withdraw)
    partition = await place.open()
    fetch(partition, [transfer(0)])
    await process(place, partition)
    assert reported == ["trial"]
    score = decode_scores(place.outputs.records["scores"][0])[0]
    assert (score.challenger_version, score.challenger_probability) == ("", None)


async def test_a_fault_of_every_event_stops_the_worker_without_dead_letters() -> None:
    """To pour a whole topic into the dead letters would lose it as surely as skipping it."""
    place = Place(bundle_of(Model("m")))
    partition = await place.open()
    fetch(partition, [transfer(i, POISON_MINOR) for i in range(MAX_IN_A_ROW + 1)])
    with pytest.raises(ProcessingBrokenError):
        await process(place, partition)
    assert place.outputs.records == {}


async def test_a_damaged_journal_stops_no_worker() -> None:
    """Every worker would read the same, and go down over it in turn."""
    place = Place(bundle_of(Model("m")))
    partition = await place.open()
    fetch(partition, [transfer(0)])
    await process(place, partition)
    place.store._journals[0] = place.store._journals[0][:-2]
    again = await place.processor.open(0, (None, None, None))
    fetch(again, [transfer(0), transfer(1)])
    await process(place, again)
    assert place.outputs.scored == ["e0", "e1"]
    values = place.outputs.records["scores"]
    numbers = [score.chunk for value in values for score in decode_scores(value)]
    assert len(set(numbers)) == 2, "a chunk's number is its own"
    assert place.registry.get_sample_value("forewarn_worker_dropped_journals_total") == 1


async def test_a_journal_whose_offsets_are_committed_is_passed() -> None:
    """A store that lost its last second has one: Kafka will never send its chunk again."""
    place = Place(bundle_of(Model("m")))
    partition = await place.open()
    fetch(partition, [transfer(i) for i in range(3)])
    place.outputs.fault = RuntimeError("the journal stays, as if its closing note was lost")
    with pytest.raises(RuntimeError):
        await process(place, partition)
    assert (await place.processor.open(0, (None, 2, None))).journal is not None
    again = await place.processor.open(0, (None, 3, None))
    assert again.journal is None
    assert again.buffer.done == (0, 3, 0)


async def test_a_policy_that_can_decide_nothing_stops_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that is worth a warning would go to the dead letters, and the rest would look well."""

    def decide(*_: Any) -> None:
        raise KeyError("an untested rule")

    monkeypatch.setattr(Decider, "_decide_one", decide)
    place = Place(bundle_of(Model("m", probability=0.99)))
    partition = await place.open()
    for start in range(0, MAX_IN_A_ROW, 20):
        fetch(partition, [transfer(start + i) for i in range(20)], first=start)
        await process(place, partition)
    fetch(partition, [transfer(MAX_IN_A_ROW)], first=MAX_IN_A_ROW)
    with pytest.raises(ProcessingBrokenError):
        await process(place, partition)


@pytest.mark.parametrize("part", ["typology", "contributions"])
async def test_a_warning_goes_out_without_what_cannot_be_said_about_it(part: str) -> None:
    """A warning without reasons is better than no warning."""

    def fails(_vectors: Any) -> Any:
        raise RuntimeError("a broken library")

    model = Model("m", probability=0.99)
    setattr(model, part, fails)
    place = Place(bundle_of(model))
    partition = await place.open()
    fetch(partition, [transfer(0, 9_000_000)])
    await process(place, partition)
    (warning,) = place.outputs.records["warnings"]
    sent = msgspec.json.decode(warning, type=FraudWarning)
    assert (sent.action, sent.typology, sent.reasons) == ("raise", "unknown", ())
    labels = {"what": part}
    assert place.registry.get_sample_value("forewarn_worker_model_faults_total", labels) == 1
