"""Messages of the ``answers`` topic: what a worker decides about a payment that a bank holds.

Each replica of the decision service reads one partition. The records are kept for an hour, for a
replica that was restarted while it waited; they name no person and no account.
"""

from typing import Literal

import msgspec

from forewarn.contracts.event import AmountMinor, Currency, EpochMs, Identifier
from forewarn.contracts.fraud_warning import Reason, Source, Typology

PaymentDecision = Literal["proceed", "challenge", "hold", "refuse"]
"""``challenge``: ask the customer before the payment goes on. ``hold``: keep it until a person has looked at
it. From the mildest to the strictest; the order counts."""

Suspicion = Literal["none", "low", "medium", "high"]
"""How suspicious a number is; the steps of the kernel's eight levels."""


class LineNow(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the payer's line at the moment of the payment; never the other number.

    Attributes:
        on_call: a call is going on.
        call_minutes: since when; None without a call.
        caller_suspicion: against the other side of that call.
        minutes_since_call: since the last talk ended; None if none is known.
        last_caller_suspicion: against the other side of that talk.
        call_forwarding: calls to the line are forwarded.
        do_not_disturb: calls to the line are silenced.
        line_changed_minutes: since forwarding or do-not-disturb was switched; None if never.
    """

    on_call: bool = False
    call_minutes: float | None = None
    caller_suspicion: Suspicion = "none"
    minutes_since_call: float | None = None
    last_caller_suspicion: Suspicion = "none"
    call_forwarding: bool = False
    do_not_disturb: bool = False
    line_changed_minutes: float | None = None


class PaymentAnswer(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="type",
    tag="payment_answer",
):
    """The answer to one question; ``source`` is where its event lies in Kafka."""

    schema_version: Literal[1] = 1
    question_id: str
    transfer_id: Identifier
    decision: PaymentDecision
    reason: str
    probability: float
    expected_loss_minor: AmountMinor
    currency: Currency
    typology: Typology = "unknown"
    reasons: tuple[Reason, ...] = ()
    line: LineNow
    warning_id: Identifier | None = None
    model_version: str
    policy_version: str
    decided_at_ms: EpochMs
    counts_until_ms: EpochMs
    source: Source


_decoder = msgspec.json.Decoder(PaymentAnswer)


def decode_payment_answer(value: bytes) -> PaymentAnswer:
    """Decode a record of the ``answers`` topic.

    Raises:
        msgspec.MsgspecError: the bytes are no answer.
    """
    return _decoder.decode(value)
