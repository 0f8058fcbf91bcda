"""Which events reach the policy, and what a decision leaves behind."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec import structs
from prometheus_client import CollectorRegistry

from features.catalog import CATALOG
from features.engine import Engine
from features.kinds import EventKind
from forewarn.contracts import CallStarted, Event, Outcome, Transfer
from forewarn.contracts.fraud_warning import Reason
from forewarn.platform.pseudonyms import Pseudonymiser
from models.policy import DEFAULT_POLICY, Lists, Policy, PolicyFile, warning_id
from models.policy.district_budget import DistrictSpending
from models.serving.drift import Judged
from streams.intake.open_partition import OpenPartition
from streams.intake.partition_buffer import Chunk, PartitionBuffer
from streams.model.bundle import ModelBundle
from streams.pipeline.decide import Decider, sent_decisions
from streams.pipeline.explain import Explainer
from streams.pipeline.job import DecisionJob, columns_of
from streams.worker_metrics import MAX_MODELS, WorkerMetrics

TIME_MS = 1_780_000_000_000
PERSON = "+8613800000001"


class Certain:
    """A scorer that is certain of everything, or of nothing."""

    version = "certain"
    features = CATALOG.names

    def __init__(self, probability: float) -> None:
        self.probability = probability

    def predict(self, vectors: Any, kinds: Any) -> Any:
        return np.full(len(vectors), self.probability)

    def typology(self, vectors: Any) -> list[str]:
        return ["safe_account"] * len(vectors)


class ByTrigger(Certain):
    """A scorer whose probability is the kind of the event, in hundredths; so are its contributions."""

    def predict(self, vectors: Any, kinds: Any) -> Any:
        assert len(kinds) == len(vectors)
        return kinds / 100.0

    def contributions(self, vectors: Any, kinds: Any) -> Any:
        return np.outer(kinds, np.ones(vectors.shape[1])) / 100.0


class Message(msgspec.Struct, frozen=True):
    """As much of a warning as an explanation changes."""

    reasons: tuple[Reason, ...] = ()


def transfer(number: int, direction: str, status: str, transfer_id: str = "") -> Transfer:
    return Transfer(
        event_id=f"e{number}",
        event_time_ms=TIME_MS + number,
        subscriber=PERSON,
        transfer_id=transfer_id or f"t{number}",
        status=status,  # type: ignore[arg-type]
        direction=direction,  # type: ignore[arg-type]
        payer_account="a1",
        payee_account="a2",
        amount_minor=9_000_000,
    )


def call(number: int) -> CallStarted:
    return CallStarted(
        event_id=f"e{number}",
        event_time_ms=TIME_MS + number,
        subscriber=PERSON,
        call_id=f"c{number}",
        direction="inbound",
        caller="+8613900000009",
        callee=PERSON,
    )


async def decide(
    events: list[Event],
    probability: float = 0.99,
    registry: CollectorRegistry | None = None,
    kind_of_scorer: type[Certain] = Certain,
    policy: Policy | None = None,
) -> DecisionJob:
    """The work on one chunk of these events, decided and counted."""
    engine = Engine(CATALOG)
    n = len(events)
    chunk = Chunk(
        partition=0,
        events=events,
        source=np.array([1 if isinstance(e, Transfer) else 0 for e in events], np.uint8),
        offsets=np.arange(n, dtype=np.int64),
        appended_ms=np.full(n, TIME_MS, np.int64),
        dead_letters=[],
        before=(0, 0, 0),
        after=(n, n, 0),
    )
    columns, rows = columns_of([chunk], Pseudonymiser(b"a key that only tests use"))
    plan = engine.plan(columns)
    partition = OpenPartition(0, 1, PartitionBuffer(0, (0, 0, 0), 0.0), None)
    job = DecisionJob(partition, chunk, columns, rows, plan, 1, recovering=False)
    job.result = engine.run(plan)
    policy = policy or PolicyFile(DEFAULT_POLICY, CATALOG.names).current()
    scorer: Any = kind_of_scorer(probability)
    bundle = ModelBundle(scorer, policy)
    metrics = WorkerMetrics(registry or CollectorRegistry())
    decider = Decider(Lists(), DistrictSpending(24), metrics)
    decider.score([job], bundle)
    decider.decide(job, bundle)
    decider.count(job)
    return job


@pytest.mark.parametrize("status", ["attempted", "completed", "reversed"])
async def test_money_that_comes_in_never_raises_a_warning(status: str) -> None:
    """Models are trained on what can still be stopped; of receipts they know nothing."""
    assert sent_decisions(await decide([transfer(0, "incoming", status)])) == []


async def test_a_call_and_an_attempt_are_warned_about_while_it_helps() -> None:
    decisions = [
        d for _, d in sent_decisions(await decide([call(0), transfer(1, "outgoing", "attempted")]))
    ]
    assert [d.action for d in decisions] == ["raise", "raise"]


async def test_the_outcome_of_a_warned_transfer_is_sent_in_the_same_chunk() -> None:
    """The loss ledger lives on the update that says whether the money left."""
    attempt = transfer(0, "outgoing", "attempted", "t")
    done = transfer(1, "outgoing", "completed", "t")
    job = await decide([attempt, done])
    assert [(i, d.action) for i, d in sent_decisions(job)] == [(0, "raise"), (1, "update")]


async def test_each_event_is_scored_and_explained_as_its_trigger() -> None:
    """Models by trigger need the kind of each event, in the order of the job's events."""
    events = [transfer(0, "outgoing", "attempted"), call(1), transfer(2, "incoming", "attempted")]
    job = await decide(events, kind_of_scorer=ByTrigger)
    kinds = [EventKind.OUT_ATTEMPTED, EventKind.CALL_STARTED, EventKind.IN_ATTEMPTED]
    assert job.probabilities.tolist() == [kind / 100 for kind in kinds]
    message: Any = Message()
    job.warnings = [(0, message), (1, message)]
    scorer: Any = ByTrigger(0.0)
    policy = PolicyFile(DEFAULT_POLICY, CATALOG.names).current()
    explainer = Explainer(ThreadPoolExecutor(1), WorkerMetrics(CollectorRegistry()))
    await explainer.explain([job], ModelBundle(scorer, policy))
    found = [job.reasons[index][0].contribution for index in (0, 1)]
    assert found == [EventKind.OUT_ATTEMPTED / 100, EventKind.CALL_STARTED / 100]


