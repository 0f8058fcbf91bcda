"""Tables of warnings and cases. A case is one scam against one person; warnings belong to it."""

from typing import Any

from sqlalchemy import JSON, Float, ForeignKey, Index, false
from sqlalchemy.orm import Mapped, mapped_column

from alerting.db.declarative_base import (
    Base,
    District,
    EpochMs,
    Id,
    Key,
    Minor,
    Prose,
    Serial,
    Short,
    Tenant,
)


class Case(Base):
    """One scam against one person, from the first warning to its outcome.

    The columns from ``severity`` to ``forwarding_on`` sum up the warnings in force. ``version`` grows
    with every change, so that a step on an older version is refused. ``round`` grows when the case is
    reopened or its warning comes back, ``releases`` when it is given back to the queue; both start
    deliveries again (see ``alerting.notify.dispatch.delivery_rows``). The holder's next step is due
    at ``follow_up_due_ms``. ``watched`` is set when a warning came in the watch period after a
    dissuasion of the person: the case is then at least critical. ``gone_minor`` is the sum of the payments that went through, the newest of
    them at ``gone_at_ms``.
    """

    __tablename__ = "cases"
    __table_args__ = (
        Index(None, "tenant", "subscriber"),
        Index(None, "state", "deadline_ms"),
        Index(None, "holder"),
        Index(None, "opened_at_ms"),
        Index(None, "responded_at_ms"),
        Index(None, "closed_at_ms"),
        # For the related cases on a case's page.
        Index(None, "tenant", "caller"),
        Index(None, "tenant", "payee"),
        Index(None, "follows"),
        Index(None, "duplicate_of"),
    )

    case_id: Mapped[Key]
    version: Mapped[int] = mapped_column(default=1)
    tenant: Mapped[Tenant]
    district: Mapped[District]
    subscriber: Mapped[Id]
    state: Mapped[Short]
    severity: Mapped[Short]
    typology: Mapped[Short]
    probability: Mapped[float] = mapped_column(Float)
    expected_loss_minor: Mapped[Minor]
    amount_at_risk_minor: Mapped[Minor]
    gone_minor: Mapped[Minor] = mapped_column(default=0, server_default="0")
    gone_at_ms: Mapped[EpochMs | None]
    currency: Mapped[Short]
    rank_weight: Mapped[float] = mapped_column(Float, default=1.0, server_default="1")
    caller: Mapped[Id | None]
    payee: Mapped[Id | None]
    on_call: Mapped[bool]
    forwarding_on: Mapped[bool]
    subject_kind: Mapped[Short]
    subject_status: Mapped[Short]
    model_version: Mapped[Short]
    withdrawn: Mapped[bool] = mapped_column(default=False)
    watched: Mapped[bool] = mapped_column(default=False, server_default=false())
    opened_at_ms: Mapped[EpochMs]
    deadline_ms: Mapped[EpochMs]
    first_event_ms: Mapped[EpochMs]
    last_event_ms: Mapped[EpochMs]
    holder: Mapped[str | None]
    held_since_ms: Mapped[EpochMs | None]
    follow_up_due_ms: Mapped[EpochMs | None]
    follow_up_level: Mapped[int] = mapped_column(default=0)
    round: Mapped[int] = mapped_column(default=0)
    releases: Mapped[int] = mapped_column(default=0)
    team: Mapped[str] = mapped_column(default="")
    responded_at_ms: Mapped[EpochMs | None]
    escalation_level: Mapped[int] = mapped_column(default=0)
    contact_attempts: Mapped[int] = mapped_column(default=0)
    disposition: Mapped[Short | None]
    outcome_revision: Mapped[int] = mapped_column(default=0)
    closed_at_ms: Mapped[EpochMs | None]
    closed_by: Mapped[str | None]
    duplicate_of: Mapped[Id | None]
    follows: Mapped[Id | None]
    prevented_minor: Mapped[Minor] = mapped_column(default=0)
    lost_minor: Mapped[Minor] = mapped_column(default=0)
    erased_at_ms: Mapped[EpochMs | None]


class Warning_(Base):  # noqa: N801 - Warning is a builtin, and the table is called warnings
    """A warning in its newest revision; ``revisions`` counts those that changed something."""

    __tablename__ = "warnings"
    __table_args__ = (
        Index(None, "case_id"),
        Index(None, "tenant", "subject_id"),
        Index(None, "tenant", "caller"),
        Index(None, "tenant", "payee"),
    )

    warning_id: Mapped[Key]
    case_id: Mapped[Id] = mapped_column(ForeignKey("cases.case_id"))
    tenant: Mapped[Tenant]
    district: Mapped[District]
    subscriber: Mapped[Id]
    action: Mapped[Short]
    severity: Mapped[Short]
    typology: Mapped[Short]
    probability: Mapped[float] = mapped_column(Float)
    expected_loss_minor: Mapped[Minor]
    amount_at_risk_minor: Mapped[Minor]
    currency: Mapped[Short]
    subject_kind: Mapped[Short]
    subject_id: Mapped[Id]
    subject_status: Mapped[Short]
    caller: Mapped[Id | None]
    payee: Mapped[Id | None]
    payer: Mapped[Id | None]
    on_call: Mapped[bool]
    forwarding_on: Mapped[bool]
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    decision: Mapped[Prose]
    model_version: Mapped[Short]
    policy_version: Mapped[Short]
    event_time_ms: Mapped[EpochMs]
    appended_at_ms: Mapped[EpochMs]
    raised_at_ms: Mapped[EpochMs]
    received_at_ms: Mapped[EpochMs]
    revisions: Mapped[int] = mapped_column(default=1)
    source_topic: Mapped[str]
    source_partition: Mapped[int]
    source_offset: Mapped[EpochMs]
    traceparent: Mapped[str] = mapped_column(default="")


class CaseEvent(Base):
    """One event of a case; rows are only added."""

    __tablename__ = "case_events"
    __table_args__ = (Index(None, "case_id", "event_no"),)

    event_no: Mapped[Serial]
    case_id: Mapped[Id] = mapped_column(ForeignKey("cases.case_id"))
    at_ms: Mapped[EpochMs]
    kind: Mapped[Short]
    actor: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


class EmergencyContact(Base):
    """A relative to call when the victim cannot be reached."""

    __tablename__ = "relatives"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    subscriber: Mapped[str] = mapped_column(primary_key=True)
    phone: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(default="")
    added_at_ms: Mapped[EpochMs]
