"""What a worker answers a bank, and the warning that goes out with a hold."""

from typing import Any

import numpy as np
import pytest
from msgspec import structs
from prometheus_client import CollectorRegistry

from features.catalog import CATALOG
from features.engine import Engine
from forewarn.contracts import CallStarted, Event, Transfer
from forewarn.contracts.payment_answer import LineNow, PaymentAnswer, decode_payment_answer
from forewarn.contracts.payment_question import PaymentQuestion
from forewarn.platform.pseudonyms import Pseudonymiser
from models.policy import DEFAULT_POLICY, Lists, Policy, PolicyFile
from models.policy.district_budget import DistrictSpending
from models.policy.party_lists import entry
from streams.intake.open_partition import OpenPartition
from streams.intake.partition_buffer import Chunk, PartitionBuffer
from streams.model.bundle import ModelBundle
from streams.pipeline.decide import Decider
from streams.pipeline.job import DecisionJob, columns_of
from streams.pipeline.payment_answers import LINE_FEATURES, AnswerBuilder, line_now
from streams.worker_metrics import WorkerMetrics

TIME_MS = 1_780_000_000_000
PERSON, CALLER = "+8613800000001", "+8613900000009"
KEY = Pseudonymiser(b"a key that only tests use")
QUESTION = PaymentQuestion(b"0123456789abcdef" * 4, 1, TIME_MS + 300)


class Scorer:
    """Gives every event one probability."""

    version = "m1"
    features = CATALOG.names

    def __init__(self, probability: float) -> None:
        self.probability = probability

    def predict(self, vectors: Any, kinds: Any) -> Any:
        return np.full(len(vectors), self.probability)

    def typology(self, vectors: Any) -> list[str]:
        return ["safe_account"] * len(vectors)


def transfer(number: int = 1, status: str = "attempted", amount_minor: int = 900_000) -> Transfer:
    return Transfer(
        event_id=f"e{number}",
        event_time_ms=TIME_MS + 600_000,
        subscriber=PERSON,
        transfer_id=f"t{number}",
        status=status,  # type: ignore[arg-type]
        payer_account="a1",
        payee_account="a2",
        amount_minor=amount_minor,
    )


def call() -> CallStarted:
    return CallStarted(
        event_id="c",
        event_time_ms=TIME_MS,
        subscriber=PERSON,
        call_id="c",
        direction="inbound",
        caller=CALLER,
        callee=PERSON,
    )


def decided(
    events: list[Event],
    probability: float,
    *,
    asked: dict[int, PaymentQuestion] | None = None,
    lists: Lists | None = None,
    policy: Policy | None = None,
) -> tuple[DecisionJob, ModelBundle]:
    engine, n = Engine(CATALOG), len(events)
    chunk = Chunk(
        partition=3,
        events=events,
        source=np.array([1 if isinstance(e, Transfer) else 0 for e in events], np.uint8),
        offsets=np.arange(n, dtype=np.int64) + 40,
        appended_ms=np.full(n, TIME_MS, np.int64),
        dead_letters=[],
        before=(0, 0, 0),
        after=(50, 50, 0),
        questions={n - 1: QUESTION} if asked is None else asked,
    )
    columns, rows = columns_of([chunk], KEY)
    partition = OpenPartition(3, 1, PartitionBuffer(3, (0, 0, 0), 0.0), None)
    job = DecisionJob(partition, chunk, columns, rows, engine.plan(columns), 1, recovering=False)
    job.result = engine.run(job.plan)
    scorer: Any = Scorer(probability)
    bundle = ModelBundle(scorer, policy or PolicyFile(DEFAULT_POLICY, CATALOG.names).current())
    decider = Decider(lists or Lists(), DistrictSpending(24), WorkerMetrics(CollectorRegistry()))
    decider.score([job], bundle)
    decider.decide(job, bundle)
    return job, bundle