async def test_nothing_is_decided_below_the_threshold() -> None:
    job = await decide([call(0), transfer(1, "outgoing", "attempted")], probability=0.0001)
    assert job.decisions == {}


async def test_a_duplicate_settles_nothing() -> None:
    """The scam goes on in another case: what comes next of the same call still revises it."""
    closed = Outcome(
        event_id="o",
        event_time_ms=TIME_MS + 2,
        subscriber=PERSON,
        disposition="duplicate",
        label_time_ms=TIME_MS + 2,
    )
    attempt = transfer(1, "outgoing", "attempted", "t1")
    with_outcome = await decide([attempt, closed, transfer(3, "outgoing", "completed", "t1")])
    without = await decide([attempt, transfer(3, "outgoing", "completed", "t1")])
    assert with_outcome.decisions[2].reason == without.decisions[1].reason
    assert with_outcome.decisions[2].action == without.decisions[1].action == "update"


async def test_a_false_alarm_quietens() -> None:
    """After it the same evidence does not page the same person again, but for the worst."""
    cleared = Outcome(
        event_id="o",
        event_time_ms=TIME_MS,
        subscriber=PERSON,
        disposition="false_alarm",
        label_time_ms=TIME_MS,
    )
    attempt = structs.replace(transfer(1, "outgoing", "attempted"), amount_minor=200_000)
    job = await decide([cleared, attempt], probability=0.6)
    assert job.decisions[1].reason == "suppressed_cleared"
    assert sent_decisions(job) == []


async def test_outcomes_measure_the_calibration_of_the_warnings() -> None:
    """Expected and observed frauds by the model that warned, once the labels arrive."""
    subscriber, key = PERSON, Pseudonymiser(b"a key that only tests use")
    outcomes: list[Event] = [
        Outcome(
            event_id=f"o{number}",
            event_time_ms=TIME_MS + 10 + number,
            subscriber=subscriber,
            disposition=disposition,
            label_time_ms=TIME_MS + 10 + number,
            warning_id=warning_id("default", key.phone(subscriber), key.subject(transfer_id)),
            model_version="m1",
        )
        for number, (transfer_id, disposition) in enumerate(
            [("t1", "dissuaded"), ("t2", "false_alarm"), ("t3", "dissuaded")]
        )
    ]
    registry = CollectorRegistry()
    attempts: list[Event] = [transfer(n, "outgoing", "attempted") for n in (1, 2)]
    await decide([*attempts, *outcomes], probability=0.9, registry=registry)

    def value(what: str) -> float | None:
        return registry.get_sample_value(
            f"forewarn_worker_calibration_{what}_frauds_total", {"model": "m1"}
        )

    assert value("expected") == pytest.approx(1.8)  # the third names no warning of this person
    assert value("observed") == 1.0


def test_the_number_of_model_labels_is_bounded() -> None:
    registry = CollectorRegistry()
    metrics = WorkerMetrics(registry)
    for number in range(MAX_MODELS + 30):
        metrics.count_judged(Judged(f"m{number}", 0.5, fraud=True))
    name = "forewarn_worker_calibration_expected_frauds_total"
    assert registry.get_sample_value(name, {"model": "other"}) == 15.0
    assert registry.get_sample_value(name, {"model": "m19"}) == 0.5
    assert registry.get_sample_value(name, {"model": "m20"}) is None


@pytest.mark.parametrize("flood", [0, 200])
async def test_a_noisy_tenant_spends_no_budget_of_another_and_delays_it_by_twice_at_most(
    flood: int,
) -> None:
    """Counted in messages, since a warning waits for those that were sent before it."""
    budget, quiet = 5, 5
    registry = CollectorRegistry()
    policy = PolicyFile(DEFAULT_POLICY, CATALOG.names).current()
    budgets = structs.replace(
        policy.document.budgets, per_tenant_hour=budget, per_day=2 * budget, exempt=()
    )
    policy = Policy(
        structs.replace(policy.document, budgets=budgets), "v", CATALOG.names, {"raise": 0.2}
    )
    # Every event of the noisy tenant lies before the quiet one's; each is of another person.
    events = [
        structs.replace(
            transfer(number, "outgoing", "attempted"),
            tenant="noisy" if number < flood else "quiet",
            subscriber=f"+86138{number:08d}",
        )
        for number in range(flood + quiet)
    ]
    job = await decide(events, registry=registry, policy=policy)
    sent = [job.chunk.events[index].tenant for index, _ in sent_decisions(job)]
    places = [place for place, tenant in enumerate(sent) if tenant == "quiet"]
    assert len(places) == quiet, "no warning of the quiet tenant is held back"
    assert places[-1] + 1 <= 2 * quiet
    counted = registry.get_sample_value(
        "forewarn_worker_decisions_total", {"reason": "suppressed_tenant_budget"}
    )
    assert (counted or 0) == max(0, flood - budget), (
        "what is held back is counted, each with its reason"
    )
    assert {d.reason for d in job.decisions.values()} <= {"raised", "suppressed_tenant_budget"}
    assert len(job.decisions) == len(events)
