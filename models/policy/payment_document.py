"""The part of the policy file that answers banks: bounds, cases and the fallback."""

from typing import Annotated

import msgspec

from forewarn.contracts.payment_answer import PaymentDecision
from forewarn.contracts.transfer import Channel
from forewarn.errors import ConfigurationError

PaymentMinor = Annotated[int, msgspec.Meta(ge=0, le=10**13)]
PaymentShare = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class PaymentBounds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lower bounds of the calibrated probability; 1 above every probability that occurs."""

    challenge: PaymentShare = 0.05
    hold: PaymentShare = 0.3
    refuse: PaymentShare = 0.95


class PaymentCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Other bounds for some channels and amounts.

    Attributes:
        channels: empty: every channel.
        from_minor: least amount in minor units.
        challenge, hold, refuse: bounds; what is left out is that of ``thresholds``.
    """

    channels: tuple[Channel, ...] = ()
    from_minor: PaymentMinor = 0
    challenge: PaymentShare | None = None
    hold: PaymentShare | None = None
    refuse: PaymentShare | None = None


class PaymentFallback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is answered from this amount on while no decision is to be had."""

    from_minor: PaymentMinor
    decision: PaymentDecision


class Payments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers to banks.

    Attributes:
        answer_seconds: how long ``proceed`` and ``challenge`` count; the bank asks again afterwards.
        hold_minutes: how long a payment is held for a person to look at it.
        thresholds: bounds of every payment that no case fits.
        cases: of those that fit a payment, the last one counts.
        fallback: rising amounts, the first from 0.
    """

    answer_seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 300
    hold_minutes: Annotated[int, msgspec.Meta(ge=1, le=10_080)] = 120
    thresholds: PaymentBounds = PaymentBounds()
    cases: Annotated[tuple[PaymentCase, ...], msgspec.Meta(max_length=100)] = ()
    fallback: Annotated[tuple[PaymentFallback, ...], msgspec.Meta(min_length=1)] = (
        PaymentFallback(from_minor=0, decision="proceed"),
    )


def bounds_of(payments: Payments, case: PaymentCase) -> PaymentBounds:
    """The bounds of a case, with those of ``thresholds`` for what it leaves out."""
    usual = payments.thresholds
    return PaymentBounds(
        challenge=usual.challenge if case.challenge is None else case.challenge,
        hold=usual.hold if case.hold is None else case.hold,
        refuse=usual.refuse if case.refuse is None else case.refuse,
    )


def check_payments(payments: Payments) -> None:
    """Check what the structs cannot.

    Raises:
        ConfigurationError: bounds or amounts do not rise.
    """
    named = {"payments.thresholds": payments.thresholds}
    for place, case in enumerate(payments.cases):
        named[f"payments.cases[{place}]"] = bounds_of(payments, case)
    for name, bounds in named.items():
        if not bounds.challenge <= bounds.hold <= bounds.refuse:
            raise ConfigurationError(
                f"{name}: the bounds must rise from challenge over hold to refuse"
            )
    amounts = [step.from_minor for step in payments.fallback]
    if amounts[0] != 0 or amounts != sorted(set(amounts)):
        raise ConfigurationError("payments.fallback must begin at from_minor = 0 and rise")