def answers(job: DecisionJob, bundle: ModelBundle) -> list[PaymentAnswer]:
    slots = [CATALOG.slot(name) for name in LINE_FEATURES]
    builder = AnswerBuilder("answers", 2, slots, ("calls", "transfers", "outcomes"))
    parts = builder.parts(job, bundle, TIME_MS + 700_000)
    assert all((topic, partition) == ("answers", 1) for topic, partition, _ in parts)
    return [decode_payment_answer(value) for _, _, records in parts for _, value in records]


@pytest.mark.parametrize(
    ("probability", "decision", "warned"),
    [
        (0.001, "proceed", False),
        (0.06, "challenge", False),
        (0.31, "hold", True),
        (0.97, "refuse", True),
    ],
)
def test_a_hold_is_answered_with_a_warning_that_orders_it(
    probability: float, decision: str, warned: bool
) -> None:
    job, bundle = decided([call(), transfer()], probability)
    (answer,) = answers(job, bundle)
    assert answer.decision == decision
    assert (answer.warning_id is not None) == warned
    if warned:
        assert job.decisions[1].severity in ("high", "critical")
    assert answer.question_id == QUESTION.question_id.decode()
    assert answer.expected_loss_minor == round(probability * 900_000)
    assert answer.line.on_call
    assert answer.line.call_minutes == 10.0
    assert (answer.source.partition, answer.source.offset) == (3, 41)


def test_a_hold_warns_even_where_no_warning_would_be_raised() -> None:
    """Below the warning's threshold, not worth an intervention, or with the person's budget spent."""
    policy = PolicyFile(DEFAULT_POLICY, CATALOG.names).current()
    document = policy.document
    strict = structs.replace(
        document,
        payments=structs.replace(
            document.payments,
            thresholds=structs.replace(document.payments.thresholds, challenge=0.001, hold=0.002),
        ),
    )
    policy = Policy(strict, "strict", CATALOG.names)
    job, bundle = decided([transfer(amount_minor=100)], 0.01, policy=policy)
    (answer,) = answers(job, bundle)
    assert answer.decision == "hold"
    assert answer.warning_id
    assert (job.decisions[0].reason, job.decisions[0].severity) == ("raised_by_hold", "high")
    unasked, _ = decided([transfer(amount_minor=100)], 0.01, policy=policy, asked={})
    assert unasked.decisions == {}
    assert answers(unasked, bundle) == []


def test_an_account_on_the_allow_list_is_neither_held_nor_warned_about() -> None:
    lists = Lists()
    lists.add(entry("allow", KEY.account("a2"), kind="account"))
    job, bundle = decided([transfer()], 0.97, lists=lists)
    (answer,) = answers(job, bundle)
    assert (answer.decision, answer.reason, answer.warning_id) == ("proceed", "allow_listed", None)


def test_a_completed_payment_or_a_foreign_partition_gets_no_answer() -> None:
    assert answers(*decided([transfer(status="completed")], 0.97)) == []
    elsewhere = QUESTION._replace(partition=2)
    assert answers(*decided([transfer()], 0.97, asked={0: elsewhere})) == []


def test_deciding_again_gives_the_same_answer() -> None:
    """A chunk that is repeated after a crash answers the same question once more."""
    job, bundle = decided([call(), transfer()], 0.31)
    again, _ = decided([call(), transfer()], 0.31)
    assert answers(job, bundle) == answers(again, bundle)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ((0, np.nan, 0, np.nan, np.nan, 0, 0, np.nan), LineNow()),
        (
            (1, 12.34, 5, np.nan, np.nan, 1, 0, 3.0),
            LineNow(
                on_call=True,
                call_minutes=12.3,
                caller_suspicion="high",
                call_forwarding=True,
                line_changed_minutes=3.0,
            ),
        ),
        (
            (0, np.nan, 7, 2.0, 3, 0, 1, np.nan),
            LineNow(minutes_since_call=2.0, last_caller_suspicion="medium", do_not_disturb=True),
        ),
    ],
)
def test_the_state_of_a_line_is_reported_in_steps(values: tuple[float, ...], line: LineNow) -> None:
    assert line_now(values) == line
