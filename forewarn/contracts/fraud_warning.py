"""Messages of the ``warnings`` topic: what a worker raises, upgrades, updates or withdraws.

``warning_id`` is derived from tenant, subscriber and *subject* (the call or the transfer that the
warning is about), so every later event on the same subject revises the same warning, and a
redelivery makes no second one. Revisions of a warning are ordered by ``source.offset``, because
all events on one subject lie in one partition.
"""

from typing import Literal

import msgspec

from forewarn.contracts.event import (
    Account,
    AmountMinor,
    Currency,
    EpochMs,
    Event,
    Identifier,
    Phone,
)

Severity = Literal["extreme", "critical", "high", "medium", "low"]
Typology = Literal[
    "police_impersonation",
    "task_scam",
    "fake_customer_service",
    "credit_loan",
    "investment_romance",
    "boss_acquaintance",
    "family_emergency",
    "purchase_game",
    "safe_account",
    "loan_refinance",
    "mule",
    "unknown",
]
Action = Literal["raise", "update", "withdraw"]
SubjectStatus = Literal[
    "on_call", "call_ended", "line_changed", "attempted", "completed", "blocked", "reversed"
]


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reason of a warning: a code from the catalog of reasons, and the evidence for it."""

    code: str
    value: float | None = None
    contribution: float = 0.0


class Source(msgspec.Struct, frozen=True):
    """Where the event that caused the message lies in Kafka."""

    topic: str
    partition: int
    offset: int


class Subject(msgspec.Struct, frozen=True):
    """What the warning is about: one call, transfer or line change of the subscriber."""

    kind: Literal["call", "transfer", "line"]
    subject_id: Identifier


class FraudWarning(Event, frozen=True, kw_only=True, tag_field="type", tag="warning"):
    """A warning in its current revision; the alerting service keeps the newest by offset.

    ``amount_at_risk_minor`` is the amount of the attempted transfer, or for a call the amount
    that the policy expects to be asked for. ``event_time_ms`` is that of the causing event;
    ``appended_at_ms`` is when Kafka appended it and ``raised_at_ms`` when the worker decided.
    """

    warning_id: Identifier
    action: Action
    subject: Subject
    subject_status: SubjectStatus
    severity: Severity
    typology: Typology = "unknown"
    probability: float
    expected_loss_minor: AmountMinor
    amount_at_risk_minor: AmountMinor
    currency: Currency = "CNY"
    appended_at_ms: EpochMs
    raised_at_ms: EpochMs
    reasons: tuple[Reason, ...] = ()
    decision: str
    caller: Phone | None = None
    payee: Account | None = None
    payer: Account | None = None
    on_call: bool = False
    forwarding_on: bool = False
    model_version: str
    policy_version: str
    source: Source
    traceparent: str = ""
