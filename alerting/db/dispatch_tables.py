"""Tables of the dispatch: timers, deliveries, shifts, silences, leases."""

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from alerting.db.declarative_base import (
    Base,
    District,
    EpochMs,
    Id,
    Key,
    Prose,
    Serial,
    Short,
    Tenant,
)


class Timer(Base):
    """A check of a case that is due at a time; one replica handles it, in one transaction.

    ``attempts`` counts the failures in a row, each of which postponed it.
    """

    __tablename__ = "timers"
    __table_args__ = (
        UniqueConstraint("case_id", "kind", "sequence"),
        Index(None, "state", "due_ms"),
    )

    timer_no: Mapped[Serial]
    case_id: Mapped[Id] = mapped_column(ForeignKey("cases.case_id"))
    kind: Mapped[Short]
    sequence: Mapped[int] = mapped_column(default=0)
    due_ms: Mapped[EpochMs]
    state: Mapped[Short] = mapped_column(default="pending")
    attempts: Mapped[int] = mapped_column(default=0)


class Delivery(Base):
    """One message or order to one recipient over one channel, with its results.

    ``delivery_id`` is derived from content, recipient and reason, so one reason makes one delivery;
    gateways get it as the idempotency key. ``lease_until_ms`` bounds the lease of a replica that
    died. ``round`` is that of its case, and ``step`` names the deliveries of the round that belong
    together, for example all pages of one level of escalation. Deliveries of one ``batch_id`` went
    out as one message under that key. ``feed_no`` numbers the patrol feed in the order of commits.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index(None, "state", "not_before_ms"),
        Index(None, "case_id"),
        Index(None, "sweep_id"),
        Index(None, "tenant", "subscriber", "created_at_ms"),
        Index(None, "group_key", "state"),
        Index(None, "batch_id"),
        Index(None, "tenant", "team", "created_at_ms"),
        Index(None, "channel", "feed_no"),
    )

    delivery_id: Mapped[Key]
    case_id: Mapped[Id | None]
    sweep_id: Mapped[Id | None]
    tenant: Mapped[Tenant]
    district: Mapped[District]
    subscriber: Mapped[Id]
    channel: Mapped[Short]
    purpose: Mapped[Short]
    recipient: Mapped[str] = mapped_column(String(200))  # a responder's name, as in a shift
    address: Mapped[str]
    team: Mapped[str] = mapped_column(default="")
    template: Mapped[Short]
    language: Mapped[Short]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    reason: Mapped[Short]
    state: Mapped[Short] = mapped_column(default="pending")
    priority: Mapped[int] = mapped_column(default=0)
    group_key: Mapped[str] = mapped_column(default="")
    not_before_ms: Mapped[EpochMs]
    lease_owner: Mapped[str] = mapped_column(default="")
    lease_until_ms: Mapped[EpochMs] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[Prose] = mapped_column(default="")
    provider_reference: Mapped[str] = mapped_column(default="")
    batch_id: Mapped[str] = mapped_column(default="")
    round: Mapped[int] = mapped_column(default=0)
    step: Mapped[str] = mapped_column(default="")
    feed_no: Mapped[EpochMs | None]
    created_at_ms: Mapped[EpochMs]
    sent_at_ms: Mapped[EpochMs | None]
    confirmed_at_ms: Mapped[EpochMs | None]


class Shift(Base):
    """A responder on call for a district and team, with the channel and address for pages."""

    __tablename__ = "shifts"
    __table_args__ = (Index(None, "tenant", "starts_at_ms"),)

    shift_id: Mapped[Key]
    tenant: Mapped[Tenant]
    district: Mapped[District]
    team: Mapped[str]
    responder: Mapped[str]
    channel: Mapped[Short]
    address: Mapped[str]
    starts_at_ms: Mapped[EpochMs]
    ends_at_ms: Mapped[EpochMs]


class Silence(Base):
    """Withholds matching pages until it expires; the cases stay in the queue.

    ``state`` is ``active``, or ``proposed`` until a second person approves it.
    """

    __tablename__ = "silences"
    __table_args__ = (Index(None, "tenant", "expires_at_ms"),)

    silence_id: Mapped[Key]
    tenant: Mapped[Tenant]
    matchers: Mapped[dict[str, str]] = mapped_column(JSON)
    reason: Mapped[Prose]
    owner: Mapped[str]
    created_at_ms: Mapped[EpochMs]
    starts_at_ms: Mapped[EpochMs]
    expires_at_ms: Mapped[EpochMs]
    state: Mapped[Short] = mapped_column(default="active", server_default="active")
    approver: Mapped[str | None]


class Lease(Base):
    """The right of one replica to do a job, until the lease expires."""

    __tablename__ = "leases"

    name: Mapped[Key]
    owner: Mapped[str]
    until_ms: Mapped[EpochMs]
