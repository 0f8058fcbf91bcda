"""The answer to a bank that holds a payment: pure, with a named reason."""

from bisect import bisect_right
from typing import Literal

import msgspec

from forewarn.contracts.payment_answer import PaymentDecision
from forewarn.contracts.transfer import Channel
from models.policy.party_lists import Lists
from models.policy.payment_document import PaymentBounds, Payments, bounds_of

PaymentReason = Literal[
    "below_thresholds",
    "over_challenge",
    "over_hold",
    "over_refuse",
    "by_rule",
    "suppressed_by_rule",
    "block_listed",
    "allow_listed",
    "pair_exception",
]
"""Reasons of an answer that the policy gave."""

STRICTNESS: tuple[PaymentDecision, ...] = ("proceed", "challenge", "hold", "refuse")
STOPPING: frozenset[PaymentDecision] = frozenset({"hold", "refuse"})
"""Decisions after which the money does not leave: a warning goes out with each."""


class PaymentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One payment as the policy sees it; parties are pseudonyms.

    Attributes:
        tenant: of the payer.
        subscriber: the payer.
        counterparty: the payee's account.
        event_time_ms: UTC milliseconds.
        amount_minor: minor units.
        channel: over which it was ordered.
        at_least: what a rule with the effect ``raise`` asks for; None for no such rule.
        suppressed: a rule with the effect ``suppress`` fits.
    """

    tenant: str
    subscriber: int
    counterparty: int
    event_time_ms: int
    amount_minor: int
    channel: Channel
    at_least: PaymentDecision | None = None
    suppressed: bool = False


class PaymentVerdict(msgspec.Struct, frozen=True):
    """What is answered, and why."""

    decision: PaymentDecision
    reason: PaymentReason


class PaymentPolicy:
    """Answers payments by the part ``payments`` of a policy.

    Args:
        payments: checked.
        watch_ratio: share to which the bounds shrink for an account on the watch list.
    """

    def __init__(self, payments: Payments, watch_ratio: float) -> None:
        self.payments = payments
        self._watch_ratio = watch_ratio
        self._amounts = [step.from_minor for step in payments.fallback]

    def bounds(self, channel: Channel, amount_minor: int) -> PaymentBounds:
        """The bounds for a payment: those of the last case that fits it."""
        for case in reversed(self.payments.cases):
            if amount_minor >= case.from_minor and (not case.channels or channel in case.channels):
                return bounds_of(self.payments, case)
        return self.payments.thresholds

    def decide(self, facts: PaymentFacts, probability: float, lists: Lists) -> PaymentVerdict:
        """Answer one payment.

        Allowing beats blocking, and blocking beats what a single person vouched for, as with
        warnings.

        Args:
            facts: the payment.
            probability: calibrated.
            lists: the lists in force.
        """
        tenant, party, now_ms = facts.tenant, facts.counterparty, facts.event_time_ms
        if lists.holds("allow", tenant, party, now_ms):
            return PaymentVerdict("proceed", "allow_listed")
        if lists.holds("block", tenant, party, now_ms):
            return PaymentVerdict("refuse", "block_listed")
        if lists.holds("pair", tenant, party, now_ms, facts.subscriber):
            return PaymentVerdict("proceed", "pair_exception")
        if facts.suppressed:
            return PaymentVerdict("proceed", "suppressed_by_rule")
        ratio = self._watch_ratio if lists.holds("watch", tenant, party, now_ms) else 1.0
        found = self._by_probability(facts, probability, ratio)
        if facts.at_least and _stricter(facts.at_least, found.decision):
            return PaymentVerdict(facts.at_least, "by_rule")
        return found

    def fallback(self, amount_minor: int) -> PaymentDecision:
        """What is answered while no decision is to be had."""
        return self.payments.fallback[bisect_right(self._amounts, amount_minor) - 1].decision

    def counts_until_ms(self, decision: PaymentDecision, now_ms: int) -> int:
        """Until when an answer counts, UTC milliseconds."""
        stops = decision in STOPPING
        seconds = self.payments.hold_minutes * 60 if stops else self.payments.answer_seconds
        return now_ms + seconds * 1000

    def _by_probability(
        self, facts: PaymentFacts, probability: float, ratio: float
    ) -> PaymentVerdict:
        bounds = self.bounds(facts.channel, facts.amount_minor)
        if probability >= bounds.refuse * ratio:
            return PaymentVerdict("refuse", "over_refuse")
        if probability >= bounds.hold * ratio:
            return PaymentVerdict("hold", "over_hold")
        if probability >= bounds.challenge * ratio:
            return PaymentVerdict("challenge", "over_challenge")
        return PaymentVerdict("proceed", "below_thresholds")


def _stricter(one: PaymentDecision, other: PaymentDecision) -> bool:
    return STRICTNESS.index(one) > STRICTNESS.index(other)
