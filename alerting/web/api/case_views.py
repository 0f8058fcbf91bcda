"""Views of cases in the API; numbers and accounts are masked."""

from typing import Any

from pydantic import BaseModel, Field

from alerting.access.masking import mask_account, mask_phone
from alerting.cases.case_queries import CaseFile
from alerting.cases.severity import urgency
from alerting.db.case_tables import Case, CaseEvent, Warning_
from alerting.db.contact_tables import Activity
from alerting.db.dispatch_tables import Delivery
from alerting.db.ledger_tables import LedgerEntry


class CaseView(BaseModel):
    """A case as a line of the queue; money in minor units, times in UTC milliseconds."""

    case_id: str
    version: int
    tenant: str
    district: str
    subscriber: str = Field(description="masked")
    state: str
    severity: str
    typology: str
    probability: float
    expected_loss_minor: int
    amount_at_risk_minor: int
    gone_minor: int = Field(description="payments that went through")
    gone_at_ms: int | None = Field(description="when the newest of them did")
    currency: str
    caller: str = Field(description="masked; empty if not known")
    payee: str = Field(description="masked; empty if not known")
    on_call: bool
    forwarding_on: bool
    subject_kind: str
    subject_status: str
    withdrawn: bool
    opened_at_ms: int
    deadline_ms: int
    time_left_ms: int = Field(description="to first response; negative when overdue")
    urgency: float = Field(description="money at stake per millisecond left; the queue's order")
    comparable_loss_minor: int = Field(
        description="expected loss in the console's currency, by a reference rate for the order alone"
    )
    holder: str | None
    held_since_ms: int | None
    follow_up_due_ms: int | None = Field(description="when the holder's next step is due")
    follow_up_level: int = Field(description="how many supervisors were alerted to it")
    team: str
    responded_at_ms: int | None
    escalation_level: int
    contact_attempts: int
    disposition: str | None
    closed_at_ms: int | None
    prevented_minor: int
    lost_minor: int
    duplicate_of: str | None
    follows: str | None
    first_event_ms: int
    last_event_ms: int
    model_version: str

    @classmethod
    def of(cls, case: Case, now_ms: int) -> "CaseView":
        """The view of a row."""
        plain = {name: getattr(case, name) for name in cls.model_fields if name not in _COMPUTED}
        return cls(
            **plain,
            subscriber=mask_phone(case.subscriber),
            caller=mask_phone(case.caller),
            payee=mask_account(case.payee),
            time_left_ms=case.deadline_ms - now_ms,
            urgency=urgency(
                case.expected_loss_minor,
                case.deadline_ms,
                now_ms,
                gone_minor=case.gone_minor,
                gone_at_ms=case.gone_at_ms,
                weight=case.rank_weight,
            ),
            comparable_loss_minor=round(case.expected_loss_minor * case.rank_weight),
        )


_COMPUTED = {"subscriber", "caller", "payee", "time_left_ms", "urgency", "comparable_loss_minor"}


class WarningView(BaseModel):
    """One warning of a case in its newest revision."""

    warning_id: str
    action: str
    severity: str
    typology: str
    probability: float
    expected_loss_minor: int
    amount_at_risk_minor: int
    currency: str
    subject_kind: str
    subject_id: str
    subject_status: str
    caller: str
    payee: str
    on_call: bool
    forwarding_on: bool
    reasons: list[dict[str, Any]]
    decision: str
    model_version: str
    policy_version: str
    event_time_ms: int
    raised_at_ms: int
    received_at_ms: int
    revisions: int

    @classmethod
    def of(cls, row: Warning_) -> "WarningView":
        """The view of a row."""
        plain = {name: getattr(row, name) for name in cls.model_fields if name not in _COMPUTED}
        return cls(**plain, caller=mask_phone(row.caller), payee=mask_account(row.payee))


class EventView(BaseModel):
    """One event of a case."""

    at_ms: int
    kind: str
    actor: str
    detail: dict[str, Any]

    @classmethod
    def of(cls, row: CaseEvent) -> "EventView":
        """The view of a row."""
        return cls(at_ms=row.at_ms, kind=row.kind, actor=row.actor, detail=row.detail)


class DeliveryView(BaseModel):
    """One delivery; the address is masked."""

    delivery_id: str
    channel: str
    purpose: str
    recipient: str
    address: str
    reason: str
    state: str
    attempts: int
    last_error: str
    created_at_ms: int
    sent_at_ms: int | None
    confirmed_at_ms: int | None

    @classmethod
    def of(cls, row: Delivery) -> "DeliveryView":
        """The view of a row."""
        plain = {name: getattr(row, name) for name in cls.model_fields if name != "address"}
        return cls(**plain, address=mask_phone(row.address) if "@" not in row.address else "")


class LedgerView(BaseModel):
    """One entry of the ledger."""

    at_ms: int
    account: str
    reason: str
    transfer_id: str | None
    amount_minor: int
    currency: str

    @classmethod
    def of(cls, row: LedgerEntry) -> "LedgerView":
        """The view of a row."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class ActivityView(BaseModel):
    """One call or transfer of the person; the other side is masked."""

    at_ms: int
    kind: str
    status: str
    direction: str
    peer: str
    amount_minor: int
    currency: str
    duration_ms: int

    @classmethod
    def of(cls, row: Activity) -> "ActivityView":
        """The view of a row."""
        plain = {name: getattr(row, name) for name in cls.model_fields if name != "peer"}
        mask = mask_phone if row.kind == "call" else mask_account
        return cls(**plain, peer=mask(row.peer))


class CaseFileView(BaseModel):
    """A case with its warnings, history, deliveries, ledger, timeline and linked cases."""

    case: CaseView
    warnings: list[WarningView]
    events: list[EventView]
    deliveries: list[DeliveryView]
    ledger: list[LedgerView]
    timeline: list[ActivityView]
    linked: list[CaseView]

    @classmethod
    def of(
        cls, file: CaseFile, timeline: list[Activity], linked: list[Case], now_ms: int
    ) -> "CaseFileView":
        """The view of a case file."""
        return cls(
            case=CaseView.of(file.case, now_ms),
            warnings=[WarningView.of(row) for row in file.warnings],
            events=[EventView.of(row) for row in file.events],
            deliveries=[DeliveryView.of(row) for row in file.deliveries],
            ledger=[LedgerView.of(row) for row in file.ledger],
            timeline=[ActivityView.of(row) for row in timeline],
            linked=[CaseView.of(other, now_ms) for other in linked],
        )
