"""Input and output of the policy for one event."""

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from forewarn.contracts.fraud_warning import Action, Severity, SubjectStatus, Typology
from models.policy.warning_history import EMPTY, WarningHistory

DecisionReason = Literal[
    "below_threshold",
    "too_late",
    "not_worth_it",
    "raised",
    "raised_by_rule",
    "raised_by_list",
    "raised_by_hold",
    "allow_listed",
    "pair_exception",
    "suppressed_by_rule",
    "suppressed_cleared",
    "suppressed_budget",
    "suppressed_district_budget",
    "suppressed_daily_budget",
    "suppressed_tenant_budget",
    "upgraded",
    "status_update",
    "unchanged",
    "withdrawn_evidence",
    "withdrawn_listed",
    "settled",
]
"""Every decision has one of these: the label of the metric and the field of the scores topic."""


class EventFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One event as the policy sees it. Parties are pseudonyms, times UTC ms, money minor units.

    ``counterparty`` is the other number of a call or the other account of a transfer.
    ``status`` says what the event did to its subject; ``amount_minor`` is 0 for calls. ``vector``
    is the event's feature vector, float32 [F]. ``district_spent`` and ``spent`` are how many
    warnings of the district, and of all districts, count against their budgets today (see
    ``models.policy.district_budget``), and ``tenant_spent`` those of the tenant this hour. ``stopped`` says that the answer to a bank holds or refuses
    the payment, so that a warning has to go out with it.
    """

    tenant: str = "default"
    district: str = ""
    subscriber: int
    subject: int
    counterparty: int = 0
    status: SubjectStatus
    stopped: bool = False
    event_time_ms: int
    amount_minor: int = 0
    typology: Typology = "unknown"
    vector: NDArray[np.float32]
    district_spent: int = 0
    spent: int = 0
    tenant_spent: int = 0


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What to do about one event; ``action`` is None where nothing is sent.

    ``history`` is what has to be kept in the annex, whether or not anything is sent. ``counts``
    tells that the warning counts against the district's budget.
    """

    reason: DecisionReason
    history: WarningHistory = EMPTY
    action: Action | None = None
    severity: Severity | None = None
    expected_loss_minor: int = 0
    amount_at_risk_minor: int = 0
    rule: str = ""
    revision: int = 0
    counts: bool = False
