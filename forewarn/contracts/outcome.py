"""Events of the ``outcomes`` topic: what became of a warning or a case, and when it was known.

An outcome is keyed by the subscriber like calls and transfers, so that the worker which owns the
subscriber also learns it. The four dispositions are kept apart because a successful warning
destroys its own label: *dissuaded* is a fraud that did not happen, not an honest transfer.
"""

from typing import Literal

from forewarn.contracts.event import (
    Account,
    AmountMinor,
    Currency,
    Event,
    EventMs,
    Identifier,
    Phone,
)

Disposition = Literal["dissuaded", "loss_occurred", "false_alarm", "unreachable", "duplicate"]


class Outcome(Event, frozen=True, kw_only=True, tag_field="type", tag="outcome"):
    """The closing (or later correction) of a case, or a loss reported with no warning before.

    ``label_time_ms`` is when the outcome became known; training may use it from then on only.
    ``callers`` and ``payees`` are confirmed to belong to the swindler when the disposition is
    ``dissuaded`` or ``loss_occurred``, and cleared when it is ``false_alarm``. With any other, nothing is
    said against or for them: a correction names them to take back what was said before. A correction
    has the same ``case_id`` and a higher ``revision``.
    """

    disposition: Disposition
    label_time_ms: EventMs
    case_id: Identifier | None = None
    warning_id: Identifier | None = None
    transfer_id: Identifier | None = None
    callers: tuple[Phone, ...] = ()
    payees: tuple[Account, ...] = ()
    at_risk_minor: AmountMinor = 0
    prevented_minor: AmountMinor = 0
    lost_minor: AmountMinor = 0
    currency: Currency = "CNY"
    typology: str = ""
    model_version: str = ""
    fraud_began_ms: EventMs | None = None
