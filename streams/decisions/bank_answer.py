"""The body of an answer to a bank: codes and values, to which ``answer_words`` adds the words."""

from typing import Literal

import msgspec

from forewarn.contracts import Transfer
from forewarn.contracts.fraud_warning import Typology
from forewarn.contracts.payment_answer import LineNow, PaymentAnswer, PaymentDecision

FallbackReason = Literal[
    "no_answer_in_time", "overloaded", "store_unavailable", "stream_unavailable"
]
"""Reasons of an answer that the service gave without a decision."""

Recorded = Literal["yes", "no", "unconfirmed", "spooled"]
"""Whether the event is in Kafka: ``unconfirmed`` says that it was sent and Kafka had not acknowledged it;
``spooled`` that it waits on the replica's disk, as the caller asked for."""


class WordedReason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reason: the feature, a sentence with its value, the value, and how much it raised the score."""

    code: str
    meaning: str = ""
    value: float | None = None
    contribution: float = 0.0


class BankAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a question about a payment.

    ``probability``, ``line``, ``model_version`` and the like are empty where the service answered
    without a decision of a worker; ``reason`` tells why. ``explanation`` says it in words, and ``question``
    is what to ask the customer: a yes is a reason to stop. The answer is kept without words.
    """

    transfer_id: str
    decision: PaymentDecision
    reason: str
    explanation: str = ""
    question: str | None = None
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
    return BankAnswer(
        transfer_id=answer.transfer_id,
        decision=answer.decision,
        reason=answer.reason,
        probability=answer.probability,
        expected_loss_minor=answer.expected_loss_minor,
        currency=answer.currency,
        typology=answer.typology,
        reasons=tuple(
            WordedReason(code=one.code, value=one.value, contribution=one.contribution)
            for one in answer.reasons
        ),
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
        currency=event.currency,
        policy_version=policy_version,
        decided_at_ms=now_ms,
        counts_until_ms=counts_until_ms,
        recorded=recorded,
    )
