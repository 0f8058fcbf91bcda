"""The body of an answer to a bank, and the question that a customer is asked."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from features.catalog import CATALOG
from forewarn.contracts import Transfer
from forewarn.contracts.fraud_warning import Reason, Typology
from forewarn.contracts.payment_answer import LineNow, PaymentAnswer, PaymentDecision

FallbackReason = Literal[
    "no_answer_in_time", "overloaded", "store_unavailable", "stream_unavailable"
]
"""Reasons of an answer that the service gave without a decision."""

Recorded = Literal["yes", "no", "unconfirmed", "spooled"]
"""Whether the event is in Kafka: ``unconfirmed`` says that it was sent and Kafka had not acknowledged it;
``spooled`` that it waits on the replica's disk, as the caller asked for."""

QUESTIONS = Path(__file__).with_name("customer_questions.toml")


class CustomerQuestion(msgspec.Struct, frozen=True):
    """What to ask the customer before the payment goes on; a yes is a reason to stop."""

    zh: str
    en: str


class WordedReason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reason: the feature, what it means, its value and how much it raised the score."""

    code: str
    meaning: str = ""
    value: float | None = None
    contribution: float = 0.0


class BankAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a question about a payment.

    ``probability``, ``line``, ``model_version`` and the like are empty where the service answered
    without a decision of a worker; ``reason`` tells why.
    """

    transfer_id: str
    decision: PaymentDecision
    reason: str
    question: CustomerQuestion | None = None
    probability: float | None = None
    expected_loss_minor: int | None = None
    currency: str
    typology: Typology = "unknown"
    reasons: tuple[WordedReason, ...] = ()
    line: LineNow | None = None
    warning_id: str | None = None
    model_version: str | None = None
    policy_version: str
    decided_at_ms: int
    counts_until_ms: int
    recorded: Recorded


def of_worker(answer: PaymentAnswer) -> BankAnswer:
    """The answer that a worker gave."""
    asks = answer.decision == "challenge"
    return BankAnswer(
        transfer_id=answer.transfer_id,
        decision=answer.decision,
        reason=answer.reason,
        question=customer_question(answer.typology) if asks else None,
        probability=answer.probability,
        expected_loss_minor=answer.expected_loss_minor,
        currency=answer.currency,
        typology=answer.typology,
        reasons=tuple(_worded(reason) for reason in answer.reasons),
        line=answer.line,
        warning_id=answer.warning_id,
        model_version=answer.model_version,
        policy_version=answer.policy_version,
        decided_at_ms=answer.decided_at_ms,
        counts_until_ms=answer.counts_until_ms,
        recorded="yes",
    )


def of_fallback(
    event: Transfer,
    decision: PaymentDecision,
    reason: FallbackReason,
    *,
    policy_version: str,
    now_ms: int,
    counts_until_ms: int,
    recorded: Recorded,
) -> BankAnswer:
    """The answer of the policy's fallback."""
    return BankAnswer(
        transfer_id=event.transfer_id,
        decision=decision,
        reason=reason,
        question=customer_question("unknown") if decision == "challenge" else None,
        currency=event.currency,
        policy_version=policy_version,
        decided_at_ms=now_ms,
        counts_until_ms=counts_until_ms,
        recorded=recorded,
    )


def customer_question(typology: Typology) -> CustomerQuestion:
    """What a customer is asked about a payment of this kind."""
    questions = _questions()
    return questions.get(typology, questions["unknown"])


@cache
def _questions() -> dict[str, CustomerQuestion]:
    found = tomllib.loads(QUESTIONS.read_text(encoding="utf-8"))
    return {name: msgspec.convert(value, CustomerQuestion) for name, value in found.items()}


@cache
def _meanings() -> dict[str, str]:
    return {feature.name: feature.why for feature in CATALOG.features}


def _worded(reason: Reason) -> WordedReason:
    return WordedReason(
        code=reason.code,
        meaning=_meanings().get(reason.code, ""),
        value=reason.value,
        contribution=reason.contribution,
    )
